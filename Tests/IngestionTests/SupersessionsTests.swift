import Clinical
import Contracts
import Cryptography
import Foundation
import KeyRing
import Postgres
import StageKit
import Testing

@testable import Ingestion

struct SupersessionsTests {
  private let ingestion: TestIngestion
  private let tokens: RecordTokens
  private let supersessions: Supersessions
  private static let numbers = SyntheticNumbers.valid(6)

  init() throws {
    ingestion = try TestIngestion()
    let keys = try TestKeys.ingestion()
    tokens = try RecordTokens.random()
    supersessions = Supersessions(tokens: tokens, sealing: try SectionSealing(keys: keys))
  }

  private func token(_ place: Int) -> Token16 { tokens.routingToken(nhsNumber: Self.numbers[place].digits) }

  /// Takes pairs of places of `numbers` in, as a batch does.
  private func load(_ pairs: [(Int, Int)]) throws -> [Int] {
    let database = ingestion.database
    return try database.transaction {
      try ingestion.ledger.takeLock(database)
      let stored = try supersessions.store(
        pairs.map { .init(superseded: Self.numbers[$0.0], current: Self.numbers[$0.1]) }, database)
      try ingestion.ledger.extend(to: stored.touched, database)
      return stored.circles
    }
  }

  private func current(_ place: Int) throws -> Int? {
    try supersessions.refresh(ingestion.database)
    let number = supersessions.current(token(place)) ?? Self.numbers[place].digits
    return Self.numbers.firstIndex { $0.digits == number }
  }

  private func object(_ place: Int, _ decision: ObjectionDecision = .dissent) throws {
    let database = ingestion.database
    try database.transaction {
      try ingestion.ledger.record(
        [
          .init(
            origin: tokens.origin("national", nhsNumber: Self.numbers[place].digits), token: token(place),
            decision: Decision(type: .objectionType2, decision: decision, day: 100), organisation: "A81001")
        ], database)
    }
  }

  /// Tokens under which the newest statements say dissent.
  private func objecting() throws -> Set<Token16> {
    let rows = try ingestion.database.query("select token from statement where not retracted and decision = 1")
    return Set((0..<rows.count).compactMap { Token16(bytes: rows.bytes($0, 0)) })
  }

  @Test(
    arguments: [
      [[(0, 1), (1, 2)]], [[(1, 2), (0, 1)]], [[(0, 1)], [(1, 2)]], [[(1, 2)], [(0, 1)]], [[(0, 2), (1, 2), (0, 1)]],
    ])
  func `every number of a chain leads to the last one, in whatever order the links come`(
    batches: [[(Int, Int)]]
  ) throws {
    for batch in batches { #expect(try load(batch).isEmpty) }
    #expect(try (0...3).map { try current($0) } == [2, 2, 2, 3])
  }

  @Test func `a link that would close a circle is put aside, and the others count`() throws {
    #expect(try load([(0, 1), (1, 2), (2, 0), (3, 2)]) == [2])
    #expect(try (0...3).map { try current($0) } == [2, 2, 2, 2])
  }

  @Test func `a number replaced anew goes its new way with everything that led to it`() throws {
    _ = try load([(0, 1), (1, 2)])
    _ = try load([(1, 3)])
    #expect(try current(1) == 3)
    #expect(try current(2) == 2)
  }

  @Test func `an objection under any number of a chain covers all, whichever comes first`() throws {
    _ = try load([(0, 1), (1, 2)])
    try object(1)
    #expect(try objecting() == [token(0), token(1), token(2)])
    try object(4)
    #expect(!(try objecting().contains(token(5))))
    _ = try load([(4, 5)])
    #expect(try objecting().isSuperset(of: [token(4), token(5)]))
    _ = try load([(2, 3)])
    #expect(try objecting().contains(token(3)), "a chain that grows takes its objections along")
  }

  @Test func `another instance learns of new links before its next batch`() throws {
    let other = Supersessions(tokens: tokens, sealing: try SectionSealing(keys: try TestKeys.ingestion()))
    try other.refresh(ingestion.database)
    _ = try load([(0, 1)])
    #expect(other.current(token(0)) ?? Self.numbers[0].digits == Self.numbers[0].digits)
    try other.refresh(ingestion.database)
    #expect(other.current(token(0)) ?? Self.numbers[0].digits == Self.numbers[1].digits)
  }

  @Test func `no number stands in the database in the clear`() throws {
    _ = try load([(0, 1)])
    let rows = try ingestion.database.query("select token, current_token, sealed from superseded")
    for column in 0..<3 {
      let bytes = Data(rows.bytes(0, column))
      for number in Self.numbers { #expect(bytes.range(of: Data(number.digits.utf8)) == nil) }
    }
  }
}

/// Valid NHS numbers of the test range.
enum SyntheticNumbers {
  static func valid(_ count: Int) -> [NHSNumber] {
    Array(
      (999_000_000...).lazy.compactMap { nine in
        NHSNumber.checkDigit(ofFirstNine: nine).flatMap { try? NHSNumber(validating: "\(nine)\($0)") }
      }.prefix(count))
  }
}

/// Keys of one test run.
enum TestKeys {
  private static let made = Result {
    let keys = KeyInstallation("\(TestDatabase.directory)/keys")
    _ = try keys.make()
    return keys
  }

  static func installation() throws -> KeyInstallation { try made.get() }

  static func ingestion() throws -> StageKeys {
    try StageKeys(try installation(), of: .ingestion, others: [.pseudonymisation, .publication])
  }
}

extension RecordTokens {
  static func random() throws -> RecordTokens {
    try RecordTokens(records: .random(), persons: .random(), routing: .random())
  }
}
