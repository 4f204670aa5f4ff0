import Contracts
import KeyRing
import Metrics

/// The numbers every stage shows under `/metrics`. Names are API: panels and alerts rest on them.
public final class StageMetrics {
  /// Messages sent since the last ``publish()``; plain, because it is raised once per message.
  public var sent = 0
  /// Records held back by an objection since the last ``publish()``.
  public var excluded = 0
  public let rejected: Counter
  public let databaseRetries: Counter
  private let received: Counter
  private let sentTotal: Counter
  private let excludedTotal: Counter
  private let batchSeconds: Metrics.Timer
  /// Seconds since the national list of objections was drawn.
  public lazy var nationalListAge = Gauge(
    label: "caredata_national_list_age_seconds", dimensions: labels, factory: factory)
  /// Extracts with no or far fewer dissents than the one before.
  public lazy var objectionAlarms = Counter(
    label: "caredata_objection_alarms_total", dimensions: labels, factory: factory)
  private var keyUses: [KeyPurpose: Counter] = [:]
  private let assigned: Gauge
  private let isPaused: Gauge
  private let labels: [(String, String)]
  private let factory: any MetricsFactory

  public init(stage: StageName, factory: any MetricsFactory) {
    labels = [("stage", stage.rawValue)]
    self.factory = factory
    received = Counter(label: "caredata_messages_received_total", dimensions: labels, factory: factory)
    sentTotal = Counter(label: "caredata_messages_sent_total", dimensions: labels, factory: factory)
    excludedTotal = Counter(label: "caredata_records_excluded_total", dimensions: labels, factory: factory)
    rejected = Counter(label: "caredata_messages_rejected_total", dimensions: labels, factory: factory)
    databaseRetries = Counter(label: "caredata_retries_total", dimensions: labels, factory: factory)
    batchSeconds = Metrics.Timer(label: "caredata_batch_seconds", dimensions: labels, factory: factory)
    assigned = Gauge(label: "caredata_partitions_assigned", dimensions: labels, factory: factory)
    isPaused = Gauge(label: "caredata_paused", dimensions: labels, factory: factory)
  }

  /// Uses of keys, by purpose.
  public func keyUses(_ uses: [(purpose: KeyPurpose, uses: Int)]) {
    for (purpose, count) in uses {
      let counter =
        keyUses[purpose]
        ?? Counter(
          label: "caredata_key_uses_total", dimensions: labels + [("purpose", purpose.rawValue)], factory: factory)
      keyUses[purpose] = counter
      counter.increment(by: count)
    }
  }

  /// The versions of the keys in use.
  public func keyVersions(_ ring: KeyRing) {
    for entry in ring.entries where entry.state == .active {
      Gauge(
        label: "caredata_key_version", dimensions: labels + [("purpose", entry.purpose.rawValue)], factory: factory
      ).record(entry.version)
    }
  }

  func batch(messages: Int, duration: Duration) {
    received.increment(by: messages)
    batchSeconds.recordNanoseconds(
      duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
    publish()
  }

  func paused(_ isPaused: Bool) { self.isPaused.record(isPaused ? 1 : 0) }

  func assignment(_ partitions: Int) { assigned.record(partitions) }

  func publish() {
    sentTotal.increment(by: sent)
    excludedTotal.increment(by: excluded)
    sent = 0
    excluded = 0
  }
}
