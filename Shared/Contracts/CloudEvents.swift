import Foundation

/// Headers of the CloudEvents Kafka binding (binary mode), on the topics that connectors write and subscribers read.
public enum CloudEvents {
  /// - Parameters:
  ///   - id: unique within `source`.
  ///   - time: when it occurred; RFC 3339 in the header.
  public static func headers(
    type: String, source: String, id: String, time: Date, contentType: String
  ) -> [(String, String)] {
    [
      ("ce_specversion", "1.0"), ("ce_type", "uk.nhs.caredata.\(type).v1"), ("ce_source", source), ("ce_id", id),
      ("ce_time", time.formatted(.iso8601)), ("content-type", contentType),
    ]
  }
}
