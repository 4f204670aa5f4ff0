import Clinical
import Disclosure
import Tables

/// One column of a dataset.
public struct DatasetColumn: Equatable, Sendable {
  public enum Role: Sendable {
    case dimension
    case count
    /// Made of published counts; one digit after the point.
    case rate
    case status
  }

  public let name: String
  public let role: Role
  public let text: String
}

/// A published figure.
public enum PublishedValue: Equatable, Sendable {
  case count(PublishedCount)
  case tenths(Int)
  /// A rate of something hidden.
  case suppressed
  /// The figure has no meaning in this row.
  case none

  /// As it stands in a file.
  public var text: String {
    switch self {
    case .count(let count): count.text
    case .tenths(let tenths): "\(tenths / 10).\(tenths % 10)"
    case .suppressed: PublishedCount.suppressed.text
    case .none: ""
    }
  }
}

/// One row after disclosure control.
public struct DatasetRow: Equatable, Sendable {
  public var dimensions: [String]
  public var values: [PublishedValue]
  public var status: RowStatus

  public init(dimensions: [String], values: [PublishedValue], status: RowStatus) {
    (self.dimensions, self.values, self.status) = (dimensions, values, status)
  }

  /// Key of the row among the rows of its dataset.
  public var cellKey: String { dimensions.joined(separator: "|") }

  public var texts: [String] { dimensions + values.map(\.text) + [status.rawValue] }
}

/// A whole dataset as it is published, in its fixed order.
public struct DatasetTable: Equatable, Sendable {
  public let columns: [DatasetColumn]
  public let rows: [DatasetRow]

  public init(columns: [DatasetColumn], rows: [DatasetRow]) {
    (self.columns, self.rows) = (columns, rows)
  }

  /// The file, byte for byte.
  public var csv: [UInt8] {
    var writer = CSVWriter()
    writer.row(columns.map(\.name))
    for row in rows { writer.row(row.texts) }
    return writer.bytes
  }
}

/// A count of a cell that is hidden beyond the rule.
public struct HiddenCount: Hashable, Sendable {
  public let labels: [String]
  public let kind: CountKind

  public init(labels: [String], kind: CountKind) { (self.labels, self.kind) = (labels, kind) }
}

extension DatasetDefinition {
  /// Columns in order: dimensions, figures, status.
  public var tableColumns: [DatasetColumn] {
    dimensions.flatMap { dimension in dimensionColumns(dimension) }
      + columns.map { column in
        if case .count = column.value {
          DatasetColumn(name: column.name, role: .count, text: column.text)
        } else {
          DatasetColumn(name: column.name, role: .rate, text: column.text)
        }
      } + [DatasetColumn(name: "status", role: .status, text: "Whether the counts are shown, hidden or truly zero")]
  }

  private func dimensionColumns(_ dimension: Dimension) -> [DatasetColumn] {
    func column(_ name: String, _ text: String) -> DatasetColumn {
      let sums = totals.contains(dimension) ? "; all: the sum of the published counts" : ""
      return DatasetColumn(name: name, role: .dimension, text: text + sums)
    }
    switch dimension {
    case .practice where !levels.isEmpty:
      return [
        column("level", "practice; sub_icb and icb: sums of the published counts of their practices"),
        column(
          "organisation", "ODS code of the practice of registration, or of what it belongs to on the reference day"),
      ]
    case .practice: return [column("practice", "ODS code of the practice of registration")]
    case .sex: return [column("sex", "M, F, or U: not known or not specified")]
    case .ageBand: return [column("age_band", "Age in years: reference year less year of birth")]
    case .ethnicCategory: return [column("ethnic_category", "ONS 2001 code of the ethnic category")]
    case .area: return [column("area", "Small area of the postcode")]
    case .commissioner: return [column("commissioner", "Integrated care board of the postcode")]
    case .gpRecord:
      return [
        column(
          "gp_record",
          "Whether a general practice had recorded it by the day of the event; unlinked: the person has no record of a "
            + "general practice")
      ]
    case .split: return [column(split!.column, split!.text)]
    case .tally: return [column(tally!.column, tally!.text)]
    case .period: return [column(grain.rawValue, "Calendar \(grain.rawValue) of the event")]
    case .property:
      return [
        column(
          "dimension", "What the row is about: \(LinkageProperty.allCases.map(\.rawValue).joined(separator: ", "))")
      ]
    case .value: return [column("value", "Its value; a rank is 01 for the surest link")]
    case .source: return [column("source", "gp, hospital, community; all for people")]
    }
  }
}
