/// The file form of the national check service: ten digits, a comma and a line feed on each line.
///
/// Takes a file in pieces of any size. Whoever writes otherwise is not understood there, so nothing is guessed here.
struct CheckLines {
  enum Fault: Equatable {
    case notANumber
    case noComma
    case carriageReturn
    case unfinished
    case checkDigit

    var text: String {
      switch self {
      case .notANumber: "is not a number of ten digits followed by a comma"
      case .noComma: "has no comma after the number"
      case .carriageReturn: "ends in carriage return and line feed; the service knows the line feed alone"
      case .unfinished: "does not end in a comma and a line feed; the file may have been cut short"
      case .checkDigit: "is a number with a wrong check digit"
      }
    }
  }

  /// A line, from 1, and what is wrong with it. Never holds what stands there.
  struct LineFault: Error, Equatable {
    let line: Int
    let fault: Fault
  }

  /// As they stand in the file: number `i` is on line `i + 1`.
  private(set) var numbers: [ListedNumber] = []
  private var value: UInt64 = 0
  /// Bytes of the line that have come: 0 to 9 digits, then the comma, then the line feed.
  private var place = 0

  init() {}

  static func read(_ bytes: [UInt8]) throws(LineFault) -> [ListedNumber] {
    var lines = CheckLines()
    try lines.take(bytes)
    try lines.finish()
    return lines.numbers
  }

  mutating func take(_ bytes: some Sequence<UInt8>) throws(LineFault) {
    for byte in bytes {
      switch place {
      case 0..<10:
        guard let digit = ListedNumber.digit(byte) else { throw fault(.notANumber) }
        value = value * 10 + digit
        place += 1
      case 10:
        guard byte == UInt8(ascii: ",") else { throw fault(Self.isLineEnd(byte) ? .noComma : .notANumber) }
        place += 1
      default:
        guard byte == UInt8(ascii: "\n") else {
          throw fault(byte == UInt8(ascii: "\r") ? .carriageReturn : .notANumber)
        }
        numbers.append(ListedNumber(value: value))
        (value, place) = (0, 0)
      }
    }
  }

  func finish() throws(LineFault) {
    if place > 0 { throw fault(.unfinished) }
  }

  static func text(_ numbers: [ListedNumber]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * 12)
    for number in numbers {
      bytes += number.digits.utf8
      bytes += [UInt8(ascii: ","), UInt8(ascii: "\n")]
    }
    return bytes
  }

  private static func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

  private func fault(_ fault: Fault) -> LineFault { LineFault(line: numbers.count + 1, fault: fault) }
}
