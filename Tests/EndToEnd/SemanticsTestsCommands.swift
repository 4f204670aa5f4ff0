import Contracts
import Foundation
import Kafka
import Testing

@testable import caredata

/// A fault of the input, and where the one line that reports it must say it is.
struct FaultyInput: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var source = ExtractSource.gp
  let files: [String: String]
  /// Without the folder.
  let place: String
  let fault: String

  private static let patients = """
    patient_ref,nhs_number,date_of_birth,sex,postcode,ethnic_category,registered_from,registered_to
    P1,9990512385,1951-01-01,1,LX9 1AB,A,2010-04-01,
    P2,,1952-01-01,2,LX9 1AB,A,2010-04-01,

    """
  private static let events = "patient_ref,date,code_system,code,value,unit\nP1,2019-02-03,snomed,44054006,,\n"
  private static let episodes = """
    LOPATID,NEWNHSNO,DOB,SEX,HOMEADD,GPPRAC,PROCODET,ADMIDATE,DISDATE,EPIORDER,EPISTART,EPIEND,ADMIMETH,DIAG_01
    H1,,1951-01-01,1,LX9 1AB,A81001,RXA,2026-10-05,2026-10-07,1,2026-10-05,2026-10-07,21,E119

    """

  private static func gp(
    _ name: String, patients: String = patients, events: String = events, at place: String, _ fault: String
  ) -> FaultyInput {
    FaultyInput(
      testDescription: name, files: ["patients.csv": patients, "events.csv": events], place: place, fault: fault)
  }

  static let all = [
    gp(
      "a date that is none", patients: patients.replacingOccurrences(of: "1952-01-01", with: "01/13/1952"),
      at: "patients.csv, row 3, column date_of_birth", "is not a date of the form YYYY-MM-DD"),
    gp(
      "a patient twice", patients: patients + "P1,,1953-01-01,2,LX9 1AB,A,2010-04-01,\n",
      at: "patients.csv, row 4, column patient_ref", "the patient is already in row 2"),
    gp(
      "an event of nobody", events: events + "P7,2019-02-03,snomed,44054006,,\n",
      at: "events.csv, row 3, column patient_ref", "the patient is not in"),
    gp(
      "an unknown code system", events: events + "P2,2019-02-03,icd9,44054006,,\n",
      at: "events.csv, row 3, column code_system", "is not one of read2, ctv3, snomed"),
    gp(
      "a column nobody knows", patients: patients.replacingOccurrences(of: "sex,", with: "sex,shoe_size,"),
      at: "patients.csv, row 1", "shoe_size"),
    gp(
      "a column that is missing", patients: patients.replacingOccurrences(of: "sex", with: "shoe_size"),
      at: "patients.csv, row 1", "missing column sex"),
    gp(
      "a row that is too short", events: events + "P2,2019-02-03\n", at: "events.csv, row 3",
      "has 2 values where the header has 6"),
    gp(
      "an open quote", events: events + "\"P2,2019-02-03,snomed,44054006,,\n", at: "events.csv, row 3",
      "the file ends inside a quoted value"),
    gp("no events file at all", events: "", at: "events.csv", "the file is empty"),
    FaultyInput(
      testDescription: "an episode of another hospital", source: .hospital,
      files: ["episodes.csv": episodes.replacingOccurrences(of: "RXA", with: "RXB")],
      place: "episodes.csv, row 2, column PROCODET", fault: "differs from the submitting organisation"),
  ]
}

extension WholeSystem.Semantics {
  private static func arguments(_ source: ExtractSource, _ organisation: String, _ path: String) -> [String] {
    ["submit", "--source", source.rawValue, "--organisation", organisation, "--period", "2026-10", path]
  }

  @Test(arguments: FaultyInput.all)
  func `bad input is one line that names file, row and column, and nothing is sent`(input: FaultyInput) throws {
    let connector = try SharedSystem.connector
    let organisation = try connector.enrolled(input.source)
    let path = try connector.write(input.files)
    let before = try connector.sent(.extracts)
    let command = try connector.system.start(Self.arguments(input.source, organisation, path))
    #expect(try command.finish() != 0)
    let lines = command.text.split(separator: "\n")
    try #require(lines.count == 1, "\(command.text)")
    #expect(lines[0].hasPrefix("Error: \(path)/\(input.place)"), "\(lines[0])")
    #expect(lines[0].contains(input.fault), "\(lines[0])")
    // Values of the files are not repeated.
    #expect(!lines[0].contains("9990512385") && !lines[0].contains("01/13/1952"))
    #expect(try connector.sent(.extracts) == before)
  }

  @Test func `a bad list of objections is one line, and nothing is sent`() throws {
    let connector = try SharedSystem.connector
    let path = try connector.write([
      "list.csv": "nhs_number,type,decision,date\n9990512385,2,dissent,2020-01-01\n9990512385,3,dissent,\n"
    ])
    let before = try connector.sent(.objections)
    let command = try connector.system.start(["objections", "submit", "\(path)/list.csv"])
    #expect(try command.finish() != 0)
    #expect(command.text == "Error: \(path)/list.csv, row 3, column type: is not one of 1, 2\n")
    #expect(try connector.sent(.objections) == before)
  }

