/// The counts that may be: one range, or two with a gap between them.
public struct PossibleCounts: Hashable, Sendable {
  /// No count is larger; sums of many stay far from overflow.
  public static let most = 1 << 40

  public let lower: ClosedRange<Int>
  /// Above the first and apart from it.
  public let upper: ClosedRange<Int>?

  public init(_ range: ClosedRange<Int>) {
    lower = range.clamped(to: -Self.most...Self.most)
    upper = nil
  }

  public init(_ lower: ClosedRange<Int>, or upper: ClosedRange<Int>) {
    let touches = upper.lowerBound <= lower.upperBound + 1
    let first = touches ? min(lower.lowerBound, upper.lowerBound)...max(lower.upperBound, upper.upperBound) : lower
    self.lower = first.clamped(to: -Self.most...Self.most)
    self.upper = touches ? nil : upper.clamped(to: -Self.most...Self.most)
  }

  public static let any = PossibleCounts(0...most)

  public var bounds: ClosedRange<Int> { lower.lowerBound...(upper ?? lower).upperBound }

  public var hasGap: Bool { upper != nil }

  /// The least of them that is not below `value`; nil: none.
  func first(from value: Int) -> Int? {
    if value <= lower.upperBound { return max(value, lower.lowerBound) }
    guard let upper, value <= upper.upperBound else { return nil }
    return max(value, upper.lowerBound)
  }

  /// The greatest of them that is not above `value`; nil: none.
  func last(upTo value: Int) -> Int? {
    if let upper, value >= upper.lowerBound { return min(value, upper.upperBound) }
    return value >= lower.lowerBound ? min(value, lower.upperBound) : nil
  }

  /// Both must hold; nil: they exclude each other.
  func intersection(_ other: PossibleCounts) -> PossibleCounts? {
    var ranges: [ClosedRange<Int>] = []
    for one in [lower, upper].compactMap(\.self) {
      for two in [other.lower, other.upper].compactMap(\.self) where one.overlaps(two) {
        ranges.append(one.clamped(to: two))
      }
    }
    // Three pieces become two: a gap less is what an intruder would know less, by a little.
    guard let first = ranges.first, let last = ranges.last else { return nil }
    if ranges.count == 1 { return PossibleCounts(first) }
    return PossibleCounts(first, or: ranges[1].lowerBound...last.upperBound)
  }

  /// How many there are between two bounds, counted up to `limit`.
  func count(in bounds: ClosedRange<Int>, upTo limit: Int) -> Int {
    var count = 0
    var value = first(from: bounds.lowerBound)
    while let present = value, present <= bounds.upperBound, count < limit {
      count += 1
      value = first(from: present + 1)
    }
    return count
  }
}
