import Clinical

/// What is shown of one cell.
public struct PublishedCell: Equatable, Sendable {
  public private(set) var counts: [CountKind: PublishedCount] = [:]
  public private(set) var status: RowStatus = .ok

  public subscript(kind: CountKind) -> PublishedCount? { counts[kind] }

  /// - Parameter kinds: the counts that the dataset shows.
  public init(_ cell: CellCounts, _ kinds: [CountKind], _ rule: DisclosureRule) {
    for kind in kinds { counts[kind] = rule.publish(cell[kind]) }
    // Shown side by side, either of people and events tells the other where it is small.
    for kind in kinds where kind.carriers != kind && counts[kind] == .suppressed {
      if counts[kind.carriers] != nil { counts[kind.carriers] = .suppressed }
    }
    for kind in kinds {
      guard let whole = kind.whole, let shownWhole = counts[whole] else { continue }
      let rest = cell[whole].people - cell[kind].people
      let restOfEvents = cell[whole].count - cell[kind].count
      let isTold = rule.hidesSmallRests && (PublishedCount.isSmall(rest) || PublishedCount.isSmall(restOfEvents))
      if isTold || shownWhole == .suppressed && kind != .members { counts[kind] = .suppressed }
    }
    if counts.values.contains(.suppressed) {
      status = .suppressed
    } else {
      let findings = kinds.filter(\.isFinding)
      let isZero = (findings.isEmpty ? kinds : findings).allSatisfy { counts[$0] == .count(0) && cell[$0].count == 0 }
      status = isZero ? .zero : .ok
    }
  }

  /// Hidden beyond the rule, because other published figures would give it away.
  public mutating func hide(_ kind: CountKind) {
    counts[kind] = .suppressed
    status = .suppressed
  }
}
