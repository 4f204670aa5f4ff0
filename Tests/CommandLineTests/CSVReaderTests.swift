import Tables
import Testing

@Suite struct CSVReaderTests {
  private let fixture = ExtractFixture()

  private func rows(_ bytes: [UInt8]) throws -> [[String]] {
    let reader = try CSVReader(file: fixture.write("data.csv", bytes))
    var rows: [[String]] = []
    while try reader.next() {
      rows.append((0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) })
    }
    return rows
  }

  private func rows(_ text: String) throws -> [[String]] { try rows(Array(text.utf8)) }

  @Test func `lines end in CR LF or LF, the last line in either or nothing`() throws {
    #expect(try rows("a,b\r\nc,d\ne,f") == [["a", "b"], ["c", "d"], ["e", "f"]])
    #expect(try rows("a,b\r\n") == [["a", "b"]])
    #expect(try rows("") == [])
  }

  @Test func `quoted values hold commas, line ends and doubled quotes`() throws {
    #expect(try rows("\"a,b\",\"c\r\nd\",\"e\"\"f\",\"\"\n,x") == [["a,b", "c\r\nd", "e\"f", ""], ["", "x"]])
  }

  @Test func `a byte order mark is not part of the first value`() throws {
    #expect(try rows([0xEF, 0xBB, 0xBF] + Array("a,b\n".utf8)) == [["a", "b"]])
  }

  @Test func `spaces around a value are not part of it`() throws {
    #expect(try rows(" a , b c,  \n") == [["a", "b c", ""]])
  }

  @Test func `text beyond ASCII is read`() throws {
    #expect(try rows("µmol/L,Zoë\n") == [["µmol/L", "Zoë"]])
  }

  @Test func `a row with line ends in quotes counts once`() throws {
    let reader = try CSVReader(file: fixture.write("data.csv", "a\n\"b\nc\nd\"\ne\n"))
    var numbers: [Int] = []
    var lines: [Int] = []
    while try reader.next() {
      numbers.append(reader.row)
      lines.append(reader.line)
    }
    #expect(numbers == [1, 2, 3])
    #expect(lines == [1, 2, 5])
  }

  @Test func `bytes in memory are read like a file`() throws {
    let reader = CSVReader([0xEF, 0xBB, 0xBF] + Array("a,\"b\"\r\nc".utf8), file: "data.csv")
    var rows: [[String]] = []
    while try reader.next() {
      rows.append((0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) })
    }
    #expect(rows == [["a", "b"], ["c"]])
    #expect(try !CSVReader([], file: "data.csv").next())
    #expect(throws: CSVError.self) { while try CSVReader(Array("\"a".utf8), file: "data.csv").next() {} }
  }

  @Test func `values that span read blocks are whole`() throws {
    let long = String(repeating: "0123456789\"\"", count: 4000)
    let text = (0..<40).map { "\($0),\"\(long)\",x\r\n" }.joined()
    let expected = long.replacingOccurrences(of: "\"\"", with: "\"")
    let result = try rows(text)
    #expect(result.count == 40)
    #expect(result.enumerated().allSatisfy { $1 == ["\($0)", expected, "x"] })
  }

  @Test(arguments: [
    ("a,b\nc,\"d", "data.csv, row 2: the file ends inside a quoted value"),
    ("a,b\nc\"d,e\n", "data.csv, row 2: a quote inside a value that does not start with one"),
    ("a\n\"b\"c\n", "data.csv, row 2: text after the closing quote"),
    ("a\rb\n", "data.csv, row 1: a carriage return without a line feed outside quotes"),
    ("a\nb\0c\n", "data.csv, row 2: contains a zero byte"),
    (
      "a\n\"" + String(repeating: "x", count: 70_000),
      "data.csv, row 2: the row is longer than 65535 bytes; is a quote left open?"
    ),
    (String(repeating: ",", count: 1024), "data.csv, row 1: the row has more than 1024 columns"),
  ]) func `what RFC 4180 leaves open is a fault`(text: String, line: String) {
    #expect(errorLine(fixture) { _ = try rows(text) } == line)
  }

  @Test func `bytes that are not UTF-8 are a fault`() {
    #expect(errorLine(fixture) { _ = try rows([0x61, 0x0A, 0xE9, 0x0A]) } == "data.csv, row 2: is not UTF-8")
    // UTF-16 with its byte order mark
    #expect(errorLine(fixture) { _ = try rows([0xFF, 0xFE, 0x61, 0x62]) } == "data.csv, row 1: is not UTF-8")
  }

  @Test func `a file that is missing or a folder is named`() {
    #expect(
      errorLine(fixture) { _ = try CSVReader(file: fixture.folder + "/none.csv") }
        == "none.csv: cannot be read: No such file or directory")
    #expect(
      errorLine(fixture) { _ = try CSVReader(file: fixture.folder + "/.") } == ".: cannot be read: Is a directory")
  }
}
