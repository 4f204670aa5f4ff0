import Tables
import Testing

@Suite struct CSVWriterTests {
  @Test func `fields with commas, quotes and line ends are quoted and nothing else`() {
    var writer = CSVWriter()
    writer.row(["plain", "a,b", "say \"no\"", "two\nlines", "", "é *"])
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "plain,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",,é *\n")
  }
}
