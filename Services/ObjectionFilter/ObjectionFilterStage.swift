import Contracts
import Cryptography
import Foundation
import Kafka
import Postgres
import StageKit
import SwiftProtobuf

/// Lets records pass, turns those under an objection into retractions, and tells what each objection does to what
/// passed before. While the national list of objections is too old, no record passes.
///
/// Holds no key: it reads the routing token, the header and nothing else; passing records go on byte for byte.
final class ObjectionFilterStage: Stage {
  static let name = StageName.objectionFilter
  static let input = [Topic.validated, .receipts]
  static let migrations = ObjectionSchema.migrations

  private enum Action {
    case pass
    case exclude(RetractionReason)
    case hold
    indirect case tell(Token16, Subject)
    case mark
    case reject(RejectionCode)
    case nothing
  }

  private let context: StageContext
  private let validated: String
  private let permitted: PermittedOutput
  private let store = ObjectionStore()
  private let flow = FlowCounter()
  private let accounts = FilterAccounts()
  private let list: NationalListAge
  private let held: HeldRecords
  private let rejected: RejectedObjections
  private let dispositions: Dispositions
  private var parts: [any BatchState] { [store, flow, accounts, held, rejected, dispositions, list] }
  private var actions: [Action] = []
  /// The partition of the message before: messages come in runs of one.
  private var latest: (partition: Int32, state: PartitionState)?
  private var lastTick: Int64?

  /// Microseconds since 1970-01-01T00:00:00Z; tests set their own.
  var clock: () -> Int64 = { Date.now.microseconds }
  /// Records and bytes that are decided in one transaction once the list is fresh again.
  var heldPiece = (rows: HeldRecords.pieceRows, bytes: HeldRecords.pieceBytes)

  /// Held records go on for as long between two batches: longer than it takes to hold a batch, so that holding ends.
  private static let heldPatience = Duration.seconds(2)
  private static let tick: Int64 = 1_000_000

  init(context: StageContext) throws {
    self.context = context
    validated = context.layout.name(.validated)
    permitted = PermittedOutput(topic: context.layout.name(.permitted))
    list = NationalListAge(context.configuration.nationalList)
    held = HeldRecords(incarnation: context.configuration.incarnation)
    rejected = RejectedObjections(incarnation: context.configuration.incarnation)
    dispositions = Dispositions(layout: context.layout)
  }

  // MARK: - Assignment

  func assigned(_ partitions: [TopicPartition]) throws {
    let own = partitions.filter { $0.topic == validated }.map(\.partition)
    let start = ContinuousClock.now
    try store.load(own, context.database)
    try held.load(own, context.database)
    try list.load(context.database)
    try rejected.load(context.database)
    let duration = (ContinuousClock.now - start).components
    context.logger.info(
      "objections loaded",
      metadata: [
        "tokens": "\(store.count)",
        "milliseconds": "\(duration.seconds * 1_000 + duration.attoseconds / 1_000_000_000_000_000)",
      ])
    context.paused = list.fault(now: clock())
  }

  func revoked(_ partitions: [TopicPartition]) {
    let own = partitions.filter { $0.topic == validated }.map(\.partition)
    latest = nil
    store.revoke(own)
    held.revoke(own)
    for part in parts { part.forget() }
    lastTick = nil
  }

