import Contracts
import StageKit

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

  init(capacity: Int) {
    passages.reserveCapacity(capacity)
    content.records.reserveCapacity(capacity)
  }

  /// Takes the message at `position` in. Returns why it cannot be used, `nil` if it can.
  ///
  /// A record whose header is good and whose tokens are not goes on as a rejected one, so that publication can balance
  /// its extract; a retraction goes on as what it is.
  mutating func add(
    _ position: Int, partition: Int32, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) -> RejectionCode? {
    do throws(ContractError) {
      let view = try EnvelopeView(value)
      switch view.kind {
      case .record:
        var event = try RecordEvent(header: view.header, reason: .rejected)
        defer { append(event, view, position) }
        try event.setTokens(view.links)
      case .retraction:
        let reason = RetractionReason(rawValue: Int(truncatingIfNeeded: view.reason)) ?? .unspecified
        var event = try RecordEvent(header: view.header, reason: reason)
        defer { append(event, view, position) }
        try event.setSuppression(view.links)
      case .withdrawal, .reinstatement:
        content.erasures.append(try Erasure(view.withdrawal, isInForce: view.kind == .withdrawal))
        passages.append(Passage(message: position, content: .withdrawal))
      case .marker:
        markers.append(try ReceivedMarker(view.marker, partition: partition, key: key, value: value))
      case .objection, .reassignment, .ledger, .unspecified, .UNRECOGNIZED: return .unexpectedKind
      }
      return nil
    } catch {
      return RejectionCode(error)
    }
  }

  private mutating func append(_ event: RecordEvent, _ view: EnvelopeView, _ position: Int) {
    passages.append(Passage(message: position, content: .record(view, event: content.records.count)))
    content.records.append(event)
  }
}
