import Contracts
import Foundation

/// What one process did with its input, alone. Seconds of processor time.
struct Figures {
  var records: Int
  var seconds: Double
  var bytesPerRecord: Int
  var service: Double
  var database: Double
  var broker: Double

  var recordsPerSecond: Double { Double(records) / seconds }
  /// Microseconds.
  var servicePerRecord: Double { service / Double(records) * 1e6 }
  var databasePerRecord: Double { database / Double(records) * 1e6 }
}

struct StageReport {
  let raw: Figures
  let results: [(stage: StageName, figures: Figures)]

  var text: String {
    var lines = [
      "",
      "each stage alone, over the messages of the pipeline run (µs: processor time per record)",
      row("", "records", "bytes", "records/s", "of raw", "service µs", "x raw", "PostgreSQL µs"),
      row("raw loop", raw),
    ]
    lines += results.map { row($0.stage.rawValue, $0.figures) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func row(_ name: String, _ figures: Figures) -> String {
    row(
      name, "\(figures.records)", "\(figures.bytesPerRecord)", "\(Int(figures.recordsPerSecond))",
      String(format: "%.2f", figures.recordsPerSecond / raw.recordsPerSecond),
      String(format: "%.1f", figures.servicePerRecord),
      String(format: "%.1f", figures.servicePerRecord / raw.servicePerRecord),
      String(format: "%.1f", figures.databasePerRecord))
  }

  private func row(_ name: String, _ cells: String...) -> String {
    name.padding(toLength: 18, withPad: " ", startingAt: 0) + cells.map { padded($0, 14) }.joined()
  }
}

struct PipelineReport {
  let records: Int
  let seconds: Double
  /// Until the last receipt; the rest is what was still on its way then.
  let secondsSubmitting: Double
  let processor: [(name: String, seconds: Double)]

  var recordsPerSecond: Double { Double(records) / seconds }

  var text: String {
    let total = processor.map(\.seconds).reduce(0, +)
    var lines = [
      "whole pipeline: \(records) records in \(String(format: "%.1f", seconds)) s, of which "
        + "\(String(format: "%.1f", secondsSubmitting)) s until the last receipt: \(Int(recordsPerSecond)) records/s",
      "".padding(toLength: 44, withPad: " ", startingAt: 0) + padded("CPU s", 10) + padded("share", 8)
        + padded("µs/record", 12),
    ]
    for (name, seconds) in processor.sorted(by: { $0.seconds > $1.seconds }) + [("all", total)] {
      lines.append(
        name.padding(toLength: 44, withPad: " ", startingAt: 0) + padded(String(format: "%.2f", seconds), 10)
          + padded(String(format: "%.0f %%", seconds / total * 100), 8)
          + padded(String(format: "%.0f", seconds / Double(records) * 1e6), 12))
    }
    return lines.joined(separator: "\n")
  }
}

/// A figure that is wanted.
struct Mark {
  let name: String
  let required: Double
  let measured: Double
  private let isCeiling: Bool

  init(name: String, required: Double, measured: Double) {
    (self.name, self.required, self.measured, isCeiling) = (name, required, measured, false)
  }

  init(name: String, atMost required: Double, measured: Double) {
    (self.name, self.required, self.measured, isCeiling) = (name, required, measured, true)
  }

  var isMet: Bool { isCeiling ? measured <= required : measured >= required }

  var text: String {
    let format = required < 1 ? "%.5f" : required < 10 ? "%.2f" : "%.0f"
    return
      "mark \(name): \(String(format: format, measured)) of \(isCeiling ? "at most " : "")\(String(format: format, required)), "
      + (isMet ? "met" : "not met")
  }
}

private func padded(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(width - text.count, 1)) + text
}
