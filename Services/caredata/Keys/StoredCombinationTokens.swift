import Cryptography
import Linking
import Postgres

/// The tokens of linkage's combinations, by whichever they are looked up.
struct StoredCombinationTokens {
  let database: Connection
  let layer: OuterLayer

  /// Puts all of them under another key, within the caller's transaction. Returns how many combinations there are.
  func replace(_ progress: (Int) -> Void) throws -> Int {
    // Entries go into the emptied table sorted, in one piece: spread over its index one by one they would take longest.
    try database.execute(
      "create temporary table replaced (token bigint, holder bigint) on commit drop; truncate lookup")
    try database.query(
      """
      declare former no scroll cursor for
      select c.id, c.source, c.birth, c.number_token, c.pass_keys, c.withdrawal_token, s.smallest, s.trusted,
        s.person_id, s.cluster
      from combination c join standing s on s.combination = c.id
      """)
    let hasher = SHA256Hasher()
    var count = 0
    var rows: Rows
    repeat {
      rows = try database.query("fetch \(LinkageReencryption.piece) from former")
      var piece = Piece()
      for row in 0..<rows.count {
        let (id, combination) = (rows.int(row, 0), combination(rows, row))
        piece.add(id, combination, digest: combination.digest(of: Token16(bytes: rows.bytes(row, 6))!, hasher))
        combination.eachEntry(id: id, isTrusted: rows.bool(row, 7)) { piece.entries.insert($0) }
        let person = Token16(bytes: rows.bytes(row, 8))!
        piece.entries.insert(LookupEntry(token: person.high, holder: .combination(rows.int(row, 9))))
      }
      try store(piece)
      count += rows.count
      if rows.count > 0 { progress(count) }
    } while rows.count == LinkageReencryption.piece
    try database.query("close former")
    try database.execute(
      "set local work_mem = '256MB'; insert into lookup select distinct token, holder from replaced order by 1, 2")
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
    var places: [Int64] = []
    var digests: [Int64] = []
    var numbers: [[UInt8]] = []
    var passKeys: [[UInt8]] = []
    var entries: Set<LookupEntry> = []

    mutating func add(_ id: Int64, _ combination: Combination, digest: Token16) {
      ids.append(id)
      places.append(Int64(digest.high))
      digests.append(Int64(bitPattern: digest.low))
      numbers.append(combination.number?.bytes ?? [])
      passKeys.append(combination.passKeys)
    }
  }

  private func store(_ piece: Piece) throws {
    try database.query(
      """
      update combination c set number_token = nullif(n.number, ''), pass_keys = n.pass_keys
      from unnest($1::bigint[], $2::bytea[], $3::bytea[]) as n (id, number, pass_keys) where c.id = n.id
      """, [.intArray(piece.ids), .bytesArray(piece.numbers), .bytesArray(piece.passKeys)])
    try database.query(
      """
      update standing s set place = n.place, digest = n.digest
      from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as n (id, place, digest) where s.combination = n.id
      """, [.intArray(piece.ids), .intArray(piece.places), .intArray(piece.digests)])
    try database.copyIn("COPY pg_temp.replaced (token, holder) FROM STDIN (FORMAT binary)") { writer in
      for entry in piece.entries {
        writer.row(2)
        writer.int8(Int64(bitPattern: entry.token))
        writer.int8(entry.holder.stored)
      }
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