  // MARK: - Batch

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    let now = clock()
    let fault = list.fault(now: now)
    actions.removeAll(keepingCapacity: true)
    for (index, message) in batch.messages.enumerated() {
      actions.append(
        message.topic == validated
          ? try decide(message, at: index, of: batch, isStale: fault != nil, now)
          : take(receipt: message, now))
    }
    // On their way while the batch is stored: sent and not stored, they are sent again, and nothing depends on how often.
    let markers = try send(batch, output)
    let parts = parts
    try context.database.transaction { for part in parts { try part.store(context.database) } }
    for part in parts { part.stored() }
    // What is told to be rejected can be looked up.
    for (message, action) in zip(batch.messages, actions) {
      if case .reject(let code) = action { try output.reject(message, code) }
    }
    if !markers.isEmpty { try mark(markers, output, fault) }
  }

  /// Returns the markers, which have to wait.
  private func send(_ batch: MessageBatch, _ output: StageOutput) throws -> [Kafka.Message] {
    var markers: [Kafka.Message] = []
    for (message, action) in zip(batch.messages, actions) {
      switch action {
      case .pass: try permitted.pass(message.partition, message.key, message.value, output)
      case .exclude(let reason):
        try permitted.exclude(try EnvelopeView(message.value), reason, message.partition, message.key, output)
      case .tell(let token, let subject): try permitted.tell(subject, under: token, message.partition, output)
      case .mark: markers.append(message)
      case .hold, .reject, .nothing: break
      }
    }
    return markers
  }

  private func mark(_ markers: [Kafka.Message], _ output: StageOutput, _ fault: String?) throws {
    // What lies before a marker is to be acknowledged before it.
    try output.flush()
    let everywhere =
      try [fault].compactMap(\.self) + UnresolvedObjections.reasons(at: Self.name, context.database)
    for marker in markers {
      let reasons = everywhere + (held.isHolding(marker.partition) ? [HeldRecords.reason] : [])
      try permitted.mark(marker, heldBy: reasons, output)
    }
  }

  // MARK: - Decisions

  private func decide(
    _ message: Kafka.Message, at index: Int, of batch: MessageBatch, isStale: Bool, _ now: Int64
  ) throws -> Action {
    do {
      let envelope = try EnvelopeView(message.value)
      switch envelope.kind {
      case .record:
        let header = try HeaderView(envelope.header)
        let (partition, key) = (message.partition, message.key)
        let state = state(partition)
        state.saw(stamp: header.stamp)
        let verdict = verdict(header, key, state)
        if held.isHolding(partition) || (isStale && verdict == .passes) {
          held.hold(message)
          return .hold
        }
        return try settle(verdict, header, partition, now)
      case .retraction: return .pass
      case .marker: return .mark
      case .objection: return try take(envelope, message, at: index, of: batch)
      default:
        rejected.note(message, .unexpectedKind)
        return .reject(.unexpectedKind)
      }
    } catch let error as ContractError {
      let code = RejectionCode(error)
      if EnvelopeView.mayTellOfObjection(message.value) { rejected.note(message, code) }
      return .reject(code)
    }
  }

  @inline(__always)
  private func state(_ partition: Int32) -> PartitionState {
    if let latest, latest.partition == partition { return latest.state }
    let state = store.state(partition)
    latest = (partition, state)
    return state
  }

  /// Nil where there is no routing token, and so nobody whose objections could be looked up.
  @inline(__always)
  private func verdict(_ header: HeaderView, _ key: UnsafeRawBufferPointer, _ state: PartitionState) -> Verdict? {
    guard let token = Token16(bytes: key) else { return nil }
    return state.barrier(token)?.verdict(source: header.source, stamp: header.stamp) ?? .passes
  }

  /// Counts a record and says what becomes of it; once for good, held records included.
  private func settle(_ verdict: Verdict?, _ header: HeaderView, _ partition: Int32, _ now: Int64) throws -> Action {
    let outcome: FlowCounter.Outcome =
      switch verdict {
      case .passes: .passed
      case .excluded: .excluded
      case nil: .rejected
      }
    let isFirst = try flow.count(
      extract: header.extractID, partition: partition, number: header.number, as: outcome, database: context.database)
    if isFirst { dispositions.isCheckDue = true }
    switch verdict {
    case .passes: return .pass
    case .excluded(let reason):
      context.metrics.excluded += 1
      if isFirst { accounts.excluded(header, in: partition, for: reason, now: now) }
      return .exclude(reason)
    case nil: return .reject(.missingField)
    }
  }

  private func take(
    _ envelope: EnvelopeView, _ message: Kafka.Message, at index: Int, of batch: MessageBatch
  ) throws -> Action {
    guard let objection = ReceivedObjection(key: message.key, notice: envelope.objection) else {
      rejected.note(message, .malformed)
      return .reject(.malformed)
    }
    if !store.knows(objection.token) {
      try store.read(tokens(of: batch, from: index).union([objection.token]), context.database)
    }
    let (subject, isNews) = store.take(objection.statement, for: objection.token, in: message.partition)
    if isNews { accounts.applied(objection) }
    return .tell(objection.token, subject)
  }

  /// Of all objections from here on in the batch, so that they are read at once.
  private func tokens(of batch: MessageBatch, from index: Int) -> Set<Token16> {
    var tokens: Set<Token16> = []
    for message in batch.messages.dropFirst(index) where ReceivedObjection.mayBe(message.value) {
      if let token = Token16(bytes: message.key), !store.knows(token) { tokens.insert(token) }
    }
    return tokens
  }

  private func take(receipt message: Kafka.Message, _ now: Int64) -> Action {
    guard let receipt = try? Receipt(binaryOrJSON: message.value) else { return .reject(.malformed) }
    list.take(receipt, now: now)
    dispositions.take(receipt, asJSON: message.value.first == UInt8(ascii: "{"))
    return .nothing
  }

  // MARK: - Between batches

  func work(_ output: StageOutput) throws -> Bool {
    let now = clock()
    if lastTick.map({ abs(now - $0) >= Self.tick }) ?? true {
      lastTick = now
      // The receipt may have come to another instance.
      try list.load(context.database)
      if let drawnAt = list.drawnAt { context.metrics.nationalListAge.record(Double(now - drawnAt) / 1_000_000) }
      try dispositions.check(context.database)
      while try Outbox.drain(context.database, to: output) {}
    }
    let fault = list.fault(now: now)
    context.paused = fault
    return fault == nil ? try decideHeld(output, now) : false
  }

  /// Returns whether records are still held.
  private func decideHeld(_ output: StageOutput, _ now: Int64) throws -> Bool {
    let deadline = ContinuousClock.now + Self.heldPatience
    for partition in held.partitions.sorted() {
      var isEmpty = false
      while !isEmpty, ContinuousClock.now < deadline { isEmpty = try decideHeldPiece(partition, output, now) }
      if !isEmpty { return true }
    }
    return false
  }

  private func decideHeldPiece(_ partition: Int32, _ output: StageOutput, _ now: Int64) throws -> Bool {
    let database = context.database
    let isEmpty = try database.transaction {
      let isEmpty = try held.decide(
        partition, rows: heldPiece.rows, bytes: heldPiece.bytes, database
      ) { offset, key, value in
        let envelope = try EnvelopeView(value)
        let header = try HeaderView(envelope.header)
        switch try settle(verdict(header, key, store.state(partition)), header, partition, now) {
        case .pass: try permitted.pass(partition, key, value, output)
        case .exclude(let reason): try permitted.exclude(envelope, reason, partition, key, output)
        case .reject(let code):
          try output.reject(Rejection(topic: validated, partition: partition, offset: offset, code: code.rawValue))
        case .hold, .tell, .mark, .nothing: break
        }
      } acknowledge: {
        try output.flush()
      }
      try flow.store(database)
      try accounts.store(database)
      return isEmpty
    }
    flow.stored()
    accounts.stored()
    if isEmpty { held.emptied(partition) }
    return isEmpty
  }
}
