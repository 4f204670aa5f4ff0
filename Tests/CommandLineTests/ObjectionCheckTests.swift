import Clinical
import Foundation
import Testing

@testable import caredata

/// Numbers for tests; of the trial range, whatever their check digit.
func listed(_ range: some Sequence<Int>) -> [ListedNumber] {
  range.map { ListedNumber(value: UInt64(9_000_000_000 + $0)) }
}

@Suite struct ObjectionCheckTests {
  @Test func `those asked for and not in the answer object, the others do not`() throws {
    let outcome = try ObjectionCheck.outcome(request: listed(1...5), reply: listed([1, 3, 4]))
    #expect(outcome.dissents == listed([2, 5]) && outcome.withdrawn == listed([1, 3, 4]))
  }

  @Test func `order and repetition of an answer say nothing`() throws {
    var random = SplitMix64(seed: 20_261_123)
    for _ in 0..<500 {
      let asked = listed((0..<random.within(1...60)).map { _ in random.below(100) })
      let objecting = Set(asked.filter { _ in random.chance(perMille: 40) })
      var reply = asked.filter { !objecting.contains($0) }
      reply += reply.filter { _ in random.chance(perMille: 200) }
      var request = asked
      random.shuffle(&reply)
      random.shuffle(&request)
      let outcome = try ObjectionCheck.outcome(request: request, reply: reply, isConfirmed: true)
      #expect(Set(outcome.dissents) == objecting && outcome.dissents.distinct == outcome.dissents)
      #expect(Set(outcome.withdrawn) == Set(asked).subtracting(objecting))
      #expect(ObjectionCheck.answer(request: request, list: Array(objecting)).distinct == outcome.withdrawn)
    }
  }

  @Test func `a number that was not asked for stops everything, and its line is named`() {
    #expect(throws: ObjectionCheck.Refusal.notAsked(line: 2)) {
      try ObjectionCheck.outcome(request: listed(1...5), reply: listed([1, 6, 2]))
    }
    #expect(throws: ObjectionCheck.Refusal.notAsked(line: 1)) {
      try ObjectionCheck.outcome(request: listed(1...5), reply: listed([0]))
    }
    #expect(throws: ObjectionCheck.Refusal.nothingAsked) { try ObjectionCheck.outcome(request: [], reply: []) }
  }

  @Test func `an answer by which most people object is not believed until it is confirmed`() throws {
    let request = listed(1...40)
    #expect(try ObjectionCheck.outcome(request: request, reply: listed(1...20)).dissents.count == 20)
    for reply in [listed(1...19), []] {
      #expect(throws: ObjectionCheck.Refusal.tooMany(objecting: 40 - reply.count, asked: 40)) {
        try ObjectionCheck.outcome(request: request, reply: reply)
      }
      let confirmed = try ObjectionCheck.outcome(request: request, reply: reply, isConfirmed: true)
      #expect(confirmed.dissents.count == 40 - reply.count)
    }
    #expect(try ObjectionCheck.outcome(request: listed(1...3), reply: []).dissents.count == 3, "of few all may object")
  }

  @Test func `lines are ten digits, a comma and a line feed, and what else they are is named without the number`()
    throws
  {
    let good = Array("9000000001,\n0000000002,\n9000000001,\n".utf8)
    #expect(try CheckLines.read(good).map(\.digits) == ["9000000001", "0000000002", "9000000001"])
    #expect(CheckLines.text(try CheckLines.read(good)) == good)
    #expect(try CheckLines.read([]).isEmpty)
    let faults: [(String, Int, CheckLines.Fault)] = [
      ("9000000001,\r\n", 1, .carriageReturn), ("9000000001,\n9000000002\n", 2, .noComma),
      ("9000000001,\n9000000002\r\n", 2, .noComma), ("9000000001,\n900000000,\n", 2, .notANumber),
      ("9000000001,\n90000000021,\n", 2, .notANumber), ("9000000001,\n9000000002", 2, .unfinished),
      ("9000000001,\n9000000002,", 2, .unfinished), ("\n", 1, .notANumber), ("9000000001, \n", 1, .notANumber),
      ("9000000001,\n\n", 2, .notANumber), ("x", 1, .notANumber), ("９000000001,\n", 1, .notANumber),
    ]
    for (text, line, fault) in faults {
      #expect(throws: CheckLines.LineFault(line: line, fault: fault), "\(text.debugDescription)") {
        try CheckLines.read(Array(text.utf8))
      }
    }
    for cut in 1..<good.count where !cut.isMultiple(of: 12) {
      #expect(throws: CheckLines.LineFault.self) { try CheckLines.read(Array(good.prefix(cut))) }
    }
  }

  @Test func `a file comes in pieces of any size`() throws {
    let numbers = listed(0..<100)
    let bytes = CheckLines.text(numbers)
    for size in [1, 5, 11, 12, 13, 1_000] {
      var lines = CheckLines()
      for start in stride(from: 0, to: bytes.count, by: size) {
        try lines.take(bytes[start..<min(start + size, bytes.count)])
      }
      try lines.finish()
      #expect(lines.numbers == numbers)
    }
  }

  @Test func `the single line by which the service refuses is told from a faulty reply`() {
    for refusal in ["MALFORMED REQUEST\n", "error", "\u{FEFF}error\n"] {
      #expect(ObjectionCheck.isRefusal(Array(refusal.utf8)))
    }
    for reply in ["", "9000000001,\r\n", "9000000001\n", "error\n9000000001,\n", String(repeating: "x", count: 2_000)] {
      #expect(!ObjectionCheck.isRefusal(Array(reply.utf8)))
    }
  }

  @Test func `a name of a file has mailbox, day and number, and no other signs`() throws {
    let day = try #require(CalendarDate(iso: "2026-11-03"))
    let name = try #require(CheckFileName(mailbox: "X26-ABC_01", date: day, sequence: 7))
    #expect(name.text == "X26-ABC_01-031126-0007.dat")
    #expect(CheckFileName(name.text) == name)
    for mailbox in ["", "X26:ABC", "X26 ABC", "X26.ABC", "../x", "é", String(repeating: "x", count: 41)] {
      #expect(CheckFileName(mailbox: mailbox, date: day, sequence: 1) == nil)
    }
    for sequence in [0, 10_000] { #expect(CheckFileName(mailbox: "X", date: day, sequence: sequence) == nil) }
    for text in ["X-311126-0001.dat", "X-310226-0001.dat", "X-031126-001.dat", "X-031126-0001.csv", "-031126-0001.dat"]
    {
      #expect(CheckFileName(text) == nil, "\(text)")
    }
    let present = ["X26-ABC_01-031126-0001.dat", "X26-ABC_01-031126-0003.dat", "Y-031126-0002.dat", "other"]
    #expect(CheckFileName.next(mailbox: "X26-ABC_01", date: day, besides: present)?.sequence == 2)
    #expect(CheckFileName.next(mailbox: "Z", date: day, besides: present)?.sequence == 1)
  }

  @Test func `a number is not printed by accident`() {
    let number = ListedNumber("9000000001")
    #expect(!"\(String(describing: number)) \(String(reflecting: number))".contains("9000000001"))
    #expect(ListedNumber("900000000") == nil && ListedNumber("90000000011") == nil && ListedNumber("900000000x") == nil)
  }
}

