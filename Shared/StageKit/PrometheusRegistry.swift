import CoreMetrics
import Synchronization

/// swift-metrics back-end that renders the Prometheus text format (version 0.0.4).
///
/// Labels never carry organisations or patients: practice-level counts belong in tables with access control.
public final class PrometheusRegistry: MetricsFactory, Sendable {
  private struct Key: Hashable {
    let label: String
    let dimensions: String
  }

  private struct State {
    var counters: [Key: CounterCell] = [:]
    var recorders: [Key: RecorderCell] = [:]
    var timers: [Key: TimerCell] = [:]
  }

  private let state = Mutex(State())

  public init() {}

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cell(\.counters, label, dimensions, CounterCell.init)
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    cell(\.recorders, label, dimensions, RecorderCell.init)
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cell(\.timers, label, dimensions, TimerCell.init)
  }

  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  private func cell<Cell: Sendable>(
    _ path: WritableKeyPath<State, [Key: Cell]> & Sendable, _ label: String, _ dimensions: [(String, String)],
    _ make: () -> Cell
  ) -> Cell {
    let key = Key(label: label, dimensions: Self.render(dimensions))
    return state.withLock { state in
      if let cell = state[keyPath: path][key] { return cell }
      let cell = make()
      state[keyPath: path][key] = cell
      return cell
    }
  }

  /// Current values, sorted by name so that two scrapes of the same state are equal.
  public func render() -> String {
    let (counters, recorders, timers) = state.withLock { ($0.counters, $0.recorders, $0.timers) }
    var text = ""
    render(counters, type: "counter", into: &text) { name, labels, cell in "\(name)\(labels) \(cell.value)\n" }
    render(recorders, type: "gauge", into: &text) { name, labels, cell in "\(name)\(labels) \(cell.value)\n" }
    render(timers, type: "histogram", into: &text) { name, labels, cell in cell.render(name, labels) }
    return text
  }

  private func render<Cell>(
    _ cells: [Key: Cell], type: String, into text: inout String, _ line: (String, String, Cell) -> String
  ) {
    var previous = ""
    for (key, cell) in cells.sorted(by: { ($0.key.label, $0.key.dimensions) < ($1.key.label, $1.key.dimensions) }) {
      if key.label != previous { text += "# TYPE \(key.label) \(type)\n" }
      previous = key.label
      text += line(key.label, key.dimensions, cell)
    }
  }

  private static func render(_ dimensions: [(String, String)]) -> String {
    guard !dimensions.isEmpty else { return "" }
    let pairs = dimensions.map { name, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      return "\(name)=\"\(escaped)\""
    }
    return "{" + pairs.joined(separator: ",") + "}"
  }
}

private final class CounterCell: CounterHandler {
  private let total = Mutex<Int64>(0)
  var value: Int64 { total.withLock { $0 } }
  func increment(by amount: Int64) { total.withLock { $0 += amount } }
  func reset() { total.withLock { $0 = 0 } }
}

private final class RecorderCell: RecorderHandler {
  private let latest = Mutex<Double>(0)
  var value: Double { latest.withLock { $0 } }
  func record(_ value: Int64) { latest.withLock { $0 = Double(value) } }
  func record(_ value: Double) { latest.withLock { $0 = value } }
}

private final class TimerCell: TimerHandler {
  private static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

  private struct Histogram {
    var buckets = [Int64](repeating: 0, count: TimerCell.bounds.count)
    var count: Int64 = 0
    var sum = 0.0
  }

  private let histogram = Mutex(Histogram())

  func recordNanoseconds(_ duration: Int64) {
    let seconds = Double(duration) / 1e9
    histogram.withLock { histogram in
      histogram.count += 1
      histogram.sum += seconds
      for (index, bound) in Self.bounds.enumerated() where seconds <= bound { histogram.buckets[index] += 1 }
    }
  }

  func render(_ name: String, _ labels: String) -> String {
    let current = histogram.withLock { $0 }
    let inner = labels.isEmpty ? "" : labels.dropFirst().dropLast() + ","
    var text = ""
    for (index, bound) in Self.bounds.enumerated() {
      text += "\(name)_bucket{\(inner)le=\"\(bound)\"} \(current.buckets[index])\n"
    }
    text += "\(name)_bucket{\(inner)le=\"+Inf\"} \(current.count)\n"
    return text + "\(name)_sum\(labels) \(current.sum)\n\(name)_count\(labels) \(current.count)\n"
  }
}
