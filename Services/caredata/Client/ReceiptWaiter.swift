import Contracts
import Foundation
import Kafka

/// Watches the `receipts` topic from the moment it is made.
final class ReceiptWaiter {
  private let reader: TopicReader
  private let installation: Installation

  /// - Important: Make it before sending: a receipt written earlier is not seen.
  init(_ installation: Installation, from start: TopicReader.Start = .end) throws {
    self.installation = installation
    reader = try TopicReader(installation.kafka, topic: installation.layout.name(.receipts), from: start)
  }

  /// The first receipt for `id` that says what became of it.
  ///
  /// - Throws: ``ClientError`` when none comes in time.
  func receipt(for id: String, timeout: Duration) throws -> Receipt {
    let found = try receipts(for: [id], timeout: timeout)
    return found[id]!
  }

  /// What became of an extract that was sent whole. Held is not believed at once: an instance of ingestion that is
  /// starting again may still have records to read.
  func decision(on id: String, timeout: Duration) throws -> Receipt {
    let first = try receipt(for: id, timeout: timeout)
    guard first.status == .held else { return first }
    let later = try? receipts(for: [id], timeout: .seconds(30)) { $0.status != .held && $0.status.isDecision }
    return later?[id] ?? first
  }

  /// One receipt for each id, of those that count.
  @discardableResult
  func receipts(
    for ids: Set<String>, timeout: Duration, where counts: (Receipt) -> Bool = { $0.status.isDecision }
  ) throws -> [String: Receipt] {
    let deadline = ContinuousClock.now + timeout
    var found: [String: Receipt] = [:]
    while ContinuousClock.now < deadline {
      try installation.checkBrokerLife()
      for message in try reader.poll(timeoutMilliseconds: 100).messages {
        let id = String(decoding: message.key, as: UTF8.self)
        guard ids.contains(id) else { continue }
        let receipt = try Receipt(binaryOrJSON: message.value)
        if counts(receipt) { found[id] = receipt }
      }
      if found.count == ids.count { return found }
    }
    let missing = ids.subtracting(found.keys).sorted().joined(separator: ", ")
    throw ClientError(
      "no receipt for \(missing) within \(timeout.components.seconds) s; `caredata status` shows where the stream stands"
    )
  }
}
