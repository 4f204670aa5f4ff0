import Clinical
import Contracts
import Cryptography
import Foundation
import KeyRing
import Linking
import Postgres
import StageKit
import Testing

@testable import Linkage
@testable import Pseudonymisation
@testable import caredata

private struct SeededGenerator: RandomNumberGenerator {
  private var state: SplitMix64
  init(_ seed: UInt64) { state = SplitMix64(seed: seed) }
  mutating func next() -> UInt64 { state.next() }
}

/// Key rings in a folder of their own, gone at the end.
private final class TestKeys {
  let installation: KeyInstallation

  init() throws {
    var template = Array("/tmp/caredata-keys-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    installation = KeyInstallation(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
    _ = try installation.make()
  }

  deinit { try? FileManager.default.removeItem(atPath: installation.root) }

  func ring() throws -> KeyRing { try installation.ring(of: .pseudonymisation) }
}

/// What pseudonymisation keeps for re-identification, and what the command reads of it.
@Suite struct ReverseMapTests {
  private struct Record {
    var id: UInt8
    var time: Int64 = 1
    var stamp: Int64 = 1
    var source = Source.gp
    var token: UInt8 = 1
    var number = ""
  }

  private let database: Connection
  private let keys: TestKeys

  init() throws {
    keys = try TestKeys()
    database = try TestInstallation.empty()
    try database.migrate(schema: "linkage", LinkageStage.migrations)
    try database.migrate(schema: "pseudonymisation", PseudonymisationStage.migrations)
  }

  private func reader(_ keys: TestKeys) throws -> ReverseReader {
    try ReverseReader(database: database, keys: try keys.ring())
  }

  private static func token(_ number: UInt8) -> Token16 { Token16(high: 0, low: UInt64(number)) }

  private static func withHeader<T>(_ record: Record, _ body: (HeaderView) throws -> T) throws -> T {
    let bytes: [UInt8] = try Header.with {
      $0.recordID = Data(token(record.id).bytes)
      $0.versionTime = record.time
      $0.versionDigest = 5
      $0.stamp = record.stamp
      $0.source = record.source
      $0.extractID = "x1"
    }.serializedBytes()
    return try bytes.withUnsafeBytes { try body(try HeaderView($0)) }
  }

  private enum Event {
    case record(Record)
    case retraction(Record)
    case objection(token: UInt8, allSources: Bool, erased: Int64, isInForce: Bool)
  }

  /// One batch.
  private func take(_ events: [Event], _ map: ReverseMap? = nil) throws {
    let map = try map ?? ReverseMap(keys: try StageKeys(keys.installation, of: .pseudonymisation))
    try map.begin()
    for event in events {
      switch event {
      case .record(let record):
        try Self.withHeader(record) {
          try map.record($0, number: record.number, withdrawal: Self.token(record.token))
        }
      case .retraction(let record):
        try Self.withHeader(record) { map.retraction($0, withdrawal: Self.token(record.token)) }
      case .objection(let token, let allSources, let erased, let isInForce):
        let withdrawal = Withdrawal.with {
          $0.allSources = allSources
          $0.erasedStamp = erased
        }
        map.objection(withdrawal, isInForce: isInForce, token: Self.token(token))
      }
    }
    try database.transaction { try map.store(database) }
  }

  private static func open(_ sealed: [UInt8], of record: [UInt8], _ cipher: RingCipher) throws -> [UInt8] {
    var number: [UInt8] = []
    try sealed.withUnsafeBytes { sealed in
      try record.withUnsafeBytes { try cipher.open(sealed, associated: $0, into: &number) }
    }
    return number
  }

  /// Record → number, opened.
  private func held() throws -> [UInt8: String] {
    let rows = try database.query("select record_id, sealed from reverse")
    let cipher = try RingCipher(try keys.ring(), .reverse)
    return try Dictionary(
      uniqueKeysWithValues: (0..<rows.count).map { row in
        let number = try Self.open(rows.bytes(row, 1), of: rows.bytes(row, 0), cipher)
        return (rows.bytes(row, 0)[15], String(decoding: number, as: UTF8.self))
      })
  }