@Suite struct NumbersFileTests {
  private let fixture = ExtractFixture()

  private func read(_ text: String, insisting: Bool = false) throws -> [String] {
    try NumbersFile.read(fixture.write("list", text), insistsOnCheckDigits: insisting).map(\.digits)
  }

  @Test func `a list is read in both forms`() throws {
    #expect(try read("9000000001,\n9000000002,\n") == ["9000000001", "9000000002"])
    #expect(try read("nhs_number\n9000000001\n9000000002\n") == ["9000000001", "9000000002"])
    #expect(try read("").isEmpty)
    #expect(try read("nhs_number\n").isEmpty)
  }

  @Test(arguments: [
    (
      "9000000001,\n9000000002,\r\n",
      "list, line 2: ends in carriage return and line feed; the service knows the line feed alone"
    ),
    (
      "9000000001,\n9000000002",
      "list, line 2: does not end in a comma and a line feed; the file may have been cut short"
    ),
    ("nhs_number\n9000000001\n900000000x\n", "list, row 3, column nhs_number: is not an NHS number"),
    ("nhs_number,type,decision,date\n9000000001,2,withdrawn,\n", "list, row 1, column type: unknown column"),
  ]) func `an unreadable line gives nothing, and is named without the number`(text: String, expected: String) {
    #expect(errorLine(fixture) { _ = try read(text) } == expected)
  }

  @Test func `check digits are insisted on only when asked for`() throws {
    #expect(try read("9990000018,\n9000000001,\n").count == 2)
    #expect(
      errorLine(fixture) { _ = try read("9990000018,\n9000000001,\n", insisting: true) }
        == "list, line 2: is a number with a wrong check digit")
    #expect(
      errorLine(fixture) { _ = try read("nhs_number\n9000000001\n", insisting: true) }
        == "list, line 2: is a number with a wrong check digit")
    #expect(try read("9990000018,\n", insisting: true) == ["9990000018"])
  }

  @Test func `a file is there whole or not at all, and never in the place of another`() throws {
    try NumbersFile.write([1, 2], to: fixture.folder, name: "a")
    #expect(throws: NumbersFileError.self) { try NumbersFile.write([3], to: fixture.folder, name: "a") }
    #expect(fixture.contents() == ["a"] && FileManager.default.contents(atPath: fixture.folder + "/a") == Data([1, 2]))
    #expect(throws: NumbersFileError.self) { try NumbersFile.write([3], to: fixture.folder + "/none", name: "a") }
    let mode = try FileManager.default.attributesOfItem(atPath: fixture.folder + "/a")[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }
}
