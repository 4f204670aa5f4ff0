import Clinical

/// Ten digits on a list of objections, in a request or in a reply, whatever their check digit says: of the numbers made
/// for trials of the check service not all have a valid one.
struct ListedNumber: Hashable, Comparable, Redacted {
  static let redactedName = "NHS number"

  private let value: UInt64

  /// Nil unless there are exactly ten digits.
  init?(_ text: UnsafeRawBufferPointer) {
    guard text.count == 10 else { return nil }
    var value: UInt64 = 0
    for byte in text {
      guard let digit = Self.digit(byte) else { return nil }
      value = value * 10 + digit
    }
    self.value = value
  }

  init?(_ text: String) {
    var text = text
    guard let number = text.withUTF8({ ListedNumber(UnsafeRawBufferPointer($0)) }) else { return nil }
    self = number
  }

  /// - Parameter value: below ten thousand million.
  init(value: UInt64) { self.value = value }

  static func digit(_ byte: UInt8) -> UInt64? { byte >= 0x30 && byte <= 0x39 ? UInt64(byte - 0x30) : nil }

  var digits: String {
    let text = String(value)
    return String(repeating: "0", count: 10 - text.utf8.count) + text
  }

  var isValid: Bool { (try? NHSNumber(validating: digits)) != nil }

  static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

extension [ListedNumber] {
  /// In order, each once.
  var distinct: [ListedNumber] {
    var result: [ListedNumber] = []
    for number in sorted() where number != result.last { result.append(number) }
    return result
  }

  /// Whether it is among these, which are in order.
  func holds(_ number: ListedNumber) -> Bool {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == number
  }
}