  @Test func `a record's number is held, sealed, and a later version replaces it`() throws {
    try take([.record(Record(id: 1, number: "9990000018")), .record(Record(id: 2, number: "9990000026"))])
    #expect(try held() == [1: "9990000018", 2: "9990000026"])
    try take([.record(Record(id: 1, time: 3, number: "9990000034"))])
    // Late, and so without effect.
    try take([.record(Record(id: 1, time: 2, number: "9990000018"))])
    #expect(try held() == [1: "9990000034", 2: "9990000026"])
    // Once more as it was.
    try take([.record(Record(id: 2, number: "9990000026"))])
    #expect(try held().count == 2)
    // Now without a number.
    try take([.record(Record(id: 1, time: 4))])
    #expect(try held() == [2: "9990000026"])
    let all = try database.query("select coalesce(string_agg(r::text, ' '), '') from reverse r").text(0, 0)
    #expect(!all.contains("9990000026") && !all.contains(hexadecimal(Array("9990000026".utf8))))
  }

  @Test func `the row of one record does not open as that of another, nor under another key`() throws {
    try take([.record(Record(id: 1, number: "9990000018")), .record(Record(id: 2, number: "9990000018"))])
    let rows = try database.query("select record_id, sealed from reverse order by record_id")
    #expect(rows.bytes(0, 1) != rows.bytes(1, 1))
    let own = try RingCipher(try keys.ring(), .reverse)
    let other = try RingCipher(try TestKeys().ring(), .reverse)
    #expect(throws: CryptographyError.self) { try Self.open(rows.bytes(0, 1), of: rows.bytes(1, 0), own) }
    #expect(throws: CryptographyError.self) { try Self.open(rows.bytes(0, 1), of: rows.bytes(0, 0), other) }
  }

  @Test(arguments: [false, true])
  func `a retraction takes the row, but not that of a later version`(inOneBatch: Bool) throws {
    func go(_ events: [Event]) throws {
      if inOneBatch { return try take(events) }
      for event in events { try take([event]) }
    }
    try go([
      .record(Record(id: 1, number: "9990000018")), .retraction(Record(id: 1)),
      .record(Record(id: 2, time: 2, token: 2, number: "9990000026")), .retraction(Record(id: 2, time: 1)),
      .retraction(Record(id: 3)), .record(Record(id: 4, number: "9990000034")), .retraction(Record(id: 4, time: 2)),
    ])
    #expect(try held() == [2: "9990000026"])
  }

  @Test(arguments: [false, true])
  func `an objection takes the rows that it covers, and what comes after it has ended stays`(inOneBatch: Bool) throws {
    func go(_ events: [Event]) throws {
      if inOneBatch { return try take(events) }
      for event in events { try take([event]) }
    }
    let records: [Event] = [
      .record(Record(id: 1, stamp: 1, number: "9990000018")),
      .record(Record(id: 2, stamp: 2, source: .hospital, number: "9990000018")),
      .record(Record(id: 3, stamp: 3, token: 2, number: "9990000026")),
    ]
    // Type 1: only what the practice sent.
    try go(records + [.objection(token: 1, allSources: false, erased: 4, isInForce: true)])
    #expect(try held() == [2: "9990000018", 3: "9990000026"])
    try go([.objection(token: 1, allSources: true, erased: 5, isInForce: true)])
    #expect(try held() == [3: "9990000026"])
    // It has ended: what was stamped before stays away, what comes now is held.
    try go([
      .objection(token: 1, allSources: true, erased: 6, isInForce: false),
      .record(Record(id: 2, time: 2, stamp: 7, source: .hospital, number: "9990000018")),
    ])
    #expect(try held() == [2: "9990000018", 3: "9990000026"])
    try go([.objection(token: 1, allSources: true, erased: 6, isInForce: false)])
    #expect(try held() == [2: "9990000018", 3: "9990000026"])
  }

  @Test func `after a rotation what was sealed before opens still`() throws {
    let own = try StageKeys(keys.installation, of: .pseudonymisation)
    let map = try ReverseMap(keys: own)
    try take([.record(Record(id: 1, number: "9990000018"))], map)
    _ = try keys.ring().rotate(.reverse)
    #expect(try own.refresh())
    try take([.record(Record(id: 2, number: "9990000026"))], map)
    #expect(try held() == [1: "9990000018", 2: "9990000026"])
    let ids = try database.query("select count(distinct substring(sealed for \(KeyID.byteCount))) from reverse")
    #expect(ids.int(0, 0) == 2)
  }

