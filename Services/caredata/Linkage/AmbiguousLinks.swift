import Cryptography
import Foundation
import Linking
import Postgres
import StageKit

/// Records that several persons answered, so that they belong to none of these: for somebody to look into, by pseudonym.
struct AmbiguousLinks: Codable, Equatable {
  struct Case: Codable, Equatable {
    /// Person id under which the records stand now.
    var person: String
    /// The step at which several persons answered.
    var step: String
    /// gp, hospital, community.
    var sources: [String]
    var records: Int64
    /// Person ids of those that they could belong to, as far as these share a key of the step now.
    var candidates: [String]
  }

  var cases: [Case] = []

  /// - Parameter limit: of cases, in order of person id.
  static func read(_ database: Connection, limit: Int) throws -> AmbiguousLinks {
    guard try database.has(table: "linkage.standing") else { throw ClientError("linkage has not run on this database") }
    let rows = try database.query(
      """
      select s.person_id, s.ambiguous, c.source, c.birth, c.number_token, c.pass_keys, c.withdrawal_token,
        (select count(*) from linkage.observation o where o.combination = c.id and o.state = 0)
      from linkage.standing s join linkage.combination c on c.id = s.combination
      where s.ambiguous > 0 and s.person_id in (
        select distinct person_id from linkage.standing where ambiguous > 0 order by 1 limit $1)
      order by s.person_id, c.id
      """, [.int(Int64(limit))])
    var list = AmbiguousLinks()
    for row in 0..<rows.count where rows.int(row, 7) > 0 {
      let person = Token16(bytes: rows.bytes(row, 0))!
      let combination = Combination(
        source: LinkNodes.Source(rawValue: UInt8(rows.int(row, 2)))!,
        birth: LinkNodes.Birth(rawValue: UInt8(rows.int(row, 3)))!,
        number: rows.isNull(row, 4) ? nil : Token16(bytes: rows.bytes(row, 4)), passKeys: rows.bytes(row, 5),
        withdrawal: Token16(bytes: rows.bytes(row, 6))!)
      guard let step = LinkPass(rawValue: UInt8(rows.int(row, 1))) else { continue }
      let candidates = try candidates(combination, step, not: person, database)
      let source = "\(combination.source)"
      if let last = list.cases.indices.last, list.cases[last].person == person.hex {
        list.cases[last].records += rows.int(row, 7)
        list.cases[last].sources = Set(list.cases[last].sources + [source]).sorted()
        list.cases[last].candidates = Set(list.cases[last].candidates + candidates).sorted()
      } else {
        list.cases.append(
          Case(
            person: person.hex, step: "\(step)", sources: [source], records: rows.int(row, 7), candidates: candidates))
      }
    }
    return list
  }

  private static func candidates(
    _ combination: Combination, _ step: LinkPass, not person: Token16, _ database: Connection
  ) throws -> [String] {
    let keys = combination.places(of: step)
    let rows = try database.query(
      """
      select distinct s.person_id from linkage.standing s
      where s.combination in (
        select combination from linkage.trusted_key where key = any($1)
        union select combination from linkage.other_key where key = any($1)
        union select id from linkage.combination where number = any($2))
      """,
      [
        .intArray(keys.map { Int64(bitPattern: $0) }),
        .intArray(
          step == .numberOfAnother ? [combination.number].compactMap { $0.map { Int64(bitPattern: $0.high) } } : []),
      ])
    return (0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) }.filter { $0 != person }.map(\.hex).sorted()
  }

  var text: String {
    guard !cases.isEmpty else { return "no record was answered by several persons" }
    var table = TextTable("Person", "Records", "Sources", "Step", "Could be")
    for one in cases {
      table.row([
        one.person, "\(one.records)", one.sources.joined(separator: " "), one.step,
        one.candidates.isEmpty ? "-" : one.candidates.joined(separator: " "),
      ])
    }
    return table.render()
  }
}