  @Test func `a dry run says what would be sent, without a broker`() throws {
    let connector = try SharedSystem.connector
    let path = try connector.write(
      TestExtract(
        organisation: "A81001", patients: [.init(ref: "P1", nhsNumber: "9990512385", entries: [.diabetes, .asthma])]
      ).files)
    let before = try connector.sent(.extracts)
    let arguments = Self.arguments(.gp, "A81001", path) + ["--dry-run", "--state", "\(path)/nothing-runs-here"]
    let command = try SpawnedProcess("caredata", arguments, output: "\(path)/output.txt")
    #expect(try command.finish() == 0)
    #expect(command.text == "would send 1 records with 2 entries from 3 rows\n")
    #expect(try connector.sent(.extracts) == before)
    #expect(!FileManager.default.fileExists(atPath: "\(path)/nothing-runs-here"))
  }

  @Test func `an extract of an organisation that is not active is refused with its reason`() throws {
    let connector = try SharedSystem.connector
    let organisation = connector.newOrganisation(.gp)
    let extract = TestExtract(
      organisation: organisation, patients: [.init(ref: "P1", nhsNumber: connector.newNumber(), entries: [.diabetes])])
    let rows = try connector.rowsWritten()
    let command = try connector.system.start(Self.arguments(.gp, organisation, try connector.write(extract.files)))
    #expect(try command.finish() == 2)
    #expect(command.text.contains("refused: nothing of this extract is used"))
    #expect(command.text.contains("organisation_not_enrolled"))
    #expect(try connector.rowsWritten() == rows)
  }

  @Test func `the status is there for programs`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    try connector.submit(
      TestExtract(
        organisation: practice,
        patients: [.init(ref: "P1", nhsNumber: connector.newNumber(), entries: [.diabetes])]))
    let text = try connector.system.run(["status", "--json"])
    let status = try JSONDecoder().decode(StreamStatus.self, from: Data(text.utf8))
    #expect(status.stages.map(\.stage) == StageName.allCases.map(\.rawValue))
    #expect(status.stages.allSatisfy { $0.received >= 1 })
    #expect(try #require(status.extracts["balanced"]) >= 1)
  }

  @Test func `subscribe prints the published file byte for byte, releasing twice is one release`() throws {
    let connector = try SharedSystem.connector
    let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
    let people = (1...12).map { _ in connector.newNumber() }
    try connector.submit([
      TestExtract(
        organisation: practice,
        patients: people.enumerated().map { .init(ref: "P\($0)", nhsNumber: $1, entries: [.diabetes]) }),
      TestExtract(
        source: .hospital, organisation: hospital,
        patients: people.enumerated().map {
          .init(ref: "H\($0)", nhsNumber: $1, entries: [.init(date: "2026-10-05", code: "E119")])
        }),
    ])
    let report = try connector.system.run(["linkage", "report"])
    #expect(report.contains("1 number") && report.contains("Ethnic category"), "\(report)")
    #expect(try !connector.system.run(["linkage", "review"]).isEmpty)
    for dataset in ["condition-prevalence", "emergency-admissions", "linkage-quality"] {
      let (release, csv) = try connector.release(dataset)
      #expect(csv.count > 100)
      #expect(try Array(connector.system.run(["subscribe", dataset]).utf8) == csv)
      let sent = try connector.sent(.dataset(dataset))
      let announced = try connector.sent(.releases)
      let again = try connector.system.run(["release", "create", dataset])
      #expect(again.contains("nothing has changed since release \(release.release)"))
      #expect(try connector.release(dataset) == (release, csv))
      #expect(try connector.sent(.dataset(dataset)) == sent)
      #expect(try connector.sent(.releases) == announced)
      let registered = try connector.count(
        "select count(*) from publication.release_register where release_id = $1", [.text(release.release)])
      #expect(registered == 1)
      let json = try connector.system.run(["subscribe", "--format", "json", dataset])
      #expect(json.split(separator: "\n").count == release.rows)
    }
  }

  @Test(arguments: [["release", "create", "no-such-dataset"], ["subscribe", "no-such-dataset"]])
  func `an unknown dataset is a clear error`(arguments: [String]) throws {
    let connector = try SharedSystem.connector
    let command = try connector.system.start(arguments)
    #expect(try command.finish() != 0)
    let lines = command.text.split(separator: "\n")
    try #require(lines.count == 1, "\(command.text)")
    #expect(lines[0].contains("there is no dataset 'no-such-dataset'"), "\(lines[0])")
  }
}

extension Connector {
  /// Messages that a topic has ever taken.
  func sent(_ topic: Topic) throws -> Int64 {
    let admin = try Admin(target.kafka)
    return try (0..<Int32(target.layout.partitions)).reduce(0) { sum, partition in
      sum + (try admin.watermarks(topic: target.layout.name(topic), partition: partition).high)
    }
  }
}
