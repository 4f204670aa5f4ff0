import Contracts
import Cryptography
import Foundation
import KeyRing
import Linking
import Postgres
import StageKit
import Testing

@testable import Linkage
@testable import caredata

/// The linkage key is replaced while records come: persons stay as they are, and nothing is compared that is under two keys.
@Suite final class KeyReplacementTests {
  private let layout = TopicLayout(partitions: 3)
  private let keys: KeyInstallation
  private let ring: KeyRing

  init() throws {
    keys = KeyInstallation("/tmp/caredata-linkage-keys-\(hexadecimal(randomBytes(6)))")
    _ = try keys.make()
    ring = try keys.ring(of: .pseudonymisation)
  }

  deinit { try? FileManager.default.removeItem(atPath: keys.root) }

  private func index() throws -> LinkageIndex {
    LinkageIndex(database: try TestDatabase.connect(schema: TestDatabase.freshSchema()), layout: layout)
  }

  /// What the tests' tokens, taken to be under the first version, are under another.
  private func layer(_ version: Int) throws -> OuterLayer {
    let keys = ring.usable(.linkage)
    return try OuterLayer(
      from: try #require(keys.first { $0.version == 1 }).secret,
      to: try #require(keys.first { $0.version == version }).secret)
  }

  /// As pseudonymisation sends it.
  private func message(_ event: RecordEvent, version: Int) throws -> [UInt8] {
    let layer = try layer(version)
    var envelope = Envelope()
    envelope.header = Data(event.header)
    func say(_ combination: Combination) {
      if let number = combination.number { envelope.links.nhsNumber = Data(layer.replace(number).bytes) }
      var passKeys = layer.replace(passKeys: combination.passKeys)
      if combination.demographics != nil {
        envelope.links.demographics = Data(passKeys[1..<Combination.entryLength])
        passKeys.removeFirst(Combination.entryLength)
      }
      envelope.links.passKeys = Data(passKeys)
      envelope.links.birth = LinkTokens.Birth(rawValue: Int(combination.birth.rawValue))!
      envelope.links.withdrawal = Data(combination.withdrawal.bytes)
      if version > 1 { envelope.links.keyVersion = UInt32(version) }
    }
    envelope.kind = .retraction
    switch event.content {
    case .record(let combination):
      envelope.kind = .record
      say(combination)
    case .retraction(let reason): envelope.reason = reason
    case .exclusion(let reason, let combination):
      envelope.reason = reason
      say(combination)
    }
    return try envelope.serializedBytes()
  }

  /// As the stage takes messages.
  private func take(_ values: [[UInt8]], _ index: LinkageIndex) throws {
    let version = try StoredTokens.current(index.database)
    let bytes = values.flatMap(\.self)
    try bytes.withUnsafeBytes { bytes in
      var received = ReceivedBatch(capacity: values.count, version: version)
      var start = 0
      for (position, value) in values.enumerated() {
        let range = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + value.count)])
        start += value.count
        #expect(received.add(position, ReceivedMessage(partition: 0, key: range, value: range)) == nil)
      }
      if received.newestVersion > version {
        try index.adopt(received.newestVersion)
        return try take(values, index)
      }
      _ = try index.apply(received.content, parking: received.parked, under: version)
    }
  }

  private func drain(_ index: LinkageIndex) throws {
    try ParkedMessages.drain(try StoredTokens.current(index.database), index.database) { messages in
      try take(messages.map { Array($0.value) }, index)
    }
  }

  private func deliver(_ said: Said, version: Int, _ index: LinkageIndex) throws {
    switch said {
    case .record(let event): try take([try message(event, version: version)], index)
    case .erasure:
      _ = try index.apply(Said.batch([said]), under: try StoredTokens.current(index.database))
    }
  }

  /// Everything that is stored, but for what the database numbers.
  /// - Parameter layer: to be applied to the tokens.
  private func content(_ index: LinkageIndex, _ layer: OuterLayer? = nil) throws -> [[String]] {
    let rows = try index.database.query(
      """
      select c.number_token, o.demographics_token, c.pass_keys, c.birth, s.trusted,
        (o.record_id, version_time, version_digest, stamp, state, coalesce(o.withdrawal_token, c.withdrawal_token),
          o.source, person_id, rank, ambiguous, said_time)::text
      from observation o left join combination c on c.id = o.combination
      left join standing s on s.combination = c.id order by o.record_id
      """)
    return (0..<rows.count).map { row in
      func replaced(_ column: Int) -> String {
        rows.token(row, column).map { "\((layer?.replace($0) ?? $0).bytes)" } ?? "none"
      }
      let content = [replaced(0), replaced(1)]
      guard !rows.isNull(row, 2) else { return content + [rows.text(row, 5)] }
      let passKeys = layer?.replace(passKeys: rows.bytes(row, 2)) ?? rows.bytes(row, 2)
      return content + ["\(passKeys) \(rows.int(row, 3)) \(rows.bool(row, 4))", rows.text(row, 5)]
    }
  }

  private enum Fault { case none, parkedIsLost, tokensStay }

  /// Three versions of the key, each taken up by the tables before the messages; one in four messages is still under the
  /// version before, or the one before that.
  private func run(seed: UInt64, _ fault: Fault) throws -> (found: [[String]], expected: [[String]], parked: Int) {
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let said = randomWorld(&generator, records: 70, isMonotone: true).shuffled(using: &generator)
    let steady = try index()
    for said in said { try deliver(said, version: 1, steady) }

    let moving = try index()
    var parked = 0
    let third = (said.count + 2) / 3
    for version in 1...3 {
      if version > 1 {
        _ = try ring.rotate(.linkage)
        if fault == .tokensStay {
          try StoredTokens.set(Int64(version), target: nil, moving.database)
        } else {
          _ = try LinkageReencryption.run(ring, moving.database)
        }
      }
      for said in said.dropFirst((version - 1) * third).prefix(third) {
        let made =
          Int.random(in: 0..<4, using: &generator) == 0 ? Int.random(in: 1...version, using: &generator) : version
        try deliver(said, version: made, moving)
      }
      // Not after each replacement: some wait for the one after the next.
      if version == 2 { continue }
      parked += Int(try ParkedMessages.count(moving.database))
      if fault == .parkedIsLost { try moving.database.execute("delete from parked") }
      if fault != .tokensStay { _ = try LinkageReencryption.run(ring, moving.database) }
      try drain(moving)
    }
    if fault != .tokensStay { #expect(try StoredLookup.isConsistent(moving)) }
    return (try content(moving), try content(steady, try layer(3)), parked)
  }

  @Test(arguments: [21, 22, 23, 24] as [UInt64])
  func `replaced twice under way, everything is as if there had been one key, and under the newest`(seed: UInt64) throws
  {
    let (found, expected, parked) = try run(seed: seed, .none)
    #expect(found == expected)
    #expect(parked > 3)
  }

  @Test(arguments: [21, 22] as [UInt64])
  func `a record that was put aside and lost, or tokens left under the former key, are found`(seed: UInt64) throws {
    let lost = try run(seed: seed, .parkedIsLost)
    #expect(lost.found != lost.expected)
    let other = try KeyReplacementTests().run(seed: seed, .tokensStay)
    #expect(other.found.map(\.last) != other.expected.map(\.last), "persons differ as well")
  }

  @Test func `while tokens are replaced linkage waits, and until an interrupted job is done`() throws {
    let index = try index()
    try deliver(.record(record(1, nhs: 1)), version: 1, index)
    let former = try content(index)
    let id = try ring.active(.linkage).entry.id
    _ = try ring.rotate(.linkage)
    #expect(throws: StageWait.self) { try self.deliver(.record(record(2, nhs: 1)), version: 2, index) }
    // The job does not hold what it needs, so it ends after it has begun.
    let waiting = try message(record(2, nhs: 2), version: 1)
    let backup = try Data(contentsOf: URL(fileURLWithPath: ring.path))
    _ = try ring.retire(id)
    #expect(throws: ClientError.self) { try LinkageReencryption.run(self.ring, index.database) }
    #expect(try content(index) == former)
    #expect(throws: StageWait.self) { try self.take([waiting], index) }
    #expect(try LinkageReencryption.unfinished(ring, index.database) != nil)
    try backup.write(to: URL(fileURLWithPath: ring.path))
    _ = try ring.refresh()
    #expect(try LinkageReencryption.run(ring, index.database).combinations == 1)
    #expect(try LinkageReencryption.run(ring, index.database).isNothing)
    #expect(try LinkageReencryption.unfinished(ring, index.database) == nil)
    try deliver(.record(record(2, nhs: 1)), version: 2, index)
    let persons = try index.database.query("select count(distinct person_id) from standing")
    #expect(persons.int(0, 0) == 1)
  }

  @Test func `where nothing is stored the version of what comes is taken over`() throws {
    let index = try index()
    try deliver(.record(retraction(5)), version: 1, index)
    _ = try ring.rotate(.linkage)
    _ = try ring.rotate(.linkage)
    try deliver(.record(record(1, nhs: 1, demographics: 1)), version: 3, index)
    #expect(try StoredTokens.current(index.database) == 3)
    try deliver(.record(record(2, nhs: 1)), version: 2, index)
    #expect(try ParkedMessages.count(index.database) == 1)
    // Delivered again it is the same message.
    try deliver(.record(record(2, nhs: 1)), version: 2, index)
    #expect(try ParkedMessages.count(index.database) == 1)
  }

  /// A batch with a marker comes again as long as anything is put aside, and with it what was put aside from it.
  @Test func `what was put aside and has gone out is not put aside when it comes again`() throws {
    let index = try index()
    try deliver(.record(record(1, nhs: 1)), version: 1, index)
    let late = try message(record(2, nhs: 1), version: 1)
    for _ in 1...2 {
      _ = try ring.rotate(.linkage)
      _ = try LinkageReencryption.run(ring, index.database)
      try take([late], index)
      #expect(try ParkedMessages.count(index.database) == 1)
      _ = try LinkageReencryption.run(ring, index.database)
      try drain(index)
      try take([late], index)
      #expect(try !ParkedMessages.areAny(index.database))
    }
    #expect(try index.database.query("select count(*) from observation where state = 0").int(0, 0) == 2)
  }

  @Test func `a key is needed while anything stored or put aside is under it`() throws {
    let index = try index()
    try deliver(.record(record(1, nhs: 1)), version: 1, index)
    _ = try ring.rotate(.linkage)
    let former = try #require(ring.usable(.linkage).last).entry
    #expect(try LinkageReencryption.need(of: former, index.database) != nil)
    _ = try LinkageReencryption.run(ring, index.database)
    #expect(try LinkageReencryption.need(of: former, index.database) == nil)
    try deliver(.record(record(2, nhs: 1)), version: 1, index)
    #expect(try LinkageReencryption.need(of: former, index.database)?.contains("put aside") == true)
    #expect(try LinkageReencryption.unfinished(ring, index.database) != nil)
  }

  @Test func `what says nothing of a person by number or demographics waits for no key`() throws {
    let index = try index()
    try deliver(.record(record(1, nhs: 1)), version: 1, index)
    _ = try ring.rotate(.linkage)
    _ = try LinkageReencryption.run(ring, index.database)
    try deliver(.record(retraction(1, version: 2)), version: 1, index)
    try deliver(.record(record(3)), version: 1, index)
    #expect(try ParkedMessages.count(index.database) == 0)
    #expect(try content(index).count == 2)
  }
}
