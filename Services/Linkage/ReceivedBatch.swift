import Contracts
import StageKit

/// A message as it was read, from the topic or from where it was parked. Borrows its bytes.
struct ReceivedMessage {
  let partition: Int32
  let key: UnsafeRawBufferPointer
  let value: UnsafeRawBufferPointer
}

/// The messages of one batch, sorted by what they ask of linkage. Borrows their bytes.
struct ReceivedBatch {
  /// A message that may be answered by one on the same partition.
  struct Passage {
    enum Content {
      case record(EnvelopeView, event: Int)
      case withdrawal
    }

    /// Position in the batch.
    let message: Int
    let content: Content
  }

  private(set) var content = LinkageBatch()
  private(set) var passages: [Passage] = []
  private(set) var markers: [ReceivedMarker] = []
  /// Under a former version of the linkage key.
  private(set) var parked: [ParkedMessage] = []
  /// The highest version that tokens of the batch are made under.
  private(set) var newestVersion: Int64

  private let version: Int64

  /// - Parameter version: of the linkage key that the stored tokens are made under.
  init(capacity: Int, version: Int64 = StoredTokens.firstVersion) {
    self.version = version
    newestVersion = version
    passages.reserveCapacity(capacity)
    content.records.reserveCapacity(capacity)
  }

  /// Takes the message at `position` in. Returns why it cannot be used, `nil` if it can.
  ///
  /// A record whose header is good and whose tokens are not goes on as a rejected one, so that publication can balance
  /// its extract; a retraction goes on as what it is.
  mutating func add(_ position: Int, _ message: ReceivedMessage) -> RejectionCode? {
    do throws(ContractError) {
      let view = try EnvelopeView(message.value)
      switch view.kind {
      case .record:
        var event = try RecordEvent(header: view.header, reason: .rejected)
        defer { append(event, view, message, position) }
        try event.setTokens(view.links)
      case .retraction:
        let reason = RetractionReason(rawValue: Int(truncatingIfNeeded: view.reason)) ?? .unspecified
        var event = try RecordEvent(header: view.header, reason: reason)
        defer { append(event, view, message, position) }
        try event.setSuppression(view.links)
      case .withdrawal, .reinstatement:
        content.erasures.append(try Erasure(view.withdrawal, isInForce: view.kind == .withdrawal))
        passages.append(Passage(message: position, content: .withdrawal))
      case .marker:
        markers.append(try ReceivedMarker(view.marker, message))
      case .objection, .reassignment, .ledger, .unspecified, .UNRECOGNIZED: return .unexpectedKind
      }
      return nil
    } catch {
      return RejectionCode(error)
    }
  }

  private mutating func append(
    _ event: RecordEvent, _ view: EnvelopeView, _ message: ReceivedMessage, _ position: Int
  ) {
    if let made = event.keyVersion {
      newestVersion = max(newestVersion, made)
      guard made >= version else {
        parked.append(
          ParkedMessage(
            recordID: event.recordID, partition: message.partition, key: Array(message.key),
            value: Array(message.value), keyVersion: made))
        return
      }
    }
    passages.append(Passage(message: position, content: .record(view, event: content.records.count)))
    content.records.append(event)
  }
}
