import Audit
import Contracts
import Foundation
import Testing

@testable import caredata

/// The national list and the check service, by the commands.
extension WholeSystem.Semantics {
  private func extract(_ practice: String, _ numbers: [String], period: String = "2026-10") -> TestExtract {
    TestExtract(
      organisation: practice, period: period,
      patients: numbers.enumerated().map { .init(ref: "P\($0)", nhsNumber: $1, entries: [.diabetes]) })
  }

  private func list(_ connector: Connector, _ numbers: [String]) throws -> String {
    try connector.write(["list.dat": numbers.map { "\($0),\n" }.joined()]) + "/list.dat"
  }

  /// The exit code with what was printed.
  private func run(_ connector: Connector, _ arguments: [String]) throws -> (Int32, String) {
    let command = try connector.system.start(arguments)
    return (try command.finish(), command.text)
  }

  @Test func `who is on the list is held back, and a list that has shrunk reinstates only when it is confirmed`()
    throws
  {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let people = (1...4).map { _ in connector.newNumber() }
    let loaded = try run(
      connector, ["objections", "list", try list(connector, Array(people.prefix(3)) + people.prefix(1))])
    #expect(loaded.0 == 0 && loaded.1.contains("is in force: 3 people object"), "\(loaded.1)")
    try connector.submit(extract(practice, people))
    #expect(try connector.published([practice]).records.count == 1)

    let shrunk = try run(connector, ["objections", "list", try list(connector, Array(people.prefix(2)))])
    #expect(
      shrunk.0 == 2 && shrunk.1.contains("more than 1 % smaller") && shrunk.1.contains("--confirm"), "\(shrunk.1)")
    try connector.submit(extract(practice, people, period: "2026-11"))
    #expect(try connector.published([practice]).records.count == 2)

    let empty = try run(connector, ["objections", "list", try list(connector, [])])
    #expect(empty.0 == 2 && empty.1.contains("nobody is on it"), "\(empty.1)")
    let old = try run(
      connector,
      [
        "objections", "list", "--drawn", "2026-01-01", "--confirm", try list(connector, people),
      ])
    #expect(old.0 == 2 && old.1.contains("drawn later is in force"), "\(old.1)")

