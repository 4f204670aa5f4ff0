import Contracts
import Cryptography
import FaultyRecords
import Foundation
import Fuzzing
import LinkKeys
import Linking
import StageKit
import Testing

@testable import Linkage
@testable import caredata

/// The service and `linkage evaluate` decide alike, each with keys of its own.
struct EvaluationTests {
  private static let seed: UInt64 = 17

  private struct Record {
    let id: Token16
    let record: FaultyRecord
  }

  private static func records() -> [Record] {
    var random = FuzzRandom(seed: seed)
    return FaultyRecords(seed: seed, people: 1_500).map {
      Record(id: Token16(high: random.next(), low: random.next()), record: $0)
    }
  }

  /// By record id, the person id that the command writes.
  private func evaluated(_ records: [Record]) throws -> [Token16: Token16] {
    let file = "/tmp/caredata-evaluation-\(hexadecimal(randomBytes(6))).csv"
    defer { try? FileManager.default.removeItem(atPath: file) }
    var text = FaultyRecord.columns + "\n"
    for record in records { text += record.id.hex + record.record.line(0).dropFirst(2) + "\n" }
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let read = try EvaluationRecords(file: file, truth: "person")
    let linkage = try LocalLinkage(read)
    return Dictionary(uniqueKeysWithValues: zip(records.map(\.id), linkage.personIDs(read.names)))
  }

  private func event(_ record: Record, _ maker: LinkTokenMaker, _ withdrawals: HMACSHA256) throws -> RecordEvent {
    var tokens = LinkTokenMaker.Tokens()
    let identity = record.record.identity
    maker.write(identity, to: &tokens)
    var links = WireWriter()
    tokens.append(to: &links)
    let withdrawal =
      identity.number != 0 ? withdrawals.token("\(identity.number)") : withdrawals.token("at", "\(identity.local)")
    links.bytes(3, withdrawal.bytes)
    links.varint(6, UInt64(identity.birth.rawValue))
    var header = WireWriter()
    header.bytes(1, record.id.bytes)
    header.varint(2, 1)
    header.fixed64(3, 7)
    header.varint(4, 1)
    header.text(6, "extract")
    header.varint(8, UInt64(record.record.source.rawValue + 1))
    return try header.bytes.withUnsafeBytes { header in
      var event = try RecordEvent(header: header, reason: .rejected)
      try links.bytes.withUnsafeBytes { try event.setTokens($0) }
      return event
    }
  }

  /// By record id, the person id that the service gives.
  private func served(_ records: [Record], dropping dropped: PassKey? = nil) throws -> [Token16: Token16] {
    let index = LinkageIndex(
      database: try TestDatabase.connect(schema: TestDatabase.freshSchema()), layout: TopicLayout(partitions: 3))
    let passes = PassKey.allCases.filter { $0 != dropped }
    let maker = try LinkTokenMaker(root: .random(), linkage: .random(), passes: passes)
    let withdrawals = try HMACSHA256(key: .random())
    var random = FuzzRandom(seed: Self.seed)
    var rest = try records.map { try event($0, maker, withdrawals) }.shuffled(using: &random)[...]
    while !rest.isEmpty {
      let batch = rest.prefix(1 + random.below(900))
      rest = rest.dropFirst(batch.count)
      _ = try index.apply(LinkageBatch(records: Array(batch)))
    }
    let rows = try index.database.query("select record_id, person_id from live_observation")
    return Dictionary(uniqueKeysWithValues: (0..<rows.count).map { (rows.token($0, 0)!, rows.token($0, 1)!) })
  }

  @Test func `the service gives the persons and the ids that the evaluation gives`() throws {
    let records = Self.records()
    print("seed \(Self.seed), \(records.count) records")
    let expected = try evaluated(records)
    #expect(Set(expected.values).count < records.count / 2)
    #expect(try served(records) == expected)
  }

  @Test func `a service that knows one pass key less is found`() throws {
    let records = Self.records()
    #expect(try served(records, dropping: .birthSexOutwardUnit) != evaluated(records))
  }
}
