import Audit
import Cryptography
import Foundation
import KeyRing
import Pseudonyms
import Testing

@testable import caredata

extension WholeSystem {
  @Suite struct ReidentificationTests {
    private let governed = ["--purpose", "recall of a faulty device", "--requested-by", "A. Reader"]

    /// The exit code with what was printed.
    private func run(_ system: RunningSystem, _ arguments: [String]) throws -> (status: Int32, text: String) {
      let command = try system.start(arguments)
      return (try command.finish(), command.text)
    }

    private func reidentify(
      _ system: RunningSystem, _ subject: [String], approvedBy: String = "B. Guardian"
    ) throws -> (status: Int32, text: String) {
      try run(system, ["reidentify"] + subject + governed + ["--approved-by", approvedBy])
    }

    private func events(_ log: AuditLog) throws -> [String] {
      var events: [String] = []
      try log.verify { events.append($0.event) }
      return events
    }

    /// Record id and person id, as linkage has them.
    private func ids(
      of number: String, _ connector: Connector, _ canaries: CanaryCheck
    ) throws -> (record: Token16, person: Token16)? {
      let rows = try connector.database.query(
        "select record_id, person_id from linkage.live_observation where withdrawal_token = $1",
        [.bytes(canaries.withdrawalToken(number).bytes)])
      guard rows.count > 0, let record = Token16(bytes: rows.bytes(0, 0)), let person = Token16(bytes: rows.bytes(0, 1))
      else { return nil }
      return (record, person)
    }

    @Test func `a number comes back on request only, never an objector's, and every step is in the log`() async throws {
      let folder = TestFolder.make("reidentification")
      defer { TestFolder.remove(folder) }
      let on = RunningSystem.Options(environment: ["CAREDATA_REIDENTIFICATION": "on"])
      let system = try RunningSystem(on, in: folder)
      defer { system.clear() }
      let connector = try await Connector(system, folder: folder)
      try connector.loadNationalList([])
      let practice = try connector.enrolled(.gp)
      let (number, objector) = (connector.newNumber(), connector.newNumber())
      let people = [number, objector, ""].enumerated().map {
        TestExtract.Patient(ref: "P\($0)", nhsNumber: $1, born: "195\($0)-03-04", entries: [.diabetes])
      }
      try connector.submit(TestExtract(organisation: practice, patients: people))
      let canaries = try CanaryCheck(keys: system.state.keys, connector.database)
      let own = try #require(try ids(of: number, connector, canaries))
      let other = try #require(try ids(of: objector, connector, canaries))
      let log = AuditLog(path: system.state.auditLog)
      let before = FileManager.default.fileExists(atPath: log.path) ? try events(log).count : 0

      // On request, for a record, a person and a recipient's pseudonym.
      let root = try system.state.keys.ring(of: .publication).active(.recipients).secret
      let pseudonym = try RecipientPseudonyms(root: root, recipient: "Leeds ICB", purpose: "diabetes")
        .pseudonym(of: own.person)
      let ofRecipient = ["--pseudonym", pseudonym.hex, "--recipient", "Leeds ICB", "--recipient-purpose"]
      for subject in [["--record", own.record.hex], ["--person", own.person.hex], ofRecipient + ["diabetes"]] {
        let answer = try reidentify(system, subject)
        #expect(answer.status == 0 && answer.text == number + "\n", "\(answer.text)")
      }
      #expect(try reidentify(system, ["--record", other.record.hex]).text == objector + "\n")
      // For another purpose the same pseudonym is nobody's.
      let wrong = try reidentify(system, ofRecipient + ["stroke"])
      #expect(wrong.status != 0 && !wrong.text.contains(number), "\(wrong.text)")
      // Who asks cannot approve.
      let same = try reidentify(system, ["--record", own.record.hex], approvedBy: "a. reader")
      #expect(same.status != 0 && same.text.contains("refused"), "\(same.text)")
      let answered = ["requested", "approved", "answered"]
      let expected = (0..<5).flatMap { _ in answered } + ["requested", "refused"]
      #expect(try events(log).dropFirst(before) == expected.map { "reidentification.\($0)" }[...])

      // An objector is nobody any more.
      try connector.object([TestObjection(nhsNumber: objector)])
      try awaited("the objection is linked") { try ids(of: objector, connector, canaries) == nil }
      for subject in [["--record", other.record.hex], ["--person", other.person.hex]] {
        let answer = try reidentify(system, subject)
        #expect(answer.status != 0 && !answer.text.contains(objector), "\(answer.text)")
      }
      #expect(try connector.count("select count(*) from pseudonymisation.reverse") == 1)
      let rows = "select string_agg(r::text, ' ') from pseudonymisation.reverse r"
      let table = try connector.database.query(rows).text(0, 0)
      #expect(!table.contains(number) && !table.contains(hexadecimal(Array(number.utf8))))

      // The log is whole, says who was asked about to those who know, and holds nothing by which anybody is known.
      let head = try run(system, ["audit", "verify"])
      #expect(head.status == 0, "\(head.text)")
      let about = try run(system, ["audit", "list", "--json", "--about", own.record.hex])
      #expect(about.text.split(separator: "\n").count == 5, "\(about.text)")
      let text = try String(contentsOfFile: log.path, encoding: .utf8)
      for secret in [number, objector, own.record.hex, own.person.hex, other.person.hex, pseudonym.hex] {
        #expect(!text.contains(secret))
      }
      for log in try FileManager.default.contentsOfDirectory(atPath: system.state.logs) {
        let text = (try? String(contentsOfFile: "\(system.state.logs)/\(log)", encoding: .utf8)) ?? ""
        #expect(!text.contains(number) && !text.contains(objector), "\(log)")
      }
      try system.stop()

      // A changed byte, and as it was.
      let bytes = try Data(contentsOf: URL(fileURLWithPath: log.path))
      let handle = try #require(FileHandle(forUpdatingAtPath: log.path))
      try handle.seek(toOffset: UInt64(bytes.count / 2))
      try handle.write(contentsOf: Data([bytes[bytes.count / 2] ^ 1]))
      let changed = try run(system, ["audit", "verify"])
      #expect(changed.status == 1 && changed.text.contains("altered"), "\(changed.text)")
      try handle.seek(toOffset: 0)
      try handle.write(contentsOf: bytes)
      try handle.close()
      #expect(try run(system, ["audit", "verify"]).status == 0)

      try isOffByDefault(folder, own.record, number)
    }

    /// The same state without the setting: refused, and nothing is left of what was kept.
    private func isOffByDefault(_ folder: String, _ record: Token16, _ number: String) throws {
      let system = try RunningSystem(in: folder)
      defer { system.clear() }
      let database = try system.database()
      defer { database.close() }
      #expect(try database.query("select count(*) from pseudonymisation.reverse").int(0, 0) == 0)
      let log = try String(contentsOfFile: system.state.logs + "/pseudonymisation-1.log", encoding: .utf8)
      #expect(log.contains("re-identification is off: what it had kept has been removed"))
      let answer = try reidentify(system, ["--record", record.hex])
      #expect(
        answer.status != 0 && answer.text.contains("refused: re-identification is switched off"), "\(answer.text)")
      #expect(!answer.text.contains(number))
      #expect(
        try events(AuditLog(path: system.state.auditLog)).suffix(2)
          == ["reidentification.requested", "reidentification.refused"])
      #expect(try run(system, ["audit", "verify"]).status == 0)
      try system.stop()
    }
  }
}
