import Cryptography
import Linking

/// Which live observations are one person.
///
/// - Observations with the same NHS-number token are one person (a strong cluster).
/// - An observation without a number joins the strong cluster that shares its demographics token if there is exactly
///   one. With none or several, the observations without number that share the token are a person of their own.
/// - An observation with neither token is a person of its own.
///
/// A person's id is derived from the smallest record id of its observations, so it is a function of the set of live
/// observations and not of the order in which they came.
enum PersonAssignment {
  private enum Cluster: Hashable {
    case number(Token16)
    case demographics(Token16)
    case alone(Token16)
  }

  private enum Candidates {
    case one(Token16)
    case several
  }

  /// The person of each member, in order. `members` must hold every observation of each cluster asked for, and for
  /// each demographics token of a member without number at least one observation of each number that shares it.
  static func persons(of members: [ClusterMember]) -> [Token16] {
    let candidates = candidates(among: members)
    let clusters = members.map { cluster(of: $0, candidates) }
    var smallest: [Cluster: Token16] = [:]
    smallest.reserveCapacity(members.count)
    for (member, cluster) in zip(members, clusters) {
      if let known = smallest[cluster], known <= member.recordID { continue }
      smallest[cluster] = member.recordID
    }
    let hasher = SHA256Hasher()
    let persons = smallest.mapValues { PersonID.of(smallestRecordID: $0, hasher) }
    return clusters.map { persons[$0]! }
  }

  private static func cluster(of member: ClusterMember, _ candidates: [Token16: Candidates]) -> Cluster {
    if let number = member.nhsNumber { return .number(number) }
    guard let demographics = member.demographics else { return .alone(member.recordID) }
    if case .one(let number) = candidates[demographics] { return .number(number) }
    return .demographics(demographics)
  }

  /// The numbers seen with each demographics token of an observation that has no number.
  private static func candidates(among members: [ClusterMember]) -> [Token16: Candidates] {
    var wanted: Set<Token16> = []
    for member in members where member.nhsNumber == nil {
      if let demographics = member.demographics { wanted.insert(demographics) }
    }
    var candidates: [Token16: Candidates] = [:]
    guard !wanted.isEmpty else { return candidates }
    for member in members {
      guard let number = member.nhsNumber, let demographics = member.demographics, wanted.contains(demographics) else {
        continue
      }
      switch candidates[demographics] {
      case nil: candidates[demographics] = .one(number)
      case .one(number), .several: break
      case .one: candidates[demographics] = .several
      }
    }
    return candidates
  }
}
