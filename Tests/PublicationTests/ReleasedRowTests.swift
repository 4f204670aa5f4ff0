import Disclosure
import Testing

@testable import Datasets
@testable import Publication

@Suite struct ReleasedRowTests {
  private static let columns = [
    DatasetColumn(name: "practice", role: .dimension, text: ""), DatasetColumn(name: "people", role: .count, text: ""),
    DatasetColumn(name: "per_1000", role: .rate, text: ""), DatasetColumn(name: "status", role: .status, text: ""),
  ]

  private static func json(_ count: PublishedValue, _ rate: PublishedValue, _ status: RowStatus) throws -> String {
    let row = DatasetRow(dimensions: ["A81001"], values: [count, rate], status: status)
    return String(decoding: try ReleaseTopics.json(row, columns: columns, release: "r"), as: UTF8.self)
  }

  @Test func `a row is JSON with numbers, hidden figures as text and meaningless ones as null`() throws {
    #expect(
      try Self.json(.count(.count(20)), .tenths(1_234), .ok)
        == #"{"people":20,"per_1000":123.4,"practice":"A81001","release":"r","status":"ok"}"#)
    #expect(
      try Self.json(.count(.suppressed), .suppressed, .suppressed)
        == ##"{"people":"*","per_1000":"*","practice":"A81001","release":"r","status":"suppressed"}"##)
    #expect(try Self.json(.count(.count(0)), .none, .zero).contains(#""per_1000":null"#))
  }
}
