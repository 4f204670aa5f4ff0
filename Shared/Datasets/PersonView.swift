import Clinical
import Contracts

/// What counts of one person: without the sensitive codes of a purpose, and without records that are not surely theirs.
/// Everything that several datasets ask is worked out once.
struct PersonView {
  struct Coded {
    var source: Source
    var entry: PersonHistory.Entry
    var tests: TestSet
    /// The last day that it may be of.
    var latest: Int32
  }

  let records: [PersonHistory.Record]
  /// Entries with a code that some list has.
  let coded: [Coded]
  let spells: [Spell]
  /// Each once, however often a look-back window shows it.
  let contacts: [(organisation: Int32, entry: PersonHistory.Entry)]
  let sources: Set<Source>

  /// - Parameters:
  ///   - excluded: test of the codes that are left out, together with everything of the same encounter; nil: none.
  init(_ records: [PersonHistory.Record], of person: PersonHistory, excluded: Int?, _ tests: CodeTests) {
    self.records = records
    var coded: [Coded] = []
    var spells: [Spell] = []
    var contacts: [(organisation: Int32, entry: PersonHistory.Entry)] = []
    var sources: Set<Source> = []
    for record in Self.newestFirst(records) {
      sources.insert(record.source)
      let entries = Self.permitted(person.entries[record.entries], excluded: excluded, tests)
      if record.source == .hospital { Spell.append(of: record, entries, tests, to: &spells) }
      for entry in entries {
        if entry.system == .communityTeam {
          guard record.source == .community, entry.day != PersonHistory.undated else { continue }
          let isKnown = contacts.contains {
            $0.organisation == record.organisation && $0.entry.day == entry.day && $0.entry.code == entry.code
              && $0.entry.encounter == entry.encounter
          }
          if !isKnown { contacts.append((record.organisation, entry)) }
        } else if entry.system.isCoded {
          let set = tests[entry.code]
          if set.isEmpty { continue }
          coded.append(
            Coded(
              source: record.source, entry: entry, tests: set, latest: entry.isMonthOnly ? entry.lastOfMonth : entry.day
            ))
        }
      }
    }
    (self.coded, self.spells, self.contacts, self.sources) = (coded, spells, contacts, sources)
  }

  private static func newestFirst(_ records: [PersonHistory.Record]) -> [PersonHistory.Record] {
    guard records.count > 1 else { return records }
    return records.sorted { $0.period == $1.period ? $0.id < $1.id : $0.period > $1.period }
  }

  private static func permitted(
    _ entries: ArraySlice<PersonHistory.Entry>, excluded: Int?, _ tests: CodeTests
  ) -> ArraySlice<PersonHistory.Entry> {
    guard let excluded else { return entries }
    func isHit(_ entry: PersonHistory.Entry) -> Bool {
      entry.system.isCoded && tests[entry.code].contains(excluded)
    }
    guard entries.contains(where: isHit) else { return entries }
    let encounters = Set(entries.filter { isHit($0) && $0.encounter > 0 }.map(\.encounter))
    return ArraySlice(entries.filter { !isHit($0) && !encounters.contains($0.encounter) })
  }
}

extension CodeSystem {
  /// Whether its codes are ``ClinicalCode``s.
  var isCoded: Bool {
    switch self {
    case .read2, .ctv3, .snomed, .icd10, .opcs4: true
    case .admissionMethod, .communityTeam, .dischargeMethod, .unspecified, .UNRECOGNIZED: false
    }
  }
}

extension PersonHistory.Entry {
  var lastOfMonth: Int32 { Period(containing: CalendarDate(day: day)).last.day }
}
