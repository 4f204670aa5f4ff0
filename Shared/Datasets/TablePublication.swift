import Clinical
import Disclosure

extension DatasetCells {
  /// The dataset after disclosure control.
  ///
  /// Totals and higher levels are sums of the published counts of the cells beneath, and rates are made of published
  /// counts, so neither tells anything that these do not.
  ///
  /// - Parameter hidden: counts that are not shown although the rule would show them.
  public func published(hiding hidden: Set<HiddenCount> = [], _ organisations: OrganisationHierarchy) -> DatasetTable {
    let rows = publishedRows(hiding: hidden)
    let all = definition.levels.isEmpty && definition.totals.isEmpty ? rows : rows + sums(of: rows, organisations)
    let labels = CellLabels(definition)
    let sorted =
      definition.levels.isEmpty && definition.totals.isEmpty
      ? all
      : all.sorted { left, right in
        left.level == right.level
          ? labels.sort(left.labels).lexicographicallyPrecedes(labels.sort(right.labels)) : left.level < right.level
      }
    let standardised = standardisedRates(all)
    return DatasetTable(
      columns: definition.tableColumns,
      rows: sorted.map { row($0, standardised: standardised[SumKey(level: $0.level, labels: $0.labels)] ?? [:]) })
  }

  private func publishedRows(hiding hidden: Set<HiddenCount>) -> [PublishedRow] {
    let kinds = definition.counts
    return cells.map { cell in
      var published = PublishedCell(cell.counts, kinds, definition.rule)
      if !hidden.isEmpty {
        for kind in kinds where hidden.contains(HiddenCount(labels: cell.labels, kind: kind)) { published.hide(kind) }
      }
      return PublishedRow(labels: cell.labels, counts: published.counts, status: published.status)
    }
  }

  /// What is published of the cells, with what it counts.
  public func publishedCounts(hiding hidden: Set<HiddenCount> = []) -> PublishedCounts {
    var scheme = FigureScheme(definition, on: day)
    scheme.hidden = hidden.map { FigureScheme.Hidden(labels: $0.labels, kind: $0.kind.rawValue) }
      .sorted { ($0.labels.joined(separator: "|"), $0.kind) < ($1.labels.joined(separator: "|"), $1.kind) }
    return PublishedCounts(
      dataset: definition.name, scheme: scheme,
      cells: publishedRows(hiding: hidden).map { (labels: $0.labels, counts: $0.counts) })
  }

  struct PublishedRow {
    var labels: [String]
    /// Place in the definition's levels.
    var level = 0
    var counts: [CountKind: PublishedCount]
    var status: RowStatus
  }

  // MARK: - Sums

  private func sums(of rows: [PublishedRow], _ organisations: OrganisationHierarchy) -> [PublishedRow] {
    let practice = definition.levels.isEmpty ? nil : definition.dimensions.firstIndex(of: .practice)
    let totals = definition.totals.map { definition.dimensions.firstIndex(of: $0)! }
    var sums: [SumKey: PublishedSum] = [:]
    var paths: [String: [String]] = [:]
    for row in rows {
      var path = [""]
      if let practice {
        let name = row.labels[practice]
        path = paths[name] ?? organisations.path(of: name, levels: definition.levels.count, on: day)
        paths[name] = path
      }
      for (level, name) in path.enumerated() {
        for subset in 0..<(1 << totals.count) where level > 0 || subset > 0 {
          var labels = row.labels
          if let practice { labels[practice] = name }
          for (bit, place) in totals.enumerated() where subset & (1 << bit) != 0 { labels[place] = CellLabels.all }
          sums[SumKey(level: level, labels: labels), default: PublishedSum()].add(row.counts)
        }
      }
    }
    return sums.map { key, sum in
      PublishedRow(labels: key.labels, level: key.level, counts: sum.counts, status: sum.status)
    }
  }

  private struct SumKey: Hashable {
    let level: Int
    let labels: [String]
  }