  @Test func `what a batch that failed has said is forgotten`() throws {
    let map = try ReverseMap(keys: try StageKeys(keys.installation, of: .pseudonymisation))
    try map.begin()
    try Self.withHeader(Record(id: 1)) { try map.record($0, number: "9990000018", withdrawal: Self.token(1)) }
    try take([.record(Record(id: 2, number: "9990000026"))], map)
    #expect(try held() == [2: "9990000026"])
  }

  @Test func `switched off, the table is emptied`() throws {
    try take([.record(Record(id: 1, number: "9990000018"))])
    #expect(try ReverseMap.empty(database) == 1)
    #expect(try ReverseMap.empty(database) == 0)
    #expect(try held().isEmpty)
  }

  // MARK: - Any order of partitions, any batches

  /// Makes the streams of two tokens, in which two people's records move, change, go and are objected to, and what
  /// must be held at the end.
  private struct Timeline {
    var streams: [[Event]] = [[], []]
    var expected: [UInt8: String] = [:]

    init(seed: UInt64) {
      var random = SeededGenerator(seed)
      var stamp: Int64 = 0
      var last: [UInt8: Record] = [:]
      for _ in 0..<40 {
        stamp += 1
        let token = Int.random(in: 0...1, using: &random)
        if Int.random(in: 0..<6, using: &random) == 0 {
          let allSources = Bool.random(using: &random)
          // In force for this moment only, so that what comes next may be a record.
          let isInForce = Bool.random(using: &random)
          streams[token].append(
            .objection(token: UInt8(token), allSources: allSources, erased: stamp, isInForce: isInForce))
          for (id, record) in last where record.token == UInt8(token) && (allSources || record.source == .gp) {
            expected[id] = nil
          }
          continue
        }
        let id = UInt8.random(in: 10..<16, using: &random)
        if let record = last[id], Int.random(in: 0..<4, using: &random) == 0 {
          var gone = record
          gone.time += 1
          gone.stamp = stamp
          streams[Int(record.token)].append(.retraction(gone))
          last[id] = gone
          expected[id] = nil
          continue
        }
        let number = Int.random(in: 0..<4, using: &random) == 0 ? "" : "99900000\(10 + stamp)"
        let record = Record(
          id: id, time: (last[id]?.time ?? 0) + 1, stamp: stamp, source: id.isMultiple(of: 2) ? .gp : .hospital,
          token: UInt8(token), number: number)
        // Ingestion takes back under the old token what it sends under the new one.
        if let old = last[id], old.token != record.token { streams[Int(old.token)].append(.retraction(old)) }
        streams[token].append(.record(record))
        last[id] = record
        expected[id] = number.isEmpty ? nil : number
      }
    }
  }

  @Test(arguments: 0..<40)
  func `whatever the order of the partitions and the batches, what is held at the end is what is live`(seed: UInt64)
    throws
  {
    let timeline = Timeline(seed: seed)
    var random = SeededGenerator(seed + 1_000)
    var rest = timeline.streams.map { $0[...] }
    var batch: [Event] = []
    let size = Int.random(in: 1...12, using: &random)
    while let stream = rest.indices.filter({ !rest[$0].isEmpty }).randomElement(using: &random) {
      batch.append(rest[stream].removeFirst())
      if batch.count == size {
        try take(batch)
        batch = []
      }
    }
    try take(batch)
    #expect(try held() == timeline.expected)
    // And once more from the beginning, one stream after the other.
    for stream in timeline.streams { try take(stream) }
    #expect(try held() == timeline.expected)
  }

  @Test func `the comparison sees it when objections take nothing`() throws {
    var differs = false
    for seed in UInt64(0)..<10 where !differs {
      try database.execute("truncate table reverse")
      let timeline = Timeline(seed: seed)
      for stream in timeline.streams {
        try take(
          stream.filter {
            if case .objection = $0 { return false }
            return true
          })
      }
      differs = try held() != timeline.expected
    }
    #expect(differs)
  }

  // MARK: - Reading

