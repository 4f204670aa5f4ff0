/// A count of people as it may be shown outside: what is told in place of the true one.
///
/// The sub-national rule of NHS Digital's Hospital Episode Statistics since 13 September 2018: 1 to 7 are shown as `*`,
/// all other counts are rounded to the nearest 5, 0 stays 0.
public enum MaskedCount: Hashable, Sendable {
  case count(Int)
  case suppressed

  public static let usualThreshold = 7
  public static let usualBase = 5

  /// - Parameters:
  ///   - suppressedUpTo: the greatest count that is hidden.
  ///   - base: others are rounded to its nearest multiple, by integers: with an odd base there is no tie.
  /// - Precondition: `count` is at least 0.
  public init(_ count: Int, suppressedUpTo threshold: Int = usualThreshold, base: Int = usualBase) {
    precondition(count >= 0, "a count of people is not negative")
    self =
      Self.isSmall(count, suppressedUpTo: threshold) ? .suppressed : .count((count + base / 2) / base * base)
  }

  public static func isSmall(_ count: Int, suppressedUpTo threshold: Int = usualThreshold) -> Bool {
    count > 0 && count <= threshold
  }

  /// As it stands in a file or a receipt.
  public var text: String {
    switch self {
    case .count(let value): "\(value)"
    case .suppressed: "*"
    }
  }
}
