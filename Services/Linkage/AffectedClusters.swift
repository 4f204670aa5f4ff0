import Cryptography

/// Decides anew for every person that a batch can have changed, and for no other.
///
/// A change of an observation touches
/// - the strong clusters of its old and its new number;
/// - where its old or its new demographics token is shared by observations without a number: these, and all strong
///   clusters that share the token, since the last but one to appear or disappear decides where they belong;
/// - the observations without number that hang on a touched strong cluster by another demographics token: they stay,
///   but the cluster's smallest record id may be one of theirs, or no longer be.
///
/// Further it does not go: the strong clusters seen with a token of the last kind are as before, so whether its
/// observations hang on the touched cluster is as before too.
struct AffectedClusters {
  private let changed: Set<Token16>
  private var members: [ClusterMember] = []
  /// Records that are not taken from the source: read already, or changed by the batch.
  private var known: Set<Token16>
  private var numbers: Set<Token16> = []
  private var demographics: Set<Token16> = []

  /// - Parameters:
  ///   - stored: records of the batch before it.
  ///   - current: the same records and new ones after it.
  init(stored: [Token16: Observation], current: [Token16: Observation]) {
    known = Set(current.keys)
    var changed: Set<Token16> = []
    for (id, after) in current {
      if after.state == .live { members.append(after.member) }
      let before = stored[id].flatMap { $0.state == .live ? $0 : nil }
      if let before, after.state == .live, before.member.hasTokens(of: after.member) { continue }
      guard before != nil || after.state == .live else { continue }
      changed.insert(id)
      for member in [before?.member, after.state == .live ? after.member : nil] {
        if let number = member?.nhsNumber { numbers.insert(number) }
        if let token = member?.demographics { demographics.insert(token) }
      }
    }
    self.changed = changed
  }

  /// Members whose person is another now, with the new one.
  mutating func reassigned(
    reading source: some ObservationSource
  ) throws -> [(member: ClusterMember, person: Token16)] {
    guard !changed.isEmpty else { return [] }
    try readTouchedDemographics(source)
    if !numbers.isEmpty { add(try source.live(nhsNumbers: Array(numbers))) }
    try readAttached(source)
    var reassigned: [(member: ClusterMember, person: Token16)] = []
    for (member, person) in zip(members, PersonAssignment.persons(of: members)) where person != member.person {
      if isComplete(member) { reassigned.append((member, person)) }
    }
    return reassigned
  }

  /// Observations without number under the touched demographics tokens, and the strong clusters that share these.
  private mutating func readTouchedDemographics(_ source: some ObservationSource) throws {
    guard !demographics.isEmpty else { return }
    let weak = try source.live(demographics: Array(demographics), withNumber: false)
    // As stored, so also the ones that the batch has just changed: they leave a cluster that must be looked at.
    var shared = Set(weak.compactMap(\.demographics))
    for member in members where member.nhsNumber == nil {
      if let token = member.demographics, changed.contains(member.recordID) { shared.insert(token) }
    }
    add(weak)
    guard !shared.isEmpty else { return }
    let strong = try source.live(demographics: Array(shared), withNumber: true)
    numbers.formUnion(strong.compactMap(\.nhsNumber))
    add(strong)
  }

  /// Observations without number under the other demographics tokens of the touched strong clusters. Of the strong
  /// clusters that share those it matters only that they exist.
  private mutating func readAttached(_ source: some ObservationSource) throws {
    var others: Set<Token16> = []
    for member in members {
      guard let number = member.nhsNumber, let token = member.demographics, numbers.contains(number) else { continue }
      if !demographics.contains(token) { others.insert(token) }
    }
    guard !others.isEmpty else { return }
    let weak = try source.live(demographics: Array(others), withNumber: false)
    guard !weak.isEmpty else { return }
    add(weak)
    let shared = Set(weak.compactMap(\.demographics))
    add(try source.live(demographics: Array(shared), withNumber: true))
    demographics.formUnion(shared)
  }

  private mutating func add(_ read: [ClusterMember]) {
    for member in read where known.insert(member.recordID).inserted { members.append(member) }
  }

  /// Whether everything that decides on this member has been read; the others are here only as witnesses.
  private func isComplete(_ member: ClusterMember) -> Bool {
    if let number = member.nhsNumber { return numbers.contains(number) }
    if let token = member.demographics { return demographics.contains(token) }
    return changed.contains(member.recordID)
  }
}
