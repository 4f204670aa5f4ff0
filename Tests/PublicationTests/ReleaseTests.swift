import Clinical
import Foundation
import Postgres
import Specification
import Testing

@testable import Datasets
@testable import Publication

@Suite struct ReleaseTests {
  private static func balanced() throws -> (Connection, FactStore) {
    let database = try TestDatabase.connect()
    let store = try FactStore(database)
    try store.apply(batch((0..<20).map { record($0) }))
    try store.apply(admission(extract("x1"), records: 20))
    return (database, store)
  }

  // MARK: - Inputs

  @Test func `nothing is released before an extract is admitted`() throws {
    let database = try TestDatabase.connect()
    #expect(throws: ReleaseError.noExtract) { try ReleaseInputs(database) }
  }

  @Test func `extracts that are not balanced are named with what is missing`() throws {
    let (database, store) = try Self.balanced()
    try store.apply(batch(record(50, extract: extract("x5", period: "2026-09"))))
    try store.apply(admission(extract("x6", period: "2026-08"), records: 4))
    let error = #expect(throws: ReleaseError.self) { try ReleaseInputs(database) }
    #expect(
      error
        == .unbalanced([
          .init(extractID: "x5", admitted: nil, accounted: 1), .init(extractID: "x6", admitted: 4, accounted: 0),
        ]))
    #expect("\(error!)".contains("extract x6: 4 of 4 records missing"))
  }

  @Test func `an extract is not replaced before the later one is admitted`() throws {
    let (database, store) = try Self.balanced()
    try store.apply(admission(extract("x1"), records: 21))
    try store.apply(batch(record(0, time: 200, extract: extract("x2"))))
    #expect(try database.query("select from extract_balance").count == 2)
    try store.apply(admission(extract("x3", period: "2026-09"), records: 2))
    try store.apply(batch(record(60, time: 200, extract: extract("x4", period: "2026-09"))))
    let error = #expect(throws: ReleaseError.self) { try ReleaseInputs(database) }
    #expect(
      error
        == .unbalanced([
          .init(extractID: "x2", admitted: nil, accounted: 1), .init(extractID: "x3", admitted: 2, accounted: 0),
          .init(extractID: "x4", admitted: nil, accounted: 1),
        ]))
  }

  @Test func `an extract that a later one replaces is no input and need not be balanced`() throws {
    let (database, store) = try Self.balanced()
    try store.apply(admission(extract("x0"), at: 50, records: 99))
    #expect(try ReleaseInputs(database).inputs.map(\.extractID) == ["x1"])
    try store.apply(batch((0..<19).map { record($0, time: 200, extract: extract("x2")) }))
    try store.apply(admission(extract("x2"), at: 200, records: 19))
    let inputs = try ReleaseInputs(database)
    #expect(inputs.inputs.map(\.extractID) == ["x2"])
    #expect(inputs.text == "x2 200.0000000000000007")
  }

  // MARK: - Reproducibility

  @Test func `the same state is the same release and another state is another`() throws {
    let (database, store) = try Self.balanced()
    let definition = try Definitions.load("condition-prevalence")
    let first = try Releaser.compute(definition, database)
    #expect(first.id.count == 16)
    #expect(try Releaser.compute(definition, database).id == first.id)
    #expect(try Releaser.compute(definition, database).csv == first.csv)

    try store.apply(withdrawal(1_003, upTo: 10))
    let afterObjection = try Releaser.compute(definition, database)
    #expect(afterObjection.csv == first.csv, "19 people are shown as 20")
    #expect(afterObjection.id == first.id)

    #expect(try Releaser.compute(definition, regime: "type-1", database).id != first.id, "another regime")
    try store.apply(admission(extract("x9", period: "2026-07"), records: 0))
    #expect(try Releaser.compute(definition, database).id != first.id, "another list of inputs")

    let lists = ExclusionLists(lists: [
      .init(
        name: "none yet", title: "", isStatutory: false, codes: CodeSet(),
        uses: [.init(purpose: "commissioning", from: CalendarDate(day: 0), until: nil)])
    ])
    let exclusions = try AppliedExclusions(lists, purpose: "commissioning", on: CalendarDate(day: 1))
    #expect(
      try Releaser.compute(definition, excluding: exclusions, database).id != Releaser.compute(definition, database).id,
      "other lists in force")

    var other = definition
    other.digest[0] ^= 1
    #expect(try Releaser.compute(other, database).id != Releaser.compute(definition, database).id)
  }

  @Test func `files are written whole and name their schema and digest`() throws {
    let (database, _) = try Self.balanced()
    let directory = TestDatabase.temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let release = try Releaser.compute(
      Definitions.load("condition-prevalence"), regime: "type-1,type-2", database)
    let files = ReleaseFiles(directory: directory)
    try files.write(release)
    let path = files.path(dataset: "condition-prevalence", release: release.id)
    let folder = "\(directory)/condition-prevalence/\(release.id)"
    #expect(path == "\(folder)/condition-prevalence.csv")
    #expect(FileManager.default.contents(atPath: path) == Data(release.csv))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
        "condition-prevalence.csv", "datapackage.json",
      ])
    let package = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/datapackage.json")))
        as? [String: Any])
    #expect(package["objections"] as? String == "type-1,type-2")
    let resource = try #require((package["resources"] as? [[String: Any]])?.first)
    #expect(resource["hash"] as? String == "sha256:\(release.sha256)")
    #expect(resource["rows"] as? Int == release.table.rows.count)
    let schema = try #require(resource["schema"] as? [String: Any])
    #expect(schema["missingValues"] as? [String] == ["*", ""])
    #expect(schema["primaryKey"] as? [String] == ["practice", "condition", "sex", "age_band"])

    try Data("cut short".utf8).write(to: URL(fileURLWithPath: path))
    try files.write(release)
    #expect(FileManager.default.contents(atPath: path) == Data(release.csv))
  }

  @Test func `a folder that cannot be written is named`() throws {
    let (database, _) = try Self.balanced()
    let release = try Releaser.compute(Definitions.load("condition-prevalence"), database)
    #expect(throws: ReleaseError.self) { try ReleaseFiles(directory: "/proc/nowhere").write(release) }
  }
}
