import Contracts
import Cryptography
import Foundation
import Kafka
import StageKit

/// What stages have put aside, and ingestion's decisions on whole extracts.
struct RejectedMessages {
  let target: Installation

  /// Rejections of a stage in the order of their messages; one told twice counts once.
  func rejections(_ stage: StageName) throws -> [Rejection] {
    var found: Set<Rejection> = []
    try TopicSnapshot.read(target, .rejected(stage)) { message in
      if let rejection = try? Rejection(json: message.value) { found.insert(rejection) }
    }
    return found.sorted { ($0.topic, $0.partition, $0.offset) < ($1.topic, $1.partition, $1.offset) }
  }

  /// Receipts of the extracts that were refused or are held.
  func extracts() throws -> [Receipt] {
    try ReceiptLog.newest(target).filter { $0.status == .refused || $0.status == .held }
  }
}

/// Sends again what was put aside, after its cause is mended.
///
/// A message whose extract is still open is sent as it is. An extract that is decided is submitted anew from the
/// messages the topic still holds, with a submission time one microsecond later: it wins over its own first
/// submission, and loses against every correction made since.
struct Replay {
  enum Step: Equatable {
    case message(Rejection)
    case extract(String)
    case impossible(String, why: String)
  }

  let target: Installation

  /// What has to be done for these rejections and extracts.
  func plan(_ rejections: [Rejection], extracts: [String]) throws -> [Step] {
    let receipts = try self.receipts()
    var steps: [Step] = []
    var whole = Set(extracts)
    for rejection in rejections {
      guard
        let bytes = try TopicSnapshot.message(
          target, topic: rejection.topic, partition: rejection.partition, offset: rejection.offset)
      else {
        steps.append(.impossible(rejection.place, why: "the topic no longer holds the message"))
        continue
      }
      guard rejection.code != RejectionCode.headerMismatch.rawValue else {
        steps.append(.impossible(rejection.place, why: "the message is not of the extract whose id it bears"))
        continue
      }
      let extract = rejection.extract ?? Self.extractID(bytes)
      if let extract, let receipt = receipts[extract], receipt.status != .held {
        whole.insert(extract)
      } else {
        steps.append(.message(rejection))
      }
    }
    return steps + whole.sorted().map(Step.extract)
  }

  private func receipts() throws -> [String: Receipt] {
    Dictionary(try ReceiptLog.newest(target).map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
  }

  func execute(_ step: Step, timeout: Duration) throws -> String {
    switch step {
    case .impossible(let what, let why): return "\(what): \(why)"
    case .message(let rejection):
      try resend(rejection)
      return "\(rejection.place): sent again"
    case .extract(let id):
      return ReceiptText.text(try resubmit(id, timeout: timeout))
    }
  }

  private func resend(_ rejection: Rejection) throws {
    guard
      let bytes = try TopicSnapshot.message(
        target, topic: rejection.topic, partition: rejection.partition, offset: rejection.offset)
    else { throw ClientError("\(rejection.place): the topic no longer holds the message") }
    let producer = try target.producer()
    defer { producer.close() }
    try producer.send(
      topic: rejection.topic, partition: rejection.partition, key: Array(rejection.place.utf8), value: bytes,
      headers: [("dlq.replay.of", rejection.place)])
    try producer.flush()
  }

  // MARK: Whole extracts

  private func resubmit(_ id: String, timeout: Duration) throws -> Receipt {
    guard let receipt = try receipts()[id] else { throw ClientError("there is no receipt for \(id)") }
    var manifests: [Manifest.State: Manifest] = [:]
    try forEachMessage(of: receipt) { content in
      if case .manifest(let manifest) = content { manifests[manifest.state] = manifest }
    }
    guard var opened = manifests[.opened], var closed = manifests[.closed], manifests[.abandoned] == nil else {
      throw ClientError("\(id): the topic does not hold both manifests of a closed extract; submit it again")
    }
    let again = "\(id.prefix(80)).r\(hexadecimal(randomBytes(3)))"
    let submittedAt = opened.submittedAt + 1
    opened.extractID = again
    closed.extractID = again
    opened.submittedAt = submittedAt
    closed.submittedAt = submittedAt
    let waiter = try ReceiptWaiter(target)
    let producer = try target.producer()
    defer { producer.close() }
    let topic = target.layout.name(.extracts)
    func send(_ content: ExtractMessage.OneOf_Content, key: String) throws {
      try producer.send(
        topic: topic, partition: target.layout.partition(ofText: key), key: Array(key.utf8),
        value: try ExtractMessage.with { $0.content = content }.serializedBytes(), headers: [("dlq.replay.of", id)])
    }
    try send(.manifest(opened), key: again)
    try forEachMessage(of: receipt) { content in
      guard case .record(var record) = content else { return }
      record.extractID = again
      record.submittedAt = submittedAt
      try send(.record(record), key: "\(again)/\(record.sequence)")
    }
    try producer.flush()
    try send(.manifest(closed), key: again)
    try producer.flush()
    return try waiter.receipt(for: again, timeout: timeout)
  }

  /// Messages under the id that describe another extract were never part of it.
  private func forEachMessage(of receipt: Receipt, _ body: (ExtractMessage.OneOf_Content) throws -> Void) throws {
    try TopicSnapshot.read(target, .extracts) { message in
      guard let content = try? ExtractMessage(binaryOrJSON: message.value).content else { return }
      switch content {
      case .manifest(let manifest):
        if receipt.describes(
          manifest.extractID, manifest.organisation, manifest.source, manifest.period, manifest.submittedAt)
        {
          try body(content)
        }
      case .sealed: return
      case .record(let record):
        if receipt.describes(record.extractID, record.organisation, record.source, record.period, record.submittedAt) {
          try body(content)
        }
      }
    }
  }

  private static func extractID(_ bytes: [UInt8]) -> String? {
    let message = bytes.withUnsafeBytes { try? ExtractMessage(binaryOrJSON: $0) }
    switch message?.content {
    case .manifest(let manifest): return manifest.extractID
    case .record(let record): return record.extractID
    case .sealed, nil: return nil
    }
  }
}

extension Receipt {
  fileprivate func describes(
    _ id: String, _ organisation: String, _ source: Source, _ period: String, _ submittedAt: Int64
  ) -> Bool {
    self.id == id && self.organisation == organisation && self.source == source && self.period == period
      && self.submittedAt == submittedAt
  }
}
