import Clinical
import Disclosure

/// The true counts of a dataset in the order of its rows.
public struct DatasetCells: Equatable, Sendable {
  public struct Cell: Equatable, Sendable {
    /// Values of the dimensions.
    public let labels: [String]
    public let counts: CellCounts
  }

  public let definition: DatasetDefinition
  /// The last day of the newest period.
  public let day: CalendarDate
  public let cells: [Cell]
}

extension DatasetCells {
  /// Adds the rows of which there is nothing to count: of every cell that has a population, all periods, groups and
  /// values of the split. What is not a row is therefore nobody.
  init(_ counter: DatasetCounter, on day: CalendarDate, _ names: Names) {
    definition = counter.definition
    self.day = day
    let labels = CellLabels(counter.definition, names)
    var cells: [(key: [CellLabels.Sort], cell: Cell)] = []
    for (key, counts) in Self.completed(counter, day) {
      let texts = labels.texts(key)
      cells.append((labels.sort(texts), Cell(labels: texts, counts: counts)))
    }
    cells.sort { $0.key.lexicographicallyPrecedes($1.key) }
    self.cells = cells.map(\.cell)
  }

  private static func completed(_ counter: DatasetCounter, _ day: CalendarDate) -> [CellKey: CellCounts] {
    let definition = counter.definition
    guard case .events = definition.subject else { return counter.cells }
    let period = definition.dimensions.firstIndex(of: .period)
    let group = definition.dimensions.firstIndex(of: .gpRecord)
    var cells: [CellKey: CellCounts] = [:]
    let numbers = period.map { periods(counter, $0, day) } ?? [0]
    for (key, populations) in counter.cells where key == key.ofPopulation(definition) {
      for number in numbers {
        for group in group == nil ? 0..<1 : 0..<CellLabels.groups.count {
          var key = key
          for (place, dimension) in definition.dimensions.enumerated() {
            if dimension == .period { key[place] = number }
            if dimension == .gpRecord { key[place] = Int32(group) }
          }
          var counts = counter.cells[key] ?? CellCounts()
          counts[.population] = populations[.population]
          counts[.members] = populations[.members]
          cells[key] = counts
        }
      }
    }
    return cells
  }

  /// All of the window, or those that have an event.
  private static func periods(_ counter: DatasetCounter, _ place: Int, _ day: CalendarDate) -> [Int32] {
    guard let months = counter.definition.months else {
      return Array(Set(counter.cells.keys.map { $0[place] }).subtracting([CellKey.anything]))
    }
    let newest = Period(containing: day)
    return Array(
      Set((0..<months).map { DatasetCounter.period(of: newest.advanced(by: -$0).first.day, counter.definition.grain) }))
  }
}

/// What the numbers of a cell's key are called, and in which order they come.
struct CellLabels {
  /// By the bytes of a name, or by place.
  struct Sort: Comparable {
    var text: [UInt8] = []
    var place: Int32 = 0

    static func < (left: Sort, right: Sort) -> Bool {
      left.place == right.place ? left.text.lexicographicallyPrecedes(right.text) : left.place < right.place
    }
  }

  static let groups = ["with", "without", "unlinked"]
  /// In the rows that are sums over a dimension.
  static let all = "all"

  private let definition: DatasetDefinition
  private let names: Names
  private let splitNames: [String]
  private let places: [[String: Int32]?]

  init(_ definition: DatasetDefinition, _ names: Names = Names()) {
    self.definition = definition
    self.names = names
    splitNames = definition.split?.names ?? []
    places = definition.dimensions.map { dimension in
      Self.places(dimension, definition).map { labels in
        Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, Int32($0)) })
      }
    }
  }

  func texts(_ key: CellKey) -> [String] {
    definition.dimensions.enumerated().map { place, dimension in
      let value = key[place]
      switch dimension {
      case .practice, .ethnicCategory, .area, .commissioner:
        return value == Names.empty ? OrganisationHierarchy.unknown : names[value]
      case .sex: return ["M", "F", "U"][Int(value)]
      case .ageBand:
        return Int(value) < definition.ageBands.count ? definition.ageBands[Int(value)].label : "unknown"
      case .gpRecord: return Self.groups[Int(value)]
      case .split: return splitNames[Int(value)]
      case .tally: return definition.tally!.bands[Int(value)].label
      case .period: return Self.period(value, definition.grain)
      case .property: return LinkageProperty(number: value).rawValue
      case .value: return LinkageProperty(number: key[place - 1]).label(value, names)
      case .source: return LinkageProperty.sources[Int(value)]
      }
    }
  }

  /// Names by their bytes, everything else as the definition has it; sums come last.
  func sort(_ texts: [String]) -> [Sort] {
    texts.enumerated().map { place, text in
      if text == Self.all { return Sort(place: .max) }
      return places[place].map { Sort(place: $0[text]!) } ?? Sort(text: Array(text.utf8))
    }
  }

  /// Label → place; nil where labels are names.
  private static func places(_ dimension: DatasetDefinition.Dimension, _ definition: DatasetDefinition) -> [String]? {
    switch dimension {
    case .practice, .ethnicCategory, .area, .commissioner, .property, .value, .sex, .period: nil
    case .ageBand: definition.ageBands.map(\.label) + [OrganisationHierarchy.unknown]
    case .gpRecord: groups
    case .split: definition.split!.names
    case .tally: definition.tally!.bands.map(\.label)
    case .source: LinkageProperty.sources
    }
  }

  private static func period(_ number: Int32, _ grain: DatasetDefinition.Grain) -> String {
    func padded(_ number: Int32, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    switch grain {
    case .snapshot: return ""
    case .month: return "\(padded(number / 12, 4))-\(padded(number % 12 + 1, 2))"
    case .quarter: return "\(padded(number / 4, 4))-Q\(number % 4 + 1)"
    case .year: return padded(number, 4)
    }
  }
}