    let confirmed = try run(
      connector, ["objections", "list", "--confirm", try list(connector, Array(people.prefix(2)))])
    #expect(confirmed.0 == 0, "\(confirmed.1)")
    try connector.submit(extract(practice, people, period: "2026-12"))
    // Only December's of the third and the fourth: an objection on a refused list had held all the same.
    let remaining = try connector.published([practice]).records.count
    #expect(remaining == 2, "\(remaining)")
    let status = try connector.system.run(["status"])
    #expect(status.contains("national list: drawn ") && status.contains("0 days old, limit 7, 2 people"), "\(status)")
    try connector.loadNationalList(people)
  }

  @Test func `a list with an unreadable line is one line of error, and nothing is sent`() throws {
    let connector = try SharedSystem.connector
    let before = try connector.sent(.objections)
    let path = try connector.write(["list.dat": "9990512385,\n9990512385,\r\n"])
    let (status, text) = try run(connector, ["objections", "list", "\(path)/list.dat"])
    #expect(status != 0 && text.hasPrefix("Error: \(path)/list.dat, line 2: ends in carriage return"), "\(text)")
    #expect(text.split(separator: "\n").count == 1 && !text.contains("9990512385"))
    #expect(try connector.sent(.objections) == before)
  }

  @Test func `the check service is asked by file, and its answer holds back and reinstates those asked for`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let people = (1...3).map { _ in connector.newNumber() }
    try connector.submit(extract(practice, people))
    let drop = try connector.write([:]) + "/drop"
    func check(_ arguments: [String]) throws -> (Int32, String) {
      try run(connector, ["objections", "check"] + arguments)
    }
    func file(_ arguments: [String]) throws {
      let command = try SpawnedProcess(
        "caredata", ["objections", "check"] + arguments, output: "\(connector.write([:]))/output.txt")
      #expect(try command.finish() == 0, "\(command.text)")
    }
    func request(_ listed: [String]) throws {
      try file([
        "request", "--numbers", try list(connector, people), "--mailbox", "X26ABC01", "--folder", drop,
      ])
      let name = try #require(try FileManager.default.contentsOfDirectory(atPath: "\(drop)/requests").first)
      try file([
        "answer", "--list", try list(connector, listed), "--request", "\(drop)/out/\(name)", "--output", "\(drop)/in",
      ])
    }
    try request([people[1]])
    let first = try check(["watch", "--folder", drop, "--once", "--quiet", "0"])
    #expect(first.0 == 0 && first.1.contains("1 person objects of those asked"), "\(first.1)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(drop)/in").isEmpty)
    try connector.release()
    #expect(try connector.published([practice]).records.count == 2)

    try request([people[2]])
    #expect(try check(["watch", "--folder", drop, "--once", "--quiet", "0"]).0 == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(drop)/done").count == 4)
    try connector.submit(extract(practice, people, period: "2026-11"))
    // October: the first. November: the first and the second, who objects no longer.
    #expect(try connector.published([practice]).records.count == 3)

    let before = try connector.sent(.objections)
    let files = try connector.write([
      "asked.dat": "\(people[0]),\n", "reply.dat": "\(people[0]),\n\(people[1]),\n",
      "single.dat": "MALFORMED REQUEST\n",
    ])
    for (reply, text) in [("reply.dat", "line 2 of the reply"), ("single.dat", "the single line by which")] {
      let refused = try check(["reply", "--request", "\(files)/asked.dat", "--reply", "\(files)/\(reply)"])
      #expect(refused.0 != 0 && refused.1.contains(text), "\(refused.1)")
    }
    #expect(try connector.sent(.objections) == before)
  }

  @Test func `explain tells what was said, what became of each record and in which releases it was, and is logged`()
    throws
  {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let numbers = (1...13).map { _ in connector.newNumber() }
    let receipt = try connector.submit(extract(practice, numbers))
    let release = try connector.release().0
    try connector.object([TestObjection(nhsNumber: numbers[4])])
    let later = try connector.release().0
    let text = try connector.system.run(["explain", "--nhs-number", numbers[4], "--by", "A. Reader"])
    #expect(text.contains("type 2 and national (all records): objects, since "), "\(text)")
    #expect(text.contains("patient") && text.contains("2020-06-01") && text.contains(receipt.id), "\(text)")
    #expect(text.contains("withdrawn by type 2, known since"), "\(text)")
    let lines = text.split(separator: "\n")
    let (before, after) = (lines.first { $0.contains(release.release) }, lines.first { $0.contains(later.release) })
    #expect(before?.contains("yes: the type 2 objection was recorded later") == true, "\(text)")
    #expect(after?.contains("no: the type 2 objection was known") == true, "\(text)")
    #expect(!text.contains(numbers[4]))
    let logged = "select count(*) from ingestion.explanation_log where by = $1"
    #expect(try connector.count(logged, [.text("A. Reader")]) == 1)
    let other = try connector.system.run(["explain", "--nhs-number", numbers[5], "--by", "A. Reader"])
    #expect(other.contains("passed the objection filter") && other.contains("all records): no"), "\(other)")
    #expect(try connector.count(logged, [.text("A. Reader")]) == 2)
    var audited: [AuditEntry] = []
    try AuditLog(path: connector.system.state.auditLog).verify { entry in
      if entry.event == "person.explained", entry.by == "A. Reader" { audited.append(entry) }
    }
    #expect(audited.count == 2 && Set(audited.map { $0.details["subject"] }).count == 2)
  }

  @Test func `the report agrees, and marks an objection that was received and not applied`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    var extract = extract(practice, (1...3).map { _ in connector.newNumber() })
    extract.patients[0].entries.append(.type1Dissent)
    try connector.submit(extract)
    try connector.release()
    var report = ""
    try awaited("the report agrees") {
      let (status, text) = try run(connector, ["objections", "report", "--json"])
      report = text
      return status == 0
    }
    let read = try JSONDecoder().decode(ObjectionReport.self, from: Data(report.utf8))
    let line = try #require(read.lines.first { $0.organisation == practice })
    #expect(line.received == 1 && line.applied == 1 && line.excluded == 1)
    #expect(read.organisations.first { $0.organisation == practice }?.inForce == 1)
    try connector.database.query(
      "update ingestion.objection_day set received = received + 1 where organisation = $1", [.text(practice)])
    let (status, text) = try run(connector, ["objections", "report"])
    #expect(status == 1 && text.contains("NOT THE SAME"), "\(text)")
    try connector.database.query(
      "update ingestion.objection_day set received = received - 1 where organisation = $1", [.text(practice)])
  }

  @Test func `a rejected objection waits until somebody says by name what it was`() throws {
    let connector = try SharedSystem.connector
    let producer = try connector.target.producer()
    defer { producer.close() }
    try producer.send(
      topic: connector.target.layout.name(.objections), partition: 0, key: Array("planted".utf8), value: [0xff, 0xfe])
    try producer.flush()
    let place = try awaitedValue("the rejected objection") {
      try RejectedObjections(database: connector.database).rows(includesResolved: false).first?.place.text
    }
    #expect(try connector.system.run(["objections", "rejected"]).contains(place))
    #expect(try connector.system.run(["status"]).contains("1 rejected objections wait"))
    let resolve = ["objections", "rejected", "resolve"]
    #expect(try run(connector, resolve + [place]).0 != 0)
    #expect(try run(connector, resolve + [place, "--by", "me", "--reason", " "]).0 != 0)
    let unknown = try run(connector, resolve + ["caredata.objections/0/99999", "--by", "me", "--reason", "none"])
    #expect(unknown.0 != 0 && unknown.1.contains("no objection was rejected at"), "\(unknown.1)")
    try connector.system.resolveRejectedObjections()
    #expect(try connector.system.run(["objections", "rejected"]).contains("no objection waits"))
    #expect(try connector.system.run(["objections", "rejected", "list", "--all"]).contains("by the test: planted"))
    let again = try run(connector, resolve + [place, "--by", "me", "--reason", "none"])
    #expect(again.0 != 0 && again.1.contains("resolved already"), "\(again.1)")
  }
}
