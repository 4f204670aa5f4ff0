import Foundation
import Logging

/// One JSON object per line on standard error: time, level, logger, message, metadata.
struct JSONLogHandler: LogHandler {
  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]
  let label: String

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields: [String: String] = [:]
    for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { _, new in new }) {
      fields[key] = "\(value)"
    }
    fields["time"] = Date.now.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    fields["level"] = event.level.rawValue
    fields["logger"] = label
    fields["message"] = event.message.description
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var line = try? encoder.encode(fields) else { return }
    line.append(0x0a)
    FileHandle.standardError.write(line)
  }
}
