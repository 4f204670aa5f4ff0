import Contracts
import Cryptography
import KeyRing
import Postgres
import StageKit

/// Looks for a person of a synthetic region at both ends: what ingestion admitted, what the objection filter decided,
/// and what counts at publication. Needs keys of two stages, so it is for trials and tests only.
struct CanaryCheck {
  struct Look: Equatable {
    /// Records that would count but for objections.
    var admitted: Int64
    /// Of these, records that the objection filter holds back.
    var heldBack: Int64
    /// Records whose facts count.
    var published: Int64

    /// A canary that was never admitted shows nothing.
    var isSafe: Bool { admitted > 0 && heldBack == admitted && published == 0 }
  }

  private let routing: RoutingTokens
  private let withdrawal: WithdrawalTokens
  private let routingVersion: Int
  private let database: Connection

  init(keys: KeyInstallation, _ database: Connection) throws {
    let ingestion = try keys.ring(of: .ingestion)
    let key = try RoutingKeyInUse.find(ingestion, database)
    routing = try RoutingTokens(persons: try ingestion.active(.persons).secret, routing: key.secret)
    withdrawal = try WithdrawalTokens(
      root: try keys.ring(of: .pseudonymisation).active(.tokens).secret, routing: [key.version: key.secret])
    routingVersion = key.version
    self.database = database
  }

  func routingToken(_ nhsNumber: String) -> Token16 { routing.token(nhsNumber: nhsNumber) }

  /// As pseudonymisation makes it.
  func withdrawalToken(_ nhsNumber: String) -> Token16 {
    withdrawal.token(routingToken: routingToken(nhsNumber), version: routingVersion)!
  }

  func look(for nhsNumber: String, at organisation: String) throws -> Look {
    let parameters: [Parameter] = [.bytes(routingToken(nhsNumber).bytes), .text(organisation)]
    let admitted = try database.query(
      """
      select count(*) from ingestion.record_state r join ingestion.scope s on s.no = r.scope_no
      where r.routing_token = $1 and s.organisation = $2 and r.live
      """, parameters)
    let held = try database.query(
      """
      select count(*) from ingestion.record_state r join ingestion.scope s on s.no = r.scope_no
      join objection_filter.subject f on f.token = r.routing_token
      where r.routing_token = $1 and s.organisation = $2 and r.live and (
        f.type2 or r.stamp <= f.erased_from_all
        or (s.source = \(Source.gp.rawValue) and (f.type1 or r.stamp <= f.erased_from_gp)))
      """, parameters)
    let published = try database.query(
      """
      select count(*) from publication.record
      where withdrawal_token = $1 and organisation = $2 and state = \(StageCounts.live)
      """, [.bytes(withdrawalToken(nhsNumber).bytes), .text(organisation)])
    return Look(admitted: admitted.int(0, 0), heldBack: held.int(0, 0), published: published.int(0, 0))
  }
}
