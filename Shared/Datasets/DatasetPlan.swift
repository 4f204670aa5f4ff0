import Clinical
import Contracts
import Cryptography
import Disclosure
import Specification

/// The datasets that are computed together, in one pass over all people. A worker has a copy of its own; copies that
/// have seen different people are merged.
public struct DatasetPlan: Sendable {
  /// What one dataset is made of, and the codes that are left out of it.
  public struct Part: Sendable {
    public let definition: DatasetDefinition
    public let excluded: CodeSet

    public init(_ definition: DatasetDefinition, excluded: CodeSet) {
      self.definition = definition
      self.excluded = excluded
    }
  }

  /// Datasets that see people alike.
  private struct Sight: Hashable {
    let excluded: Int?
    let minimumRank: Int?
  }

  public let day: CalendarDate
  public var names = Names()
  public var tests = CodeTests()
  private var counters: [DatasetCounter] = []
  private var sights: [Sight: [Int]] = [:]
  private let recordKey: (@Sendable (Token16) -> Int)?

  /// - Parameters:
  ///   - day: of reference, the last of the newest period.
  ///   - recordKey: of a person, for ever; asked only where a dataset is perturbed.
  public init(
    _ parts: [Part], on day: CalendarDate, recordKey: @escaping @Sendable (Token16) -> Int
  ) throws(CodeTests.TooMany) {
    self.day = day
    var isPerturbed = false
    for part in parts {
      let excluded = part.excluded.isEmpty ? nil : try tests.test(part.excluded)
      counters.append(try DatasetCounter(part.definition, on: day, &tests))
      sights[Sight(excluded: excluded, minimumRank: part.definition.minimumRank), default: []].append(
        counters.count - 1)
      if case .cellKey = part.definition.rule { isPerturbed = true }
    }
    self.recordKey = isPerturbed ? recordKey : nil
  }

  /// The number of a code as ``PersonHistory/Entry/code`` has it.
  public mutating func number(_ code: ClinicalCode) -> UInt64 { tests.number(code) }

  public mutating func add(_ person: PersonHistory) {
    guard !person.records.isEmpty else { return }
    for (sight, places) in sights {
      for (records, id) in Self.people(person, minimumRank: sight.minimumRank) {
        let view = PersonView(records, of: person, excluded: sight.excluded, tests)
        let key = recordKey.map { $0(id) } ?? 0
        for place in places { counters[place].add(view, key: key) }
      }
    }
  }

  /// Records that are not surely the person's are nobody's in particular.
  private static func people(
    _ person: PersonHistory, minimumRank: Int?
  ) -> [(records: [PersonHistory.Record], id: Token16)] {
    guard let minimumRank else { return [(person.records, person.id)] }
    let sure = person.records.filter { 1...minimumRank ~= Int($0.rank) }
    let others = person.records.filter { !(1...minimumRank ~= Int($0.rank)) }
    return (sure.isEmpty ? [] : [(sure, person.id)]) + others.map { ([$0], $0.id) }
  }

  /// Takes in what a copy of this plan has counted.
  public mutating func merge(_ other: DatasetPlan) {
    var numbers: [Int32] = []
    for number in 0..<other.names.count { numbers.append(names.number(other.names[Int32(number)])) }
    for place in counters.indices { counters[place].merge(other.counters[place], renaming: numbers) }
  }

  /// In the order of the parts.
  public func results() -> [DatasetCells] { counters.map { DatasetCells($0, on: day, names) } }
}

extension DatasetPlan {
  /// A stored code as ``PersonHistory/Entry/code`` has it; what is no code of its system is in no list.
  public mutating func code(_ text: UnsafeRawBufferPointer, _ system: CodeSystem) -> UInt64 {
    guard let clinical = ClinicalCode.System(rawValue: system.rawValue) else { return PersonHistory.packed(text) }
    return text.withMemoryRebound(to: UInt8.self) { bytes in
      guard let code = try? ClinicalCode(system: clinical, normalising: String(decoding: bytes, as: UTF8.self)) else {
        return CodeTests.nothing
      }
      return tests.number(code)
    }
  }
}