  @Test func `the command finds numbers of live records by record and by person, and nothing else`() throws {
    try take([
      .record(Record(id: 1, number: "9990000018")), .record(Record(id: 2, number: "9990000018")),
      .record(Record(id: 3, number: "9990000026")), .record(Record(id: 4, number: "9990000034")),
    ])
    func personID(_ smallest: Int) -> Token16 { PersonID.of(smallestRecordID: Self.token(UInt8(smallest))) }
    // Records 1 to 3 are of person 9; 4 was withdrawn at linkage, its row here not yet.
    for (id, state, person) in [(1, 0, 9), (2, 0, 9), (3, 0, 9), (4, 3, 7), (5, 0, 8)] {
      let token = "'\\x\(Self.token(UInt8(id)).hex)'"
      try database.execute(
        """
        insert into linkage.combination (id, source, birth, pass_keys, withdrawal_token)
          values (\(id), 1, 0, '', \(token));
        insert into linkage.standing (combination, place, digest, cluster, smallest, person, rank, trusted, ambiguous,
            reached)
          values (\(id), \(id), \(id), \(person), \(token), '\\x\(Self.token(UInt8(person)).hex)', 0, false, 0, false);
        insert into linkage.lookup (token, holder) values (\(Int64(bitPattern: personID(person).high)), -\(id))
          on conflict do nothing;
        insert into linkage.observation (record_id, version_time, version_digest, stamp, state, source, extract_id,
            header, combination)
          values (\(token), 1, 1, 1, \(state), 1, 'x1', '', \(id))
        """)
    }
    let reader = try reader(keys)
    #expect(try reader.numbers(record: Self.token(1)) == .init(records: 1, numbers: ["9990000018"]))
    #expect(try reader.numbers(person: personID(9)) == .init(records: 3, numbers: ["9990000018", "9990000026"]))
    #expect(try reader.numbers(record: Self.token(4)) == .init(records: 0, numbers: []))
    // Without a number.
    #expect(try reader.numbers(record: Self.token(5)) == .init(records: 1, numbers: []))
    #expect(try reader.numbers(person: personID(1)) == .init())
    let stranger = try self.reader(try TestKeys())
    #expect(throws: ClientError.self) { try stranger.numbers(record: Self.token(1)) }
  }

  @Test func `a request is refused while it is off, and when one person asks and approves`() throws {
    func request(_ asks: String, _ approves: String) -> ReidentificationRequest {
      ReidentificationRequest(
        subject: .record(Self.token(1)), purpose: "p", requestedBy: asks, approvedBy: approves)
    }
    #expect(request("A. Reader", "B. Guardian").refusal(isOn: true) == nil)
    #expect(request("A. Reader", "B. Guardian").refusal(isOn: false) == "re-identification is switched off")
    for same in ["A. Reader", "a. reader", " A.  Reader ", "A Reader", "Á. Reader", "Ａ. Reader"] {
      #expect(request("A. Reader", same).refusal(isOn: true) == "who asks cannot approve")
    }
    let details = request("A", "B").details
    #expect(details["subject"] == AuditSubject.digest(Self.token(1)) && details["kind"] == "record")
  }

  @Test func `the command takes one subject, and every name and purpose`() throws {
    let id = Self.token(1).hex
    let governed = ["--purpose", "p", "--requested-by", "A", "--approved-by", "B"]
    for good in [
      ["--record", id], ["--person", id], ["--pseudonym", id, "--recipient", "R", "--recipient-purpose", "Q"],
    ] {
      _ = try ReidentifyCommand.parse(good + governed)
    }
    for bad in [
      [], ["--record", id, "--person", id], ["--pseudonym", id], ["--record", id, "--recipient", "R"],
      ["--pseudonym", id, "--recipient", "R"], ["--record", "12"],
    ] {
      #expect(throws: (any Error).self) { try ReidentifyCommand.parse(bad + governed) }
    }
    for left in stride(from: 0, to: 6, by: 2) {
      var rest = governed
      rest.removeSubrange(left..<(left + 2))
      #expect(throws: (any Error).self) { try ReidentifyCommand.parse(["--record", id] + rest) }
      rest = governed
      rest[left + 1] = "about 9990000018"
      #expect(throws: (any Error).self) { try ReidentifyCommand.parse(["--record", id] + rest) }
    }
  }
}
