import Clinical

/// What is published in place of a true count.
public typealias PublishedCount = MaskedCount

/// Why a row reads as it does: suppressed, missing and zero are three different things.
public enum RowStatus: String, CaseIterable, Sendable {
  case ok
  case suppressed
  case zero
  /// The measure has no meaning for these dimensions.
  case notApplicable = "not_applicable"
}

/// A published rule of statistical disclosure control. Thresholds are on people, whatever is counted: many events of few
/// people are as telling as the people.
public enum DisclosureRule: Equatable, Sendable {
  /// Sub-national rule of NHS Digital's Hospital Episode Statistics since 13 September 2018: 1 to 7 are shown as `*`,
  /// all other counts are rounded to the nearest 5, 0 stays 0.
  case hes
  /// OpenSAFELY's midpoint rounding: 1 to 6 are shown as 3, 7 to 12 as 9, and so on; 0 stays 0. Nothing is hidden, and
  /// sums of published counts are not biased.
  case midpoint6
  /// Cell-key perturbation of the Office for National Statistics.
  case cellKey(PerturbationTable)

  public static let names = ["hes", "midpoint6", "cell-key"]

  public var name: String {
    switch self {
    case .hes: Self.names[0]
    case .midpoint6: Self.names[1]
    case .cellKey: Self.names[2]
    }
  }

  /// For whoever reads the figures.
  public var meaning: String {
    switch self {
    case .hes: "1 to 7 people are shown as *, other counts are rounded to the nearest 5, 0 is 0"
    case .midpoint6: "counts of 1 to 6 are shown as 3, of 7 to 12 as 9, and so on, 0 is 0"
    case .cellKey(let table):
      "counts are changed at random, the same cell always alike, and shown as * below \(table.threshold); 0 may be a "
        + "small number"
    }
  }

  /// - Precondition: `count` is at least 0.
  public func publish(_ cell: CellCount) -> PublishedCount {
    switch self {
    case .hes:
      PublishedCount.isSmall(cell.people) ? .suppressed : PublishedCount(cell.count)
    case .midpoint6:
      if cell.people > Self.midpointStep || cell.count <= Self.midpointStep {
        .count(Self.midpoint(cell.count))
      } else {
        cell.count == 0 ? .count(0) : .suppressed
      }
    case .cellKey(let table): table.publish(cell)
    }
  }

  /// OpenSAFELY: `ceil(x / 6) * 6 − 3`, and 0 for 0.
  static func midpoint(_ count: Int) -> Int {
    count == 0 ? 0 : (count + midpointStep - 1) / midpointStep * midpointStep - midpointStep / 2
  }

  static let midpointStep = 6

  /// Whether the rest of a whole, when it is small, gives itself away by the shown part.
  var hidesSmallRests: Bool { self == .hes }

  /// The least and the greatest count of people that may stand behind a published one.
  public func possible(_ published: PublishedCount) -> ClosedRange<Int> {
    switch (self, published) {
    case (_, .count(0)) where !isPerturbing: 0...0
    case (.hes, .suppressed): 1...PublishedCount.usualThreshold
    case (.hes, .count(let shown)):
      max(PublishedCount.usualThreshold + 1, shown - PublishedCount.usualBase / 2)...shown + PublishedCount.usualBase
        / 2
    case (.midpoint6, .suppressed): 1...Int.max
    case (.midpoint6, .count(let shown)):
      shown - Self.midpointStep / 2 + 1...shown + Self.midpointStep / 2
    case (.cellKey(let table), _): table.possible(published)
    }
  }

  private var isPerturbing: Bool { if case .cellKey = self { true } else { false } }
}
