import Contracts

/// By what records are grouped where linkage itself is counted.
enum LinkageProperty: String, CaseIterable {
  case ageBand = "age_band"
  case area
  /// Of people, by their number of records.
  case clusterSize = "cluster_size"
  case ethnicCategory = "ethnic_category"
  case practice
  case rank
  case sex
  case source

  init(number: Int32) { self = Self.allCases[Int(number)] }

  var number: Int32 { Int32(Self.allCases.firstIndex(of: self)!) }

  var isNamed: Bool {
    switch self {
    case .area, .ethnicCategory, .practice: true
    case .ageBand, .clusterSize, .rank, .sex, .source: false
    }
  }

  private static let unknownAge: Int32 = 10
  private static let sizes = [(1, "1"), (2, "2"), (3, "3"), (4, "4-5"), (6, "6-10"), (11, "11+")]
  private static let sexes: [Int16: String] = [1: "M", 2: "F"]
  static let sources = ["all", "gp", "hospital", "community"]

  /// - Parameter year: of the reference day.
  static func values(of record: PersonHistory.Record, year: Int) -> [(LinkageProperty, Int32)] {
    let age = max(0, year - Int(record.yearOfBirth))
    return [
      (.source, 0), (.rank, Int32(record.rank)), (.practice, record.practice),
      (.ageBand, record.yearOfBirth > 0 ? Int32(min(age / 10, 9)) : unknownAge),
      (.sex, record.sex == 1 || record.sex == 2 ? Int32(record.sex) : 0), (.ethnicCategory, record.ethnicCategory),
      (.area, record.area),
    ]
  }

  static func sizeBand(_ records: Int) -> Int32 { Int32(sizes.lastIndex { $0.0 <= records }!) }

  func label(_ value: Int32, _ names: Names) -> String {
    switch self {
    case .area, .ethnicCategory, .practice: names[value]
    case .source: ""
    case .rank: value < 10 ? "0\(value)" : "\(value)"
    case .sex: Self.sexes[Int16(value)] ?? "U"
    case .clusterSize: Self.sizes[Int(value)].1
    case .ageBand:
      switch value {
      case Self.unknownAge: "unknown"
      case 9: "90+"
      case 0: "00-09"
      default: "\(value)0-\(value)9"
      }
    }
  }
}
