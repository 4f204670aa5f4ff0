import Clinical
import Testing

@testable import caredata

@Suite struct FieldParsingTests {
  private func bytes<T>(_ text: String, _ body: (UnsafeRawBufferPointer) -> T) -> T {
    Array(text.utf8).withUnsafeBytes(body)
  }

  @Test(
    arguments: [
      ("0", 0), ("27.4", 27.4), ("-1.5", -1.5), ("+3", 3), ("0.1", 0.1), ("007", 7), ("9999999", 9_999_999),
      ("138.123456", 138.123456),
    ] as [(String, Double)]) func `decimal numbers are read exactly`(text: String, value: Double)
  {
    #expect(bytes(text, FieldParsing.decimal) == value)
  }

  @Test(arguments: [
    "", "-", ".", "5.", ".5", "120/80", "<5", "5,6", "1e3", "nan", "inf", "0x1F", "1 2", "--1", "1.2.3", "٣", "twelve",
    "9990000018", "19230415", "1.2345678901234567",
  ]) func `anything else is text`(text: String) {
    #expect(bytes(text, FieldParsing.decimal) == nil)
  }

  @Test func `whole numbers have digits only`() {
    #expect(bytes("12", FieldParsing.wholeNumber) == 12)
    for text in ["", "-1", "1.0", " 1", "1a", "1234567890"] {
      #expect(bytes(text, FieldParsing.wholeNumber) == nil, "\(text)")
    }
  }

  @Test func `dates are read only in the declared form`() {
    let leapDay = CalendarDate(year: 2024, month: 2, day: 29)
    #expect(bytes("2024-02-29", ExtractDateFormat.iso.parse) == leapDay)
    #expect(bytes("29/02/2024", ExtractDateFormat.british.parse) == leapDay)
    for text in ["2023-02-29", "29/02/2024", "2024-2-29", "2024-02-29 ", "20240229", "2024-02-3x", ""] {
      #expect(bytes(text, ExtractDateFormat.iso.parse) == nil, "\(text)")
    }
    for text in ["2024-02-29", "02/29/2024", "9/2/2024", "29-02-2024"] {
      #expect(bytes(text, ExtractDateFormat.british.parse) == nil, "\(text)")
    }
  }

  @Test func `units come from a closed list, in any case`() {
    #expect(Units.isListed("mmol/mol"))
    #expect(Units.isListed("mmHg"))
    #expect(Units.isListed("MMOL/L"))
    for text in ["", "John Smith", "9990000018", "mmol/mol taken by nurse"] {
      #expect(!Units.isListed(text), "\(text)")
    }
  }
}
