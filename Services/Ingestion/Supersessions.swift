import Clinical
import Contracts
import Cryptography
import Postgres
import StageKit

/// Which NHS numbers have been replaced by which: records are routed by the current number, and an objection under any
/// number of a chain covers all of them.
///
/// In the database a number is a keyed token and, for the current one, sealed; in memory is what this instance has
/// loaded of it, renewed before a batch when another instance has added something.
final class Supersessions {
  struct Pair {
    let superseded: NHSNumber
    let current: NHSNumber
  }

  private let tokens: RecordTokens
  private let sealing: SectionSealing
  private var currentNumbers: [Token16: String] = [:]
  private var version: Int64 = -1

  init(tokens: RecordTokens, sealing: SectionSealing) {
    self.tokens = tokens
    self.sealing = sealing
  }

  /// The number in use now instead of the one that has this routing token; nil when nothing has replaced it.
  func current(_ token: Token16) -> String? { currentNumbers[token] }

  /// One cheap question per batch; everything is loaded only after a change.
  func refresh(_ database: Connection) throws {
    let newest = try database.query("select version from superseded_version").int(0, 0)
    guard newest != version else { return }
    let rows = try database.query("select token, sealed from superseded")
    var numbers: [Token16: String] = [:]
    numbers.reserveCapacity(rows.count)
    for row in 0..<rows.count {
      guard let token = Token16(bytes: rows.bytes(row, 0)) else { continue }
      numbers[token] = try sealing.openNumber(rows.bytes(row, 1), token: token)
    }
    currentNumbers = numbers
    version = newest
  }

  /// Takes pairs in within the caller's transaction, under the ledger's lock.
  ///
  /// - Returns: the tokens of every chain touched, and the places of pairs that would close a circle.
  func store(_ pairs: [Pair], _ database: Connection) throws -> (touched: Set<Token16>, circles: [Int]) {
    guard !pairs.isEmpty else { return ([], []) }
    var chains = try loadChains(of: pairs, database)
    var (touched, circles, changed) = (Set<Token16>(), [Int](), Set<Token16>())
    for (place, pair) in pairs.enumerated() {
      let old = tokens.routingToken(nhsNumber: pair.superseded.digits)
      let next = tokens.routingToken(nhsNumber: pair.current.digits)
      let last = chains.last[next] ?? (next, pair.current.digits)
      guard last.token != old else {
        circles.append(place)
        continue
      }
      // Whatever was replaced by the old number is now replaced by the last one.
      for token in chains.members[old, default: []].union([old]) {
        if let former = chains.last[token] { chains.members[former.token]?.remove(token) }
        chains.last[token] = last
        chains.members[last.token, default: []].insert(token)
        changed.insert(token)
        touched.insert(token)
      }
      touched.insert(last.token)
    }
    try write(changed.sorted().map { ($0, chains.last[$0]!) }, database)
    return (touched, circles)
  }

  private struct Chains {
    /// Superseded token -> what it is replaced by in the end.
    var last: [Token16: (token: Token16, number: String)] = [:]
    var members: [Token16: Set<Token16>] = [:]
  }

  private func loadChains(of pairs: [Pair], _ database: Connection) throws -> Chains {
    let asked = Set(pairs.flatMap { [$0.superseded, $0.current] }.map { tokens.routingToken(nhsNumber: $0.digits) })
    let rows = try database.query(
      """
      select token, current_token, sealed from superseded
      where token = any($1) or current_token = any($1)
        or current_token in (select current_token from superseded where token = any($1))
      """, [.bytesArray(asked.sorted().map(\.bytes))])
    var chains = Chains()
    for row in 0..<rows.count {
      guard let token = Token16(bytes: rows.bytes(row, 0)), let last = Token16(bytes: rows.bytes(row, 1)) else {
        continue
      }
      chains.last[token] = (last, try sealing.openNumber(rows.bytes(row, 2), token: token))
      chains.members[last, default: []].insert(token)
    }
    return chains
  }

  private func write(_ rows: [(Token16, (token: Token16, number: String))], _ database: Connection) throws {
    guard !rows.isEmpty else { return }
    try database.query(
      """
      insert into superseded select * from unnest($1::bytea[], $2::bytea[], $3::bytea[])
      on conflict (token) do update set current_token = excluded.current_token, sealed = excluded.sealed
      """,
      [
        .bytesArray(rows.map(\.0.bytes)), .bytesArray(rows.map(\.1.token.bytes)),
        .bytesArray(try rows.map { try sealing.sealNumber($0.1.number, token: $0.0) }),
      ])
    try database.execute("update superseded_version set version = version + 1")
  }

  /// Per token the other tokens of its chain, for those that have one.
  static func aliases(of tokens: Set<Token16>, _ database: Connection) throws -> [Token16: Set<Token16>] {
    let rows = try database.query(
      """
      with asked as (
        select current_token from superseded where token = any($1) or current_token = any($1))
      select token, current_token from superseded where current_token in (select current_token from asked)
      """, [.bytesArray(tokens.sorted().map(\.bytes))])
    var chains: [Token16: Set<Token16>] = [:]
    for row in 0..<rows.count {
      guard let token = Token16(bytes: rows.bytes(row, 0)), let current = Token16(bytes: rows.bytes(row, 1)) else {
        continue
      }
      chains[current, default: [current]].insert(token)
    }
    var aliases: [Token16: Set<Token16>] = [:]
    for chain in chains.values {
      for token in chain { aliases[token] = chain.subtracting([token]) }
    }
    return aliases
  }
}
