import Cryptography
import Linking
import Postgres

/// The tokens of linkage's combinations, by whichever they are looked up.
struct StoredCombinationTokens {
  let database: Connection
  let layer: OuterLayer

  /// Puts all of them under another key, within the caller's transaction. Returns how many combinations there are.
  func replace(_ progress: (Int) -> Void) throws -> Int {
    try database.execute("truncate trusted_key, other_key")
    try database.query(
      """
      declare former no scroll cursor for
      select c.id, c.source, c.birth, c.number_token, c.pass_keys, c.withdrawal_token, s.smallest, s.trusted
      from combination c join standing s on s.combination = c.id
      """)
    let hasher = SHA256Hasher()
    var count = 0
    var rows: Rows
    repeat {
      rows = try database.query("fetch \(LinkageReencryption.piece) from former")
      var piece = Piece()
      for row in 0..<rows.count {
        piece.add(
          id: rows.int(row, 0), combination(rows, row), smallest: Token16(bytes: rows.bytes(row, 6))!,
          isTrusted: rows.bool(row, 7), hasher)
      }
      try store(piece)
      count += rows.count
      if rows.count > 0 { progress(count) }
    } while rows.count == LinkageReencryption.piece
    try database.query("close former")
    return count
  }

  private func combination(_ rows: Rows, _ row: Int) -> Combination {
    let number = rows.isNull(row, 3) ? nil : layer.replace(Token16(bytes: rows.bytes(row, 3))!)
    return Combination(
      source: LinkNodes.Source(rawValue: UInt8(rows.int(row, 1)))!,
      birth: LinkNodes.Birth(rawValue: UInt8(rows.int(row, 2)))!, number: number,
      passKeys: layer.replace(passKeys: rows.bytes(row, 4)), withdrawal: Token16(bytes: rows.bytes(row, 5))!)
  }

  private struct Piece {
    var ids: [Int64] = []
    var digests: [[UInt8]] = []
    var numbers: [[UInt8]] = []
    var passKeys: [[UInt8]] = []
    var trusted: [(key: Int64, id: Int64)] = []
    var others: [(key: Int64, id: Int64)] = []

    mutating func add(
      id: Int64, _ combination: Combination, smallest: Token16, isTrusted: Bool, _ hasher: SHA256Hasher
    ) {
      ids.append(id)
      digests.append(combination.digest(of: smallest, hasher).bytes)
      numbers.append(combination.number?.bytes ?? [])
      passKeys.append(combination.passKeys)
      let keys = Set(combination.keys(isTrusted: isTrusted)).map { (Int64(bitPattern: $0), id) }
      if isTrusted { trusted += keys } else { others += keys }
    }
  }

  private func store(_ piece: Piece) throws {
    try database.query(
      """
      update combination c set digest = n.digest, number_token = nullif(n.number, ''), pass_keys = n.pass_keys,
        number = case when n.number <> '' then ('x' || encode(substr(n.number, 1, 8), 'hex'))::bit(64)::bigint end
      from unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[]) as n (id, digest, number, pass_keys)
      where c.id = n.id
      """,
      [
        .intArray(piece.ids), .bytesArray(piece.digests), .bytesArray(piece.numbers), .bytesArray(piece.passKeys),
      ])
    for (table, keys) in [("trusted_key", piece.trusted), ("other_key", piece.others)] {
      try database.query(
        "insert into \(table) (key, combination) select * from unnest($1::bigint[], $2::bigint[]) order by 1",
        [.intArray(keys.map(\.key)), .intArray(keys.map(\.id))])
    }
  }
}

extension OuterLayer {
  /// - Parameter passKeys: see ``Combination/passKeys``.
  func replace(passKeys: [UInt8]) -> [UInt8] {
    let starts = stride(from: 0, through: passKeys.count - Combination.entryLength, by: Combination.entryLength)
    var tokens = starts.flatMap { passKeys[($0 + 1)..<($0 + Combination.entryLength)] }
    tokens.withUnsafeMutableBytes { replace($0) }
    var replaced = passKeys
    for (place, start) in starts.enumerated() {
      let token = tokens[(place * PassKey.length)..<((place + 1) * PassKey.length)]
      replaced.replaceSubrange((start + 1)..<(start + Combination.entryLength), with: token)
    }
    return replaced
  }
}
