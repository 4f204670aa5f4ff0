import Clinical
import Contracts
import Foundation
import StageKit
import Testing

@testable import caredata

@Suite struct CheckDropTests {
  private let fixture = ExtractFixture()
  private let drop: CheckDrop
  private let name: CheckFileName

  init() throws {
    drop = try CheckDrop(fixture.folder + "/drop")
    let day = try #require(CalendarDate(iso: "2026-11-03"))
    name = try #require(CheckFileName(mailbox: "X26", date: day, sequence: 1))
  }

  private func contents(_ part: CheckDrop.Part) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(drop.folder)/\(part.rawValue)").sorted()
  }

  private func reply(_ text: String, as name: String? = nil) {
    _ = FileManager.default.createFile(atPath: drop.path(.in, name ?? self.name.text), contents: Data(text.utf8))
  }

  private struct Outage: Error {}

  private func inForce(_ submission: NationalListSubmission) -> Receipt {
    Receipt.with {
      $0.id = "national-x"
      $0.status = .nationalListInForce
    }
  }

  @Test func `a reply is sent once its request is known, and then moved with it`() throws {
    try drop.write(listed(1...3), as: name, isWhole: false)
    #expect(try contents(.out) == [name.text] && contents(.requests) == [name.text])
    reply("9000000003,\n9000000001,\n")
    var sent: [NationalListSubmission] = []
    for name in drop.replies(quietFor: 0) {
      let handled = try drop.handle(name) {
        sent.append($0)
        return inForce($0)
      }
      #expect(handled == .processed("the answer is in force: 1 person objects of those asked (submission national-x)"))
    }
    #expect(sent.count == 1 && sent[0].dissents == listed([2]) && sent[0].withdrawn == listed([1, 3]))
    #expect(!sent[0].isWhole && !sent[0].isConfirmed)
    #expect(abs(sent[0].drawnAt - Date.now.microseconds) < 60_000_000, "when the reply came")
    #expect(try contents(.in).isEmpty && contents(.requests).isEmpty)
    #expect(try contents(.done) == [name.text, name.text + ".request"])
    #expect(drop.requestNames().contains(name.text), "its name is not used again")
  }

  @Test func `the answer to a request that named everybody is a whole list`() throws {
    try drop.write(listed(1...3), as: name, isWhole: true)
    reply("9000000003,\n9000000001,\n")
    var sent: NationalListSubmission?
    _ = try drop.handle(name.text) {
      sent = $0
      return inForce($0)
    }
    #expect(sent?.isWhole == true && sent?.dissents == listed([2]) && sent?.withdrawn == [])
    #expect(try contents(.requests).isEmpty)
  }

  @Test func `a reply whose request is not known, or that is still being written, stays`() throws {
    reply("9000000003,\n")
    #expect(drop.replies(quietFor: 60).isEmpty)
    #expect(drop.replies(quietFor: 60, now: .now + 61) == [name.text])
    let handled = try drop.handle(name.text) { _ in throw Outage() }
    #expect(handled == .unknownRequest)
    #expect(try contents(.in) == [name.text])
  }

  @Test func `replies are taken in the order in which they came, not in that of their names`() throws {
    let names = ["X26-020127-0001.dat", "X26-010227-0001.dat", "X26-311226-0001.dat", "X26-030127-0001.dat"]
    // January 2nd, February 1st, December 31st, and one that came together with the first.
    for (name, second) in zip(names, [20.0, 30, 10, 20]) {
      reply("9000000003,\n", as: name)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: second)], ofItemAtPath: drop.path(.in, name))
    }
    #expect(drop.replies(quietFor: 0) == [names[2], names[0], names[3], names[1]])
    #expect(drop.replies(quietFor: 10, now: Date(timeIntervalSince1970: 30)) == [names[2], names[0], names[3]])
  }

  @Test func `a request for some is not taken for one for everybody that had its name before`() throws {
    try drop.write(listed(1...3), as: name, isWhole: true)
    for part in [CheckDrop.Part.requests, .out] { unlink(drop.path(part, name.text)) }
    try drop.write(listed(1...3), as: name, isWhole: false)
    reply("9000000003,\n9000000001,\n")
    var sent: NationalListSubmission?
    _ = try drop.handle(name.text) {
      sent = $0
      return inForce($0)
    }
    #expect(sent?.isWhole == false && sent?.withdrawn == listed([1, 3]))
  }

  @Test func `nothing is moved before the receipt has come, and the next run does it again`() throws {
    try drop.write(listed(1...3), as: name, isWhole: false)
    reply("9000000003,\n")
    for _ in 0..<2 { #expect(throws: Outage.self) { try drop.handle(name.text) { _ in throw Outage() } } }
    #expect(try contents(.in) == [name.text] && contents(.requests) == [name.text])
    #expect(try drop.handle(name.text, inForce) != .unknownRequest)
    #expect(try contents(.done).count == 2)
  }

  @Test(arguments: [
    ("9000000004,\n", "line 1 of the reply is a number that the request does not have: it answers another request"),
    ("9000000001,\r\n", "line 1: ends in carriage return and line feed; the service knows the line feed alone"),
    (
      "MALFORMED REQUEST\n",
      "the reply is the single line by which the service refuses a request with malformed numbers; mend the request"
    ),
  ]) func `a reply from which nothing follows is put aside with the reason, and nothing is sent`(
    text: String, reason: String
  ) throws {
    try drop.write(listed(1...3), as: name, isWhole: false)
    reply(text)
    guard case .refused(let told) = try drop.handle(name.text, { _ in throw Outage() }) else {
      Issue.record("not refused")
      return
    }
    #expect(told.hasSuffix(reason) && !told.contains("90000000"))
    #expect(try contents(.refused) == [name.text, name.text + ".reason"])
    let written = try String(contentsOfFile: drop.path(.refused, name.text + ".reason"), encoding: .utf8)
    #expect(written == told + "\n")
    #expect(try contents(.requests) == [name.text], "a right reply may still come")

    reply(text)
    _ = try drop.handle(name.text) { _ in throw Outage() }
    #expect(try contents(.refused).count == 4, "none replaces another")
    reply("9000000001,\n9000000002,\n9000000003,\n")
    #expect(
      try drop.handle(name.text, inForce)
        == .processed(
          "the answer is in force: 0 people object of those asked (submission national-x)"))
  }

  @Test func `a list that ingestion refuses is put aside, and so is a second reply`() throws {
    try drop.write(listed(1...3), as: name, isWhole: true)
    reply("9000000003,\n")
    guard
      case .refused(let reason) = try drop.handle(
        name.text,
        { _ in
          Receipt.with {
            $0.status = .nationalListRefused
            $0.reason = "list_more_than_1_percent_smaller"
          }
        })
    else {
      Issue.record("not refused")
      return
    }
    #expect(reason.contains("more than 1 % smaller") && reason.contains("--confirm"))
    reply("9000000003,\n")
    _ = try drop.handle(name.text, inForce)
    reply("9000000003,\n")
    #expect(try drop.handle(name.text, inForce) == .refused("a reply of this name has been processed before"))
  }
}
