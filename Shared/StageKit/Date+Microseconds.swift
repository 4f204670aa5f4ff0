import Foundation

/// Times in contracts and tables are microseconds since 1970-01-01T00:00:00Z.
extension Date {
  public var microseconds: Int64 { Int64(timeIntervalSince1970 * 1_000_000) }

  public init(microseconds: Int64) { self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000) }
}
