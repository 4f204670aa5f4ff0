import Cryptography
import Foundation
import Linking
import Testing

@testable import caredata

struct LinkageEvaluationTests {
  /// Removed with the value.
  private final class File {
    let path = "\(NSTemporaryDirectory())linkage-\(UUID().uuidString).csv"
    init(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private static let header =
    "record_id,source,nhs_number,date_of_birth,sex,postcode,local_id,organisation,person\n"

  private func evaluation(
    _ rows: String, truth: String? = "person"
  ) throws -> (records: EvaluationRecords, linkage: LocalLinkage) {
    let file = try File(Self.header + rows)
    let records = try EvaluationRecords(file: file.path, truth: truth)
    return (records, try LocalLinkage(records))
  }

  private static let people = """
    a1,gp,9990000018,1980-03-14,2,LS11 4AP,1,A81001,a
    a2,hospital,999 000 0018,1980-03-15,2,M1 1AA,7,RX1,a
    a3,community,,1980-03-14,2,ls114ap,,,a
    a4,hospital,9990000017,1980-03-14,2,B2 2BB,8,RX1,a
    b1,gp,9990000026,1990-07-01,1,LS11 4AP,2,A81001,b
    b2,hospital,,,,,9,RX1,b

    """

  @Test func `records of a file are linked as a service links them, and the figures say how well`() throws {
    let (records, linkage) = try evaluation(Self.people)
    #expect(linkage.persons == [0, 0, 0, 0, 4, 5])
    #expect(linkage.passes == [.number, .number, .demographics, .numberNearly, nil, nil])
    let report = EvaluationReport(records, linkage, seconds: 1)
    let quality = try #require(report.quality)
    #expect(report.records == 6 && report.persons == 3 && quality.people == 2 && quality.exactPeople == 1)
    #expect(quality.pairs.precision == 1 && quality.pairs.recall == 6.0 / 7)
    #expect(report.unusableValues == ["nhs_number": 1])
    #expect(report.text.contains("6 records with 6 different identities: 3 persons"))
  }

  @Test func `the order of columns and of rows changes no person id, a record id of an installation is taken as it is`()
    throws
  {
    let lines = Self.people.split(separator: "\n")
    let (forward, backward) = (
      try evaluation(lines.joined(separator: "\n") + "\n"),
      try evaluation(lines.reversed().joined(separator: "\n") + "\n")
    )
    let names = forward.records.names
    let ids = Dictionary(uniqueKeysWithValues: zip(names, forward.linkage.personIDs(names)))
    #expect(
      zip(backward.records.names, backward.linkage.personIDs(backward.records.names)).allSatisfy { ids[$0] == $1 })
    let id = Token16(high: 1, low: 2)
    let (records, linkage) = try evaluation("\(id.hex),gp,,,,,,,x\n")
    #expect(linkage.personIDs(records.names) == [PersonID.of(smallestRecordID: id)])
  }

  @Test func `values that cannot be used are counted and not repeated, whatever the column`() throws {
    let (records, linkage) = try evaluation("r1,dentist,12,1980-13-01,7,nowhere,,,x\nr2,,,,,,,,\n")
    #expect(records.unusable == ["source": 1, "nhs_number": 1, "date_of_birth": 1, "sex": 1, "postcode": 1])
    let text = EvaluationReport(records, linkage, seconds: 1).text
    #expect(!text.contains("dentist") && !text.contains("nowhere"))
  }

  @Test(arguments: [
    ("a1,gp,,,,,,,a\na1,gp,,,,,,,a\n", "row 3, column record_id: is there twice"),
    (",gp,,,,,,,a\n", "row 2, column record_id"), ("a1,gp\n", "row 2"),
  ]) func `a file that cannot be read is refused with row and column`(_ rows: String, _ expected: String) throws {
    let error = #expect(throws: (any Error).self) { try evaluation(rows) }
    #expect(error.map { "\($0)".contains(expected) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test func `a file without the truth column is refused, and linked where none is asked for`() throws {
    #expect(throws: ExtractInputError.self) { try evaluation(Self.people, truth: "whose") }
    let file = try File("record_id,postcode\nr1,LS1 4AP\n")
    let records = try EvaluationRecords(file: file.path, truth: nil)
    #expect(EvaluationReport(records, try LocalLinkage(records), seconds: 1).quality == nil)
  }

  // MARK: Quality

  /// Three of one person in clusters of two and one, the one together with somebody else's only record.
  @Test func `precision and recall are counted by pairs and by record`() {
    let quality = LinkageQuality(found: [1, 1, 2, 2], known: [1, 1, 1, 2])
    #expect(quality.pairs == .init(precision: 0.5, recall: 1.0 / 3))
    #expect(quality.bCubed.precision == 0.75)
    #expect(abs(quality.bCubed.recall - (4.0 / 3 + 1.0 / 3 + 1) / 4) < 1e-12)
    #expect(quality.exactPeople == 0 && quality.people == 2 && quality.mixedClusters == 1 && quality.clusters == 2)
  }

  @Test func `whoever joins all has all recall, whoever joins none all precision`() {
    let known: [Int32] = [1, 1, 2, 2, 3]
    let (all, none) = (
      LinkageQuality(found: [0, 0, 0, 0, 0], known: known),
      LinkageQuality(found: [0, 1, 2, 3, 4], known: known)
    )
    #expect(all.pairs == .init(precision: 0.2, recall: 1) && none.pairs == .init(precision: 1, recall: 0))
    #expect(LinkageQuality(found: known, known: known).pairs.f1 == 1)
    #expect(none.pairs.f1 == 0 && none.exactPeople == 1)
  }
}
