import Clinical
import Contracts
import Foundation
import Fuzzing
import Postgres
import StageKit
import Testing

@testable import Ingestion

/// A seeded part of what `caredata-benchmarks fuzz` sends, against the reading and storing of messages in this process.
struct MessageFuzzTests {
  private static let seed: UInt64 = 20_261_031

  @Test func `each of 18,000 hostile messages is accepted, rejected or refused, its entries add up, and memory stays`()
    throws
  {
    print("seed \(Self.seed)")
    let run = try FuzzRun(seed: Self.seed)
    var memory = ResidentMemory(bound: 24 << 20)
    while run.account.sentCount < 18_000 {
      try run.next()
      memory.sample(ResidentMemory.of(getpid()) ?? 0)
    }
    #expect(run.account.faults.isEmpty)
    #expect(run.unbalanced.isEmpty)
    if ResidentMemory.isAlone { #expect(memory.fault == nil) }
    let counts = run.account.counts
    print(counts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", "))
    #expect(counts[.accepted, default: 0] > 9_000, "most mutations leave a message readable")
    #expect(counts[.rejected("malformed"), default: 0] > 500)
    #expect(counts[.rejected("missing_field"), default: 0] > 50)
    #expect(counts[.rejected("refused"), default: 0] > 50)
    print(
      "\(run.rejectedRecords) records rejected; entries: \(run.excludedEntries) excluded, \(run.leftOutEntries) left out"
    )
    #expect(run.rejectedRecords > 5 && run.excludedEntries > 500 && run.leftOutEntries > 1_000)
  }

  @Test func `hostile messages are stored, and what is admitted of them adds up in the receipts`() throws {
    print("seed \(Self.seed)")
    let run = try FuzzRun(seed: Self.seed + 1, stores: true)
    try run.enrol()
    while run.account.sentCount < 2_000 { try run.next() }
    #expect(run.account.faults.isEmpty)
    try run.reading.ingestion.admitAll()
    let receipts = try run.reading.ingestion.outbox().receipts()
    let admitted = receipts.filter { $0.status == .admitted }
    #expect(admitted.count >= 5)
    for receipt in admitted {
      #expect(receipt.entries.isBalanced)
      #expect(receipt.recordsReceived == receipt.recordsAdmitted + receipt.rejectedHere)
    }
    let texts = try receipts.map { try $0.jsonString() }.joined()
    #expect(!texts.contains(HostileValues.canary))
  }

  // MARK: The checkers themselves

  @Test func `a message that nothing says anything of is found`() throws {
    let run = try FuzzRun(seed: Self.seed + 2, loses: 100)
    while run.account.sentCount < 500 { try run.next() }
    #expect(run.account.faults.count == 1)
    #expect(run.account.faults.first?.hasSuffix("was sent and not accounted for") == true)
  }

  @Test func `a message settled twice, or never sent, is found`() {
    var account = MessageAccount<Int>()
    account.sent(1)
    account.settle(1, as: .accepted)
    #expect(account.faults.isEmpty)
    account.settle(1, as: .rejected("malformed"))
    account.settle(2, as: .accepted)
    #expect(account.faults.count == 2)
  }

  @Test func `an entry that is neither kept nor counted is found`() {
    #expect(EntryAccount(received: 5, kept: 2, leftOut: 1, excluded: 2).isBalanced)
    #expect(!EntryAccount(received: 5, kept: 2, leftOut: 1, excluded: 1).isBalanced)
  }

  @Test(.enabled(if: ResidentMemory.isAlone, "the memory of a process that runs other tests says nothing"))
  func `a reader that keeps a little of every message is found`() throws {
    var kept: [[UInt8]] = []
    var memory = ResidentMemory(bound: 8 << 20)
    for _ in 0..<200 {
      // Touched, so that the pages are there.
      for _ in 0..<100 { kept.append([UInt8](repeating: 7, count: 4_096)) }
      memory.sample(ResidentMemory.of(getpid()) ?? 0)
    }
    #expect(memory.fault != nil)
    #expect(kept.count == 20_000)
  }

  @Test func `too few samples are no proof`() {
    var memory = ResidentMemory(bound: 1)
    #expect(memory.fault != nil)
    for _ in 0..<100 { memory.sample(1 << 20) }
    #expect(memory.fault == nil)
  }
}

