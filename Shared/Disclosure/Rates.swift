import Clinical

/// Figures that are made of others. They are made of published counts only, so that they tell nothing that these do not.
public enum Rates {
  /// So many of `part` per `per` of `whole`, in tenths, rounded half up.
  ///
  /// - Returns: nil where a count is hidden or `whole` is 0.
  public static func tenths(of part: PublishedCount, by whole: PublishedCount, per: Int) -> Int? {
    guard case .count(let part) = part, case .count(let whole) = whole, whole > 0 else { return nil }
    return rounded(10 * per * part, whole)
  }

  /// Directly standardised: Σ weight × part / whole over the age groups, per `per` people, in tenths, rounded half up.
  /// An age group without
  /// people has no rate and adds nothing.
  ///
  /// - Returns: nil where a count is hidden.
  public static func standardisedTenths(
    _ groups: [(part: PublishedCount, whole: PublishedCount)], weights: [Int], per: Int
  ) -> Int? {
    precondition(groups.count == weights.count, "each age group has its weight")
    let total = weights.reduce(0, +)
    var sum = 0.0
    for (group, weight) in zip(groups, weights) {
      guard case .count(let part) = group.part, case .count(let whole) = group.whole else { return nil }
      if whole > 0 { sum += Double(weight) * Double(part) / Double(whole) }
    }
    return total > 0 ? Int((sum * Double(10 * per) / Double(total)).rounded()) : nil
  }

  private static func rounded(_ numerator: Int, _ denominator: Int) -> Int {
    (2 * numerator + denominator) / (2 * denominator)
  }
}
