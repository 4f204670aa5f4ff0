import Clinical
import Contracts
import Cryptography

@testable import Ingestion
@testable import caredata

/// What is known of everybody, kept by the plainest reading of the rules: no tokens, no stamps, no tables.
struct Oracle {
  struct Saying {
    let type: ObjectionType
    let decision: ObjectionDecision
    let day: Int32?
  }

  /// What somebody may object for: everything under their NHS number, or a registration that was sent without one.
  enum Reach: Hashable {
    case number
    case registration(Place)
  }

  private struct Voice {
    var sayings: [Saying] = []
    var reach: Set<Reach> = []
  }

  private struct Known {
    var practices: [Place: Voice] = [:]
    var requests = Voice(reach: [.number])
    /// On the newest list. Whoever is not is one of whom it says nothing.
    var isListed = false
    /// As admitted last, with the event that did it.
    var records: [Place: (presence: Person.Presence, admitted: Int)] = [:]
    /// Where they were ever sent, with or without number as sent last; also of what has been taken back since.
    var seen: [Place: Person.Presence] = [:]
    /// The last event after which an objection was in force.
    var lastInForce: [Reach: [ObjectionType: Int]] = [:]
  }

  private var known: [Known]
  private var now = -1

  init(people: Int) { known = Array(repeating: Known(), count: people) }

  // MARK: What happens

  mutating func take(_ event: Event, at index: Int) {
    now = index
    switch event {
    case .list(let listed):
      for no in known.indices {
        known[no].isListed = listed[no]
      }
    case .requests(let requests):
      for request in requests {
        known[request.person].requests.sayings.append(
          Saying(type: request.type, decision: request.decision, day: request.day))
      }
    case .extract(let place, let people):
      for no in known.indices { take(people[no], at: place, no) }
    case .newRoutingKey, .newLinkageKey: break
    case .leave(let place):
      for no in known.indices { known[no].records[place] = nil }
    }
    for no in known.indices { remember(no) }
  }

  private mutating func take(_ person: Person, at place: Place, _ no: Int) {
    let presence = person.presence[place.rawValue]
    guard presence != .absent else {
      known[no].records[place] = nil
      return
    }
    known[no].seen[place] = presence
    let reach: Reach = presence == .numbered ? .number : .registration(place)
    let sayings = person.codes[place.rawValue].compactMap(Self.saying)
    if !sayings.isEmpty {
      known[no].practices[place, default: Voice()].sayings += sayings
      known[no].practices[place]!.reach.insert(reach)
      // What the registration is known by already, it speaks for as well.
      if let before = known[no].records[place] {
        known[no].practices[place]!.reach.insert(before.presence == .numbered ? .number : .registration(place))
      }
    }
    known[no].records[place] = (presence, now)
    guard let voice = known[no].practices[place] else { return }
    // It follows its records: back under the number, it no longer speaks for the registration alone.
    known[no].practices[place]!.reach = presence == .numbered ? [.number] : voice.reach.union([reach])
  }

  private mutating func remember(_ no: Int) {
    for reach in [Reach.number] + Place.allCases.map(Reach.registration) {
      for type in [ObjectionType.objectionType1, .objectionType2] where isInForce(type, no, reach) {
        known[no].lastInForce[reach, default: [:]][type] = now
      }
    }
  }

  private static func saying(_ entry: Entry) -> Saying? {
    let dissents = ["9Nu0.": 1, "XaZ89": 1, "827241000000103": 1, "9Nu4.": 2, "XaaVL": 2, "881561000000100": 2]
    let withdrawals = ["9Nu1": 1, "XaZ8a": 1, "827261000000102": 1, "9Nu5.": 2, "XaaVM": 2, "881581000000109": 2]
    guard let type = (dissents[entry.code] ?? withdrawals[entry.code]).flatMap(ObjectionType.init(rawValue:)) else {
      return nil
    }
    return Saying(
      type: type, decision: dissents[entry.code] != nil ? .dissent : .withdrawn, day: entry.hasDay ? entry.day : nil)
  }

  // MARK: What follows

  private func isInForce(_ type: ObjectionType, _ no: Int, _ reach: Reach) -> Bool {
    var said: [Saying] = []
    let voices = Array(known[no].practices.values) + [known[no].requests]
    for voice in voices where voice.reach.contains(reach) { said += voice.sayings }
    if reach == .number, known[no].isListed { said.append(Saying(type: .objectionType2, decision: .dissent, day: nil)) }
    said = said.filter { $0.type == type }
    if said.contains(where: { $0.decision == .dissent && $0.day == nil }) { return true }
    guard let latest = said.compactMap(\.day).max() else { return false }
    return said.contains { $0.day == latest && $0.decision == .dissent }
  }

  /// Whether an objection is in force, or was when or after the record was admitted.
  private func isCovered(_ no: Int, _ reach: Reach, _ source: Source, admitted: Int) -> Bool {
    let types: [ObjectionType] = source == .gp ? [.objectionType1, .objectionType2] : [.objectionType2]
    return types.contains { (known[no].lastInForce[reach]?[$0] ?? -1) >= admitted }
  }

  /// Whether a record without number is the same person's as another without, whose registration's objection covers it.
  ///
  /// - Parameter whenever: also as one that has been taken back, or has a number now: it may have come before.
  private func isCoveredByRegistration(_ no: Int, _ place: Place, admitted: Int, whenever: Bool) -> Bool {
    Place.allCases.contains { other in
      other != place && (whenever || known[no].records[other]?.presence == .unnumbered)
        && isCovered(no, .registration(other), place.source, admitted: admitted)
    }
  }

  /// Records that are allowed and can be missing all the same: what they were taken for an objector's by has changed since.
  func uncertain(_ people: [Person], _ tokens: RecordTokens) -> Set<Token16> {
    var uncertain: Set<Token16> = []
    for no in known.indices {
      for (place, record) in known[no].records where record.presence == .unnumbered {
        guard isCoveredByRegistration(no, place, admitted: record.admitted, whenever: true) else { continue }
        uncertain.insert(place.recordID(people[no], tokens))
      }
    }
    return uncertain
  }

  /// Records that may be linked and published now.
  func allowed(_ people: [Person], _ tokens: RecordTokens) -> Set<Token16> {
    var allowed: Set<Token16> = []
    for no in known.indices {
      let hasNumber = known[no].seen.values.contains(.numbered)
      for (place, record) in known[no].records {
        let own: Reach = record.presence == .numbered ? .number : .registration(place)
        if isCovered(no, own, place.source, admitted: record.admitted) { continue }
        // A record without number is known for this person's by what it shares with one that has it, or had it and
        // was left out since, or went when its practice left.
        if hasNumber, isCovered(no, .number, place.source, admitted: record.admitted) { continue }
        if record.presence == .unnumbered,
          isCoveredByRegistration(no, place, admitted: record.admitted, whenever: false)
        {
          continue
        }
        allowed.insert(place.recordID(people[no], tokens))
      }
    }
    return allowed
  }

  /// People who object now to all or part of it, and have a record that would otherwise pass.
  func objectors() -> [Int] {
    known.indices.filter { no in
      known[no].records.contains { place, record in
        record.presence == .numbered && isInForce(.objectionType2, no, .number)
      }
    }
  }

  /// People of whom no objection was ever in force.
  func neverObjected() -> [Int] { known.indices.filter { known[$0].lastInForce.isEmpty } }
}