  private struct PublishedSum {
    private var shown: [CountKind: Int] = [:]
    private var hidden: Set<CountKind> = []

    mutating func add(_ counts: [CountKind: PublishedCount]) {
      for (kind, count) in counts {
        switch count {
        case .count(let count): shown[kind, default: 0] += count
        case .suppressed: hidden.insert(kind)
        }
      }
    }

    /// Where all that is shown is nothing, and something is hidden, it is not known that there is nothing.
    var counts: [CountKind: PublishedCount] {
      var counts: [CountKind: PublishedCount] = [:]
      for kind in hidden.union(shown.keys) {
        let sum = shown[kind] ?? 0
        counts[kind] = sum == 0 && hidden.contains(kind) ? .suppressed : .count(sum)
      }
      return counts
    }

    var status: RowStatus {
      let counts = counts
      if counts.values.contains(.suppressed) { return .suppressed }
      let findings = counts.filter { $0.key != .population }
      return (findings.isEmpty ? counts : findings).values.allSatisfy { $0 == .count(0) } ? .zero : .ok
    }
  }

  // MARK: - Figures

  private func row(_ row: PublishedRow, standardised: [Int: PublishedValue]) -> DatasetRow {
    let values = definition.columns.enumerated().map { place, column -> PublishedValue in
      switch column.value {
      case .count(let kind): return .count(row.counts[kind]!)
      case .rate(let of, let by, let per): return rate(row.counts[kind(of)]!, row.counts[kind(by)]!, per)
      case .standardised: return standardised[place] ?? .none
      }
    }
    var dimensions = row.labels
    if !definition.levels.isEmpty, let place = definition.dimensions.firstIndex(of: .practice) {
      dimensions.insert(definition.levels[row.level].rawValue, at: place)
    }
    return DatasetRow(dimensions: dimensions, values: values, status: row.status)
  }

  private func rate(_ part: PublishedCount, _ whole: PublishedCount, _ per: Int) -> PublishedValue {
    if part == .suppressed || whole == .suppressed { return .suppressed }
    return Rates.tenths(of: part, by: whole, per: per).map { .tenths($0) } ?? .none
  }

  /// The count that a column shows.
  private func kind(_ column: String) -> CountKind {
    for candidate in definition.columns where candidate.name == column {
      if case .count(let kind) = candidate.value { return kind }
    }
    preconditionFailure("'\(column)' is no column of counts")
  }

  /// By the labels of rows of all ages, and by column.
  private func standardisedRates(_ rows: [PublishedRow]) -> [SumKey: [Int: PublishedValue]] {
    guard let age = definition.dimensions.firstIndex(of: .ageBand), definition.totals.contains(.ageBand),
      let weights = StandardPopulation.weights(of: definition.ageBands)
    else { return [:] }
    let columns = definition.columns.enumerated().compactMap { place, column in
      if case .standardised(let of, let by, let per) = column.value { (place, kind(of), kind(by), per) } else { nil }
    }
    guard !columns.isEmpty else { return [:] }
    let bands = Dictionary(uniqueKeysWithValues: definition.ageBands.enumerated().map { ($1.label, $0) })
    var groups: [SumKey: [[CountKind: PublishedCount]]] = [:]
    for row in rows {
      guard let band = bands[row.labels[age]] else { continue }
      var labels = row.labels
      labels[age] = CellLabels.all
      groups[SumKey(level: row.level, labels: labels), default: Array(repeating: [:], count: weights.count)][band] =
        row.counts
    }
    return groups.mapValues { groups in
      Dictionary(
        uniqueKeysWithValues: columns.map { place, of, by, per in
          let pairs = groups.map { (part: $0[of] ?? .count(0), whole: $0[by] ?? .count(0)) }
          let tenths = Rates.standardisedTenths(pairs, weights: weights, per: per)
          return (place, tenths.map { .tenths($0) } ?? .suppressed)
        })
    }
  }
}
