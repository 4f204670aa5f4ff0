import Clinical
import Contracts
import Cryptography

/// A stay in hospital from admission to discharge: all episodes with one day of admission, found by the first of them.
struct Spell {
  var organisation: Int32
  var admitted: Int32
  /// ADMIMETH, packed.
  var method: UInt64
  /// Whether `admitted` is the first of its month, which is all that is known.
  var isMonthOnly: Bool
  /// Among those of one record that have the same month and method.
  var number: Int32
  var discharged: Int32?
  var hasDied = false
  var primary = TestSet()
  var secondary = TestSet()
  var procedures = TestSet()

  /// The last day on which it may have begun.
  var latest: Int32 { isMonthOnly ? Period(containing: CalendarDate(day: admitted)).last.day : admitted }

  func isSame(_ other: Spell) -> Bool {
    organisation == other.organisation && admitted == other.admitted && method == other.method
      && isMonthOnly == other.isMonthOnly && number == other.number
  }

  /// - Precondition: `tests` knows the group's lists.
  func belongs(to group: TestedDiagnosisGroup) -> Bool {
    if let barred = group.withoutProcedures, procedures.contains(barred) { return false }
    return group.conditions.contains { condition in
      (condition.primary.map { primary.contains($0) } ?? true)
        && (condition.secondary.map { secondary.contains($0) } ?? true)
        && (condition.anywhere.map { primary.contains($0) || secondary.contains($0) } ?? true)
    }
  }
}

/// A ``DiagnosisGroup`` by the numbers of its lists.
struct TestedDiagnosisGroup: Sendable {
  struct Condition: Sendable {
    let primary: Int?
    let secondary: Int?
    let anywhere: Int?
  }

  let conditions: [Condition]
  let withoutProcedures: Int?

  init(_ group: DiagnosisGroup, _ tests: inout CodeTests) throws(CodeTests.TooMany) {
    var conditions: [Condition] = []
    for condition in group.conditions {
      func test(_ codes: CodeSet?) throws(CodeTests.TooMany) -> Int? {
        guard let codes else { return nil }
        return try tests.test(codes)
      }
      conditions.append(
        Condition(
          primary: try test(condition.primary), secondary: try test(condition.secondary),
          anywhere: try test(condition.anywhere)))
    }
    self.conditions = conditions
    withoutProcedures = group.withoutProcedures.isEmpty ? nil : try tests.test(group.withoutProcedures)
  }
}

extension Spell {
  private static let died: Set<UInt64> = [PersonHistory.packed("4".utf8), PersonHistory.packed("5".utf8)]

  /// Appends the spells of one record that are not there yet: a spell is seen again where look-back windows of extracts
  /// overlap. So the newest record is to come first.
  static func append(
    of record: PersonHistory.Record, _ entries: ArraySlice<PersonHistory.Entry>, _ tests: CodeTests,
    to spells: inout [Spell]
  ) {
    for (place, entry) in zip(entries.indices, entries)
    where entry.system == .admissionMethod && entry.position == 1 && entry.day != PersonHistory.undated {
      var spell = Spell(
        organisation: record.organisation, admitted: entry.day, method: entry.code, isMonthOnly: entry.isMonthOnly,
        number: 1)
      if entry.isMonthOnly {
        spell.number += Int32(
          entries[..<place].count {
            $0.system == .admissionMethod && $0.position == 1 && $0.day == entry.day && $0.code == entry.code
              && $0.isMonthOnly
          })
      }
      if !spells.contains(where: { $0.isSame(spell) }) {
        spell.describe(by: entry, entries, tests)
        spells.append(spell)
      }
    }
  }

  /// Diagnoses of the first episode; discharge, death and procedures of every episode admitted on that day.
  private mutating func describe(
    by first: PersonHistory.Entry, _ entries: ArraySlice<PersonHistory.Entry>, _ tests: CodeTests
  ) {
    var episodes: Set<Int32> = []
    for entry in entries
    where entry.system == .admissionMethod && entry.day == first.day && entry.isMonthOnly == isMonthOnly {
      if isMonthOnly, entry.encounter != first.encounter { continue }
      if entry.encounter > 0 { episodes.insert(entry.encounter) }
      if entry.endDay != PersonHistory.undated, !entry.isMonthOnly {
        discharged = max(discharged ?? entry.endDay, entry.endDay)
      }
    }
    for entry in entries where episodes.contains(entry.encounter) {
      switch entry.system {
      case .icd10 where entry.encounter == first.encounter:
        if entry.position == 1 {
          primary.formUnion(tests[entry.code])
        } else {
          secondary.formUnion(tests[entry.code])
        }
      case .opcs4: procedures.formUnion(tests[entry.code])
      case .dischargeMethod: if Self.died.contains(entry.code) { hasDied = true }
      default: break
      }
    }
  }
}
