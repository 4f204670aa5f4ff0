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
    let found = (0..<rows.count).compactMap { Found(rows, $0) }
    var list = AmbiguousLinks()
    for (one, candidates) in zip(found, try candidates(found, database)) {
      if let last = list.cases.indices.last, list.cases[last].person == one.person.hex {
        list.cases[last].records += one.records
        list.cases[last].sources = Set(list.cases[last].sources + [one.source]).sorted()
        list.cases[last].candidates = Set(list.cases[last].candidates + candidates).sorted()
      } else {
        list.cases.append(
          Case(
            person: one.person.hex, step: "\(one.step)", sources: [one.source], records: one.records,
            candidates: candidates))
      }
    }
    return list
  }

  /// One identity that live records have.
  private struct Found {
    let person: Token16
    let step: LinkPass
    let combination: Combination
    let records: Int64

    var source: String { "\(combination.source)" }

    init?(_ rows: Rows, _ row: Int) {
      guard rows.int(row, 7) > 0, let step = LinkPass(rawValue: UInt8(rows.int(row, 1))) else { return nil }
      self.step = step
      person = Token16(bytes: rows.bytes(row, 0))!
      combination = Combination(
        source: LinkNodes.Source(rawValue: UInt8(rows.int(row, 2)))!,
        birth: LinkNodes.Birth(rawValue: UInt8(rows.int(row, 3)))!,
        number: rows.isNull(row, 4) ? nil : Token16(bytes: rows.bytes(row, 4)), passKeys: rows.bytes(row, 5),
        withdrawal: Token16(bytes: rows.bytes(row, 6))!)
      records = rows.int(row, 7)
    }
  }

  /// By identity, person ids of the others that share a key of its step.
  private static func candidates(_ found: [Found], _ database: Connection) throws -> [[String]] {
    var keys: (values: [Int64], places: [Int64]) = ([], [])
    var numbers: (values: [Int64], places: [Int64]) = ([], [])
    for (place, one) in found.enumerated() {
      for key in one.combination.places(of: one.step) {
        keys.values.append(Int64(bitPattern: key))
        keys.places.append(Int64(place))
      }
      if one.step == .numberOfAnother, let number = one.combination.place {
        numbers.values.append(Int64(number))
        numbers.places.append(Int64(place))
      }
    }
    let rows = try database.query(
      """
      with shared as (
        select a.place, l.holder from unnest($1::bigint[], $2::bigint[]) as a (token, place)
          join linkage.lookup l using (token))
      select a.place, s.person_id from shared a join linkage.standing s on s.combination = -a.holder
      union
      select a.place, s.person_id from shared a join linkage.standing s on s.place = a.holder and s.trusted
      union
      select a.place, s.person_id from unnest($3::bigint[], $4::bigint[]) as a (number, place)
        join linkage.standing s on s.place = a.number
      """,
      [.intArray(keys.values), .intArray(keys.places), .intArray(numbers.values), .intArray(numbers.places)])
    var candidates = [[String]](repeating: [], count: found.count)
    for row in 0..<rows.count {
      let (place, person) = (Int(rows.int(row, 0)), Token16(bytes: rows.bytes(row, 1))!)
      if person != found[place].person { candidates[place].append(person.hex) }
    }
    return candidates.map { $0.sorted() }
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