/// Feeds the reading of messages and keeps the accounts.
private final class FuzzRun {
  let reading: TestReading
  private(set) var account = MessageAccount<Int>()
  /// Places of records whose entries do not add up.
  private(set) var unbalanced: [Int] = []
  private(set) var rejectedRecords = 0
  private(set) var excludedEntries = 0
  private(set) var leftOutEntries = 0
  private var fuzzer: MessageFuzzer
  private let stores: Bool
  private let lost: Int?
  private var round = 0

  /// - Parameter loses: the place of a message that is kept from the service.
  init(seed: UInt64, stores: Bool = false, loses lost: Int? = nil) throws {
    reading = try TestReading()
    fuzzer = MessageFuzzer(seed: seed)
    self.stores = stores
    self.lost = lost
  }

  func enrol() throws {
    var intake = Intake()
    for enrolment in MessageFuzzer.enrolments(today: CalendarDate.today.day) { try reading.take(enrolment, &intake) }
    try reading.store(&intake)
  }

  /// One batch: an extract, and now and then other topics.
  func next() throws {
    round += 1
    var intake = Intake()
    for message in fuzzer.extract(records: 100) { try take(message, &intake) }
    if round % 10 == 0 {
      for message in fuzzer.objections(50) + fuzzer.enrolments(20) { try take(message, &intake) }
    }
    if stores { try reading.store(&intake) }
  }

  private func take(_ message: MessageFuzzer.FuzzMessage, _ intake: inout Intake) throws {
    let place = account.sentCount
    account.sent(place)
    if place == lost { return }
    let before = Marks(intake)
    let code: RejectionCode? =
      switch message.destination {
      case .extracts: try reading.take(message.bytes, offset: Int64(place), &intake)
      case .objections:
        try reading.takeOther(message.bytes, offset: Int64(place), &intake) {
          try reading.others.take(objection: $0, at: $1, &$2)
        }
      case .practices:
        try reading.takeOther(message.bytes, &intake) { bytes, _, intake in
          try reading.others.take(enrolment: bytes, &intake)
        }
      }
    if let code { return account.settle(place, as: .rejected(code.rawValue)) }
    let after = Marks(intake)
    let content = message.destination == .extracts ? Self.content(message.bytes) : nil
    if case .record(let record)? = content {
      if let staged = intake.records[record.opening]?.last, staged.source.offset == Int64(place) {
        check(staged, of: record, place)
        account.settle(place, as: .accepted)
      } else if intake.refused[record.opening] != nil {
        account.settle(place, as: .rejected("refused"))
      }
    } else if after.others == before.others + 1 {
      account.settle(place, as: .accepted)
    }
  }

  private static func content(_ bytes: [UInt8]) -> ExtractMessage.OneOf_Content? {
    bytes.withUnsafeBytes { try? ExtractMessage(binaryOrJSON: $0) }?.content
  }

  private func check(_ staged: StagedRecord, of record: PatientRecord, _ place: Int) {
    let leftOut = staged.notes.filter(\.reason.isOfLeftOutEntries).reduce(0) { $0 + Int($1.count) }
    let entries = EntryAccount(
      received: Int(staged.entriesReceived), kept: Int(staged.entries), leftOut: leftOut,
      excluded: Int(staged.entriesExcluded))
    if staged.rejection != nil { rejectedRecords += 1 }
    excludedEntries += entries.excluded
    leftOutEntries += leftOut
    // With a code system that nobody knows the whole extract is refused.
    let isUnknown = record.entries.contains {
      switch $0.system {
      case .unspecified, .UNRECOGNIZED: true
      default: false
      }
    }
    if record.entries.count != entries.received || !(entries.isBalanced || isUnknown) { unbalanced.append(place) }
  }
}

/// How much an intake holds that is not a record.
private struct Marks {
  let others: Int

  init(_ intake: Intake) {
    others =
      intake.manifests.count + intake.submitted.count + intake.cuts.count + intake.nationalLists.count
      + intake.enrolments.count
  }
}

extension Receipt {
  fileprivate var entries: EntryAccount {
    EntryAccount(
      received: Int(entriesReceived), kept: Int(entriesAdmitted), leftOut: Int(entriesDropped.values.reduce(0, +)),
      excluded: Int(entriesExcluded), ofRejected: Int(entriesRejected))
  }

  /// Records rejected by ingestion, not those that the connector kept.
  fileprivate var rejectedHere: UInt32 { rejected.values.reduce(0, +) - recordsRejectedByConnector }
}
