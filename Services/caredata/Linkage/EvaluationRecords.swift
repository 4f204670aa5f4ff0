import Clinical
import Cryptography
import Foundation
import LinkKeys
import Linking

/// Records to be linked within this process, from a CSV file.
struct EvaluationRecords {
  static let columns = [
    "record_id", "source", "nhs_number", "date_of_birth", "sex", "postcode", "local_id", "organisation",
  ]

  /// As in the file.
  private(set) var names: [String] = []
  /// By record, which of ``identities`` it has.
  private(set) var places: [Int32] = []
  /// What is different among them, and what says too little to be the same person's each time.
  private(set) var identities: [Sourced] = []
  /// By record, a number for each value of the truth column; empty without one.
  private(set) var truth: [Int32] = []
  /// Values that could not be used, by column.
  private(set) var unusable: [String: Int] = [:]

  struct Sourced: Hashable {
    var identity = LinkIdentity()
    var source: LinkNodes.Source?

    func hash(into hasher: inout Hasher) {
      identity.hash(into: &hasher)
      hasher.combine(source?.rawValue ?? 0)
    }
  }

  private var known: [Sourced: Int32] = [:]
  private var truths: [String: Int32] = [:]
  private var seen: Set<String> = []
  private let locals: HMACSHA256
  private let today = CalendarDate.today

  /// Where a row has which of ``columns``; nil: the file has none such.
  private struct Layout {
    let name: Int
    let source, number, birth, sex, postcode, local, organisation: Int?

    init(_ table: ExtractTable) {
      name = table.requiredIndex(of: columns[0])
      source = table.index(of: columns[1])
      number = table.index(of: columns[2])
      birth = table.index(of: columns[3])
      sex = table.index(of: columns[4])
      postcode = table.index(of: columns[5])
      local = table.index(of: columns[6])
      organisation = table.index(of: columns[7])
    }
  }

  /// - Parameter truth: name of the column that says whose a record is.
  init(file: String, truth truthColumn: String?) throws {
    locals = try HMACSHA256(key: .random())
    let table = try ExtractTable(
      file: file,
      columns: ExtractColumns(
        required: [Self.columns[0]] + (truthColumn.map { [$0] } ?? []), optional: Array(Self.columns.dropFirst())))
    let layout = Layout(table)
    reserve((try? URL(fileURLWithPath: file).resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0)
    let truthIndex = truthColumn.map { table.requiredIndex(of: $0) }
    while try table.next() {
      let name = String(decoding: try table.nonEmpty(layout.name), as: UTF8.self)
      guard seen.insert(name).inserted else {
        throw ClientError("\(file), row \(table.row), column record_id: is there twice")
      }
      names.append(name)
      if let truthIndex { add(truth: table.string(truthIndex), name) }
      add(sourced(layout) { $0.map { table.string($0) } ?? "" })
    }
    (known, truths, seen) = ([:], [:], [])
  }

  /// Growing tables step by step costs more than anything else that reading does.
  private mutating func reserve(_ bytes: Int) {
    let bytesOfRow = 60
    seen.reserveCapacity(bytes / bytesOfRow)
    known.reserveCapacity(bytes / bytesOfRow)
  }

  private mutating func add(truth value: String, _ name: String) {
    // Of whom nothing is known is nobody else.
    let value = value.isEmpty ? "\u{0}\(name)" : value
    if let number = truths[value] { return truth.append(number) }
    let number = Int32(truths.count)
    truths[value] = number
    truth.append(number)
  }

  private mutating func add(_ sourced: Sourced) {
    let isSpecific = sourced.identity.isSpecific
    let place = (isSpecific ? known[sourced] : nil) ?? Int32(identities.count)
    if place == Int32(identities.count) {
      if isSpecific { known[sourced] = place }
      identities.append(sourced)
    }
    places.append(place)
  }

  // MARK: One row

  private mutating func sourced(_ layout: Layout, _ text: (Int?) -> String) -> Sourced {
    var result = Sourced()
    let source = text(layout.source)
    result.source = Self.sources[source]
    if result.source == nil, !source.isEmpty { unusable["source", default: 0] += 1 }
    read(number: text(layout.number), &result.identity)
    read(birth: text(layout.birth), &result.identity)
    read(sex: text(layout.sex), &result.identity)
    read(postcode: text(layout.postcode), &result.identity)
    let local = text(layout.local)
    if !local.isEmpty { result.identity.local = locals.token(text(layout.organisation), source, local).high }
    return result
  }

  private static let sources: [String: LinkNodes.Source] = [
    "gp": .gp, "hospital": .hospital, "community": .community,
  ]

  private mutating func read(number text: String, _ identity: inout LinkIdentity) {
    do throws(NHSNumber.Fault) {
      identity.number = UInt64(try NHSNumber(validating: text).digits) ?? 0
    } catch {
      switch error {
      case .missing: break
      case .checkDigit:
        identity.mistypedNumber = UInt64(text.filter(\.isNumber)) ?? 0
        unusable["nhs_number", default: 0] += 1
      case .length, .digits, .sentinel: unusable["nhs_number", default: 0] += 1
      }
    }
  }

  private mutating func read(birth text: String, _ identity: inout LinkIdentity) {
    guard !text.isEmpty else { return }
    do throws(DateOfBirth.Fault) {
      identity.set(birth: try DateOfBirth(validating: text, notAfter: today).date)
    } catch {
      unusable["date_of_birth", default: 0] += 1
    }
  }

  private mutating func read(sex text: String, _ identity: inout LinkIdentity) {
    guard !text.isEmpty else { return }
    guard let sex = Sex(personGenderCode: text) else {
      unusable["sex", default: 0] += 1
      return
    }
    identity.set(sex: UInt32(sex.rawValue))
  }

  private mutating func read(postcode text: String, _ identity: inout LinkIdentity) {
    do throws(Postcode.Fault) {
      let postcode = try Postcode(validating: text)
      if !postcode.isPseudo { identity.set(postcode: postcode.text) }
    } catch {
      if error != .missing { unusable["postcode", default: 0] += 1 }
    }
  }
}
