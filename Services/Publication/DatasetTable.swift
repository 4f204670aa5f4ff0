/// One column of a dataset.
struct DatasetColumn: Equatable, Sendable {
  enum Role: Sendable { case dimension, count, status }

  let name: String
  let role: Role
  let description: String
}

/// One row after disclosure control.
struct DatasetRow: Equatable, Sendable {
  var dimensions: [String]
  var counts: [PublishedCount]
  var status: RowStatus

  /// Key of the row among the rows of its dataset.
  var cellKey: String { dimensions.joined(separator: "|") }

  var texts: [String] { dimensions + counts.map(\.text) + [status.rawValue] }
}

/// A whole dataset as it is published, in its fixed order.
struct DatasetTable: Equatable, Sendable {
  let columns: [DatasetColumn]
  let rows: [DatasetRow]

  /// The file, byte for byte.
  var csv: [UInt8] {
    var writer = CSVWriter()
    writer.row(columns.map(\.name))
    for row in rows { writer.row(row.texts) }
    return writer.bytes
  }
}

extension Measure {
  /// Columns in order: dimensions, counts, status.
  var columns: [DatasetColumn] {
    let status = DatasetColumn(
      name: "status", role: .status, description: "Whether the counts are shown, hidden or truly zero")
    switch self {
    case .conditionPrevalence:
      return [
        DatasetColumn(name: "practice", role: .dimension, description: "ODS code of the practice of registration"),
        DatasetColumn(name: "condition", role: .dimension, description: "Condition recorded by a general practice"),
        DatasetColumn(name: "sex", role: .dimension, description: "M, F, or U: not known or not specified"),
        DatasetColumn(
          name: "age_band", role: .dimension, description: "Age in years: reference year less year of birth"),
        DatasetColumn(
          name: "registered", role: .count, description: "People registered on the last day of the newest period"),
        DatasetColumn(
          name: "with_condition", role: .count, description: "Those of them with a code of the condition by that day"),
        status,
      ]
    case .emergencyAdmissions:
      return [
        DatasetColumn(name: "month", role: .dimension, description: "Calendar month of admission, YYYY-MM"),
        DatasetColumn(name: "condition", role: .dimension, description: "Condition recorded by a general practice"),
        DatasetColumn(
          name: "gp_record", role: .dimension,
          description: "Whether a general practice had recorded the condition by the day of admission; unlinked: the "
            + "person has no record of a general practice"),
        DatasetColumn(name: "spells", role: .count, description: "Emergency hospital spells"),
        DatasetColumn(name: "people", role: .count, description: "People with such a spell"),
        status,
      ]
    case .linkageQuality:
      return [
        DatasetColumn(
          name: "dimension", role: .dimension,
          description:
            "What the row is about: source, rank, practice, age_band, sex, ethnic_category, area, cluster_size"),
        DatasetColumn(name: "value", role: .dimension, description: "Its value; a rank is 01 for the surest link"),
        DatasetColumn(name: "source", role: .dimension, description: "gp, hospital, community; all for people"),
        DatasetColumn(name: "records", role: .count, description: "Records; people where it is about cluster_size"),
        DatasetColumn(
          name: "matched", role: .count,
          description: "Those whose person has a record of a general practice too, or, of a general practice's and of "
            + "people, records of another kind of source"),
        status,
      ]
    }
  }
}
