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

  enum Action {
    case pass
    case exclude(RetractionReason)
    case hold
    indirect case tell(Token16, Subject, version: UInt64)
    case mark
    case reject(RejectionCode)
    case nothing
  }

  let context: StageContext
  let validated: String
  let permitted: PermittedOutput
  let store = ObjectionStore()
  let flow = FlowCounter()
  let accounts = FilterAccounts()
  private let list: NationalListAge
  let held: HeldRecords
  private let ledgers: RoutingLedgers
  private let rejected: RejectedObjections
  private let dispositions: Dispositions
  private var parts: [any BatchState] { [store, flow, accounts, held, rejected, dispositions, list, ledgers] }
  private var actions: [Action] = []
  /// The partition of the message before: messages come in runs of one.
  private var latest: (partition: Int32, state: PartitionState)?
  private var lastTick: Int64?

  /// Microseconds since 1970-01-01T00:00:00Z; tests set their own.
  var clock: () -> Int64 = { Date.now.microseconds }
  /// Records and bytes that are decided in one transaction once the list is fresh again.
  var heldPiece = (rows: HeldRecords.pieceRows, bytes: HeldRecords.pieceBytes)

  /// Held records go on for as long between two batches: longer than it takes to hold a batch, so that holding ends.
  static let heldPatience = Duration.seconds(2)
  private static let tick: Int64 = 1_000_000

  init(context: StageContext) throws {
    self.context = context
    validated = context.layout.name(.validated)
    permitted = PermittedOutput(topic: context.layout.name(.permitted))
    list = NationalListAge(context.configuration.nationalList)
    held = HeldRecords(incarnation: context.configuration.incarnation)
    ledgers = RoutingLedgers(incarnation: context.configuration.incarnation)
    rejected = RejectedObjections(incarnation: context.configuration.incarnation)
    dispositions = Dispositions(layout: context.layout)
  }

  // MARK: - Assignment

  func assigned(_ partitions: [TopicPartition]) throws {
    let own = partitions.filter { $0.topic == validated }.map(\.partition)
    let start = ContinuousClock.now
    try store.load(own, context.database)
    try ledgers.load(own, store, context.database)
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
    ledgers.revoke(own)
    for part in parts { part.forget() }
    lastTick = nil
  }

  // MARK: - Batch

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    let now = clock()
    let fault = list.fault(now: now)
    try purge(batch)
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
    try ledgers.tell(context.database) { token, subject, partition, version in
      try permitted.tell(subject, under: token, version: version, isAnew: true, partition, output)
    }
    // What is told to be rejected can be looked up.
    for (message, action) in zip(batch.messages, actions) {
      if case .reject(let code) = action { try output.reject(message, code) }
    }
    if !markers.isEmpty { try mark(markers, output, fault) }
  }

  /// What was said under a former routing key goes once it is not needed any more.
  private func purge(_ batch: MessageBatch) throws {
    let purged = try ledgers.purge(batch, of: validated, context.database)
    guard !purged.isEmpty else { return }
    latest = nil
    try store.load(purged, context.database)
    try ledgers.load(purged, store, context.database)
    context.logger.notice(
      "objections under a former routing key are gone", metadata: ["partitions": "\(purged.count)"])
  }

  /// Returns the markers, which have to wait.
  private func send(_ batch: MessageBatch, _ output: StageOutput) throws -> [Kafka.Message] {
    var markers: [Kafka.Message] = []
    for (message, action) in zip(batch.messages, actions) {
      switch action {
      case .pass: try permitted.pass(message.partition, message.key, message.value, output)
      case .exclude(let reason):
        try permitted.exclude(try EnvelopeView(message.value), reason, message.partition, message.key, output)
      case .tell(let token, let subject, let version):
        try permitted.tell(subject, under: token, version: version, message.partition, output)
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
        let standing = RoutingLedgers.standing(envelope, state)
        if held.isHolding(partition) || (isStale && verdict == .passes) || standing == .early {
          held.hold(message)
          return .hold
        }
        if standing == .outdated { return .reject(.outdatedRoutingKey) }
        return try settle(verdict, header, partition, now)
      case .retraction: return .pass
      case .marker: return .mark
      case .objection: return try take(envelope, message, at: index, of: batch)
      case .ledger:
        ledgers.take(envelope, message, state(message.partition))
        return .nothing
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
  func verdict(_ header: HeaderView, _ key: UnsafeRawBufferPointer, _ state: PartitionState) -> Verdict? {
    guard let token = Token16(bytes: key) else { return nil }
    return state.barrier(token)?.verdict(source: header.source, stamp: header.stamp) ?? .passes
  }

  /// Counts a record and says what becomes of it; once for good, held records included.
  func settle(_ verdict: Verdict?, _ header: HeaderView, _ partition: Int32, _ now: Int64) throws -> Action {
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
    let version = RoutingLedgers.version(envelope)
    let isAnew = version > state(message.partition).routing.version
    let (subject, isNews) = store.take(
      objection.statement, for: objection.token, version: version, in: message.partition)
    // Stated anew it was applied long ago, and is told when all has been stated.
    if isAnew { return .nothing }
    if isNews { accounts.applied(objection) }
    return .tell(objection.token, subject, version: version)
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
}
