import Contracts
import Cryptography
import FaultyRecords
import Foundation
import LinkKeys
import Linking
import Postgres
import StageKit
import Testing

@testable import Linkage

/// Numbers, dates of birth and postcodes are few enough to try all of them. Whoever has linkage's tables and tries exactly the
/// right ones finds nothing, unless he has both secrets that tokens are made with.
struct TokenEnumerationTests {
  private static let root = SecretKey.random()
  private static let linkage = SecretKey.random()

  /// Of people in the tables: the attacker is so lucky as to try no others.
  private static let identities = FaultyRecords(seed: 23, people: 120).map(\.identity)

  /// Linkage's tables as they are after records of these people have come.
  private func tables(root: SecretKey, linkage: SecretKey) throws -> Connection {
    let index = LinkageIndex(
      database: try TestDatabase.connect(schema: TestDatabase.freshSchema()), layout: TopicLayout(partitions: 3))
    let maker = try LinkTokenMaker(root: root, linkage: linkage)
    let withdrawals = try HMACSHA256(key: .random())
    let events = Self.identities.enumerated().map { place, identity in
      var tokens = LinkTokenMaker.Tokens()
      maker.write(identity, to: &tokens)
      var passKeys: [UInt8] = []
      for pass in PassKey.allCases {
        if let token = tokens[pass] { passKeys += [pass.rawValue] + token }
      }
      let id = Token16(high: UInt64(place) &* 0xD6E8_FEB8_6659_FD93, low: UInt64(place))
      let combination = Combination(
        source: .hospital, birth: identity.birth, number: tokens.number.flatMap { Token16(bytes: Array($0)) },
        passKeys: passKeys, withdrawal: withdrawals.token("\(identity.number)", "\(identity.local)"))
      return RecordEvent(
        recordID: id, version: RecordVersion(time: 1, digest: 1), stamp: 1, source: .hospital, extractID: "x",
        header: [], content: .record(combination))
    }
    _ = try index.apply(LinkageBatch(records: events))
    // Witnesses, too.
    _ = try index.apply(
      LinkageBatch(
        records: events.prefix(20).map {
          RecordEvent(
            recordID: $0.recordID, version: RecordVersion(time: 2, digest: 1), stamp: 2, source: .hospital,
            extractID: "x", header: [], content: .retraction(.corrected))
        }))
    return index.database
  }

  /// Every eight bytes that stand anywhere in a table, as text of each row would show them.
  private func contents(_ database: Connection) throws -> Set<UInt64> {
    let columns = try database.query(
      """
      select table_name::text, column_name::text, data_type::text from information_schema.columns
      where table_schema = current_schema() and data_type in ('bytea', 'bigint')
      """)
    #expect(columns.count > 20)
    var contents: Set<UInt64> = []
    for column in 0..<columns.count {
      let (table, name) = (columns.text(column, 0), columns.text(column, 1))
      let rows = try database.query("select \"\(name)\" from \"\(table)\" where \"\(name)\" is not null")
      for row in 0..<rows.count {
        if columns.text(column, 2) == "bigint" {
          contents.insert(UInt64(bitPattern: rows.int(row, 0)))
          continue
        }
        rows.withBytes(row, 0) { bytes in
          for start in stride(from: 0, through: bytes.count - 8, by: 1) {
            contents.insert(UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)))
          }
        }
      }
    }
    return contents
  }

  private func guesses(_ maker: LinkTokenMaker) -> Set<UInt64> {
    var guesses: Set<UInt64> = []
    var tokens = LinkTokenMaker.Tokens()
    for identity in Self.identities {
      maker.write(identity, to: &tokens)
      if let key = tokens.numberKey { guesses.insert(key) }
      tokens.eachKey { guesses.insert($1) }
    }
    return guesses
  }

  /// What needs no key: the values as they are written, and digests of them.
  private func keyless() throws -> Set<UInt64> {
    var guesses: Set<UInt64> = []
    let nobody = try HMACSHA256(key: SecretKey(bytes: [UInt8](repeating: 0, count: 32)))
    for identity in Self.identities {
      let number = "\(identity.number)"
      let born = "\(identity.year)-\(identity.month)-\(identity.dayOfMonth)"
      let padded = String(format: "%04d-%02d-%02d", identity.year, identity.month, identity.dayOfMonth)
      let postcode = withUnsafeBytes(of: identity.postcode.bigEndian) {
        String(decoding: $0.filter { $0 != 0 }, as: UTF8.self)
      }
      let sex = "\(identity.sex)"
      for text in [
        number, born, padded, postcode, number + padded, padded + postcode, padded + sex + postcode,
        sex + padded + postcode, padded + number, "\(identity.local)",
      ] where text.utf8.count >= 6 {
        let bytes = Array(text.utf8)
        for digest in [bytes + [0, 0, 0, 0, 0, 0, 0, 0], SHA256Digest.hash(bytes), nobody.token(text).bytes] {
          guesses.insert(digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
        }
      }
      guesses.insert(identity.number)
      guesses.insert(identity.postcode)
      guesses.insert(identity.local)
    }
    // Ids that the database counts from 1 on are small, and so are values that say nothing.
    return guesses.filter { $0 > 1 << 32 }
  }

  @Test func `trying every identity that is in the tables finds nothing without both secrets`() throws {
    let contents = try contents(try tables(root: Self.root, linkage: Self.linkage))
    let zero = try SecretKey(bytes: [UInt8](repeating: 0, count: 32))
    #expect(try contents.isDisjoint(with: keyless()))
    for (root, linkage) in [
      (zero, zero), (zero, Self.linkage), (Self.root, zero), (.random(), Self.linkage), (Self.root, .random()),
    ] {
      #expect(contents.isDisjoint(with: guesses(try LinkTokenMaker(root: root, linkage: linkage))))
    }
    // The search itself is able to find: with both secrets it finds every key by which anything is looked up.
    let all = guesses(try LinkTokenMaker(root: Self.root, linkage: Self.linkage))
    #expect(Double(all.intersection(contents).count) > 0.9 * Double(all.count))
  }

  @Test func `tokens made with a key that anybody has are found`() throws {
    let zero = try SecretKey(bytes: [UInt8](repeating: 0, count: 32))
    let contents = try contents(try tables(root: zero, linkage: zero))
    #expect(!contents.isDisjoint(with: guesses(try LinkTokenMaker(root: zero, linkage: zero))))
  }

  @Test func `a digest without key in a column is found`() throws {
    let database = try tables(root: Self.root, linkage: Self.linkage)
    let number = try #require(Self.identities.first { $0.number != 0 }).number
    try database.query(
      "update combination set withdrawal_token = substr(sha256($1::text::bytea), 1, 16) where id = 1",
      [.text("\(number)")])
    #expect(try !contents(database).isDisjoint(with: keyless()))
  }
}
