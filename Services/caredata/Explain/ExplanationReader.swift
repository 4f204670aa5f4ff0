import Contracts
import Cryptography
import Foundation
import Postgres

/// Reads an explanation from the schemas of ingestion and the objection filter and from the release register, and from
/// nothing else: whoever could look up a number in linked or published data could look up anybody.
struct ExplanationReader {
  let database: Connection

  /// Remembers that somebody has asked, in a transaction of its own.
  ///
  /// - Throws: ``ClientError`` when it cannot be remembered; then nothing may be told.
  func log(_ token: Token16, by name: String) throws {
    do {
      let rows = try database.query(
        "insert into ingestion.explanation_log (by, token) values ($1, $2) returning at is not null",
        [.text(name), .bytes(token.bytes)])
      guard rows.count == 1 else { throw ClientError("no row") }
    } catch {
      throw ClientError("the question could not be logged, so it is not answered; has ingestion run on this database?")
    }
  }

  func read(_ token: Token16) throws -> PersonExplanation {
    var explanation = PersonExplanation()
    let tokens = try chain(token, &explanation)
    let wanted = Parameter.bytesArray(tokens.sorted().map(\.bytes))
    explanation.statements = try statements(wanted)
    explanation.records = try records(wanted)
    explanation.releases = try releases(
      explanation.records.reduce(into: []) { $0.formUnion($1.earlierExtracts.union([$1.extractID])) })
    return explanation
  }

  /// The number asked for, the one it leads to, and all others that lead there.
  private func chain(_ token: Token16, _ explanation: inout PersonExplanation) throws -> Set<Token16> {
    let rows = try database.query(
      """
      select token, current_token from ingestion.superseded where current_token in (
        select $1::bytea union select current_token from ingestion.superseded where token = $1)
      """, [.bytes(token.bytes)])
    var tokens: Set = [token]
    for row in 0..<rows.count {
      let pair = [rows.bytes(row, 0), rows.bytes(row, 1)].compactMap { Token16(bytes: $0) }
      tokens.formUnion(pair)
      if pair.first == token { explanation.chain.isReplaced = true }
    }
    explanation.chain.others = tokens.count - 1
    return tokens
  }

  /// One origin's word under several numbers of the chain is one statement.
  private func statements(_ tokens: Parameter) throws -> [PersonExplanation.Statement] {
    let rows = try database.query(
      """
      select s.type::bigint, s.decision::bigint, s.day::bigint, s.organisation, coalesce(d.system, 0)::bigint,
        min(s.recorded_at), bool_and(s.retracted), min(s.stamp)
      from ingestion.statement s left join ingestion.origin_decision d using (origin, type)
      where s.token = any($1)
      group by s.origin, s.type, s.decision, s.day, s.organisation, d.system order by 6, 1, 4
      """, [tokens])
    return (0..<rows.count).map { row in
      PersonExplanation.Statement(
        type: ObjectionType(rawValue: Int(rows.int(row, 0))) ?? .unspecified,
        decision: ObjectionDecision(rawValue: Int(rows.int(row, 1))) ?? .unspecified,
        day: rows.isNull(row, 2) ? nil : Int32(rows.int(row, 2)), saidBy: rows.text(row, 3),
        system: CodeSystem(rawValue: Int(rows.int(row, 4))) ?? .unspecified, recordedAt: rows.int(row, 5),
        stamp: rows.int(row, 7), isRetracted: rows.bool(row, 6))
    }
  }

  private func records(_ tokens: Parameter) throws -> [PersonExplanation.Record] {
    let hasFilter = try database.has(table: "objection_filter.subject")
    let columns = hasFilter ? "f.type1, f.type2, f.erased_from_gp, f.erased_from_all" : "null, null, null, null"
    let rows = try database.query(
      """
      select s.organisation, s.source::bigint, s.period, e.extract_id, e.state,
        (extract(epoch from e.touched) * 1000000)::bigint, r.stamp, r.live, array(
          select o.extract_id from ingestion.extract o
          where o.organisation = s.organisation and o.source = s.source and o.period = s.period and o.admitted > 0
            and o.submitted_at <= e.submitted_at and o.no <> e.no), \(columns)
      from ingestion.record_state r join ingestion.scope s on s.no = r.scope_no
      join ingestion.extract e on e.no = r.extract_no
      \(hasFilter ? "left join objection_filter.subject f on f.token = r.routing_token" : "")
      where r.routing_token = any($1) order by s.period, s.organisation, s.source, r.stamp
      """, [tokens])
    return (0..<rows.count).map { row in
      PersonExplanation.Record(
        organisation: rows.text(row, 0), source: Source(rawValue: Int(rows.int(row, 1))) ?? .unspecified,
        period: rows.text(row, 2), extractID: rows.text(row, 3), earlierExtracts: Set(rows.textArray(row, 8)),
        extractState: rows.text(row, 4), receivedAt: rows.int(row, 5), stamp: rows.int(row, 6),
        isLive: rows.bool(row, 7),
        filter: rows.isNull(row, 9)
          ? nil
          : PersonExplanation.Filter(
            type1: rows.bool(row, 9), type2: rows.bool(row, 10), erasedFromGP: rows.int(row, 11),
            erasedFromAll: rows.int(row, 12)))
    }
  }

  /// Those that have one of these extracts among their inputs; a line of them begins with its id.
  private func releases(_ extracts: Set<String>) throws -> [PersonExplanation.Release] {
    guard try database.has(table: "publication.release_register") else { return [] }
    let rows = try database.query(
      """
      select release_id, dataset, created_at, coalesce(array_to_string(recipients, ', '), ''), inputs
      from publication.release_register order by seq
      """)
    return (0..<rows.count).compactMap { row in
      let inputs = Set(rows.text(row, 4).split(separator: "\n").compactMap { $0.split(separator: " ").first })
      let own = extracts.filter { inputs.contains(Substring($0)) }
      guard !own.isEmpty else { return nil }
      return PersonExplanation.Release(
        id: rows.text(row, 0), dataset: rows.text(row, 1), createdAt: rows.int(row, 2), recipients: rows.text(row, 3),
        extracts: own)
    }
  }
}
