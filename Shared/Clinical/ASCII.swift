/// Calls `body` with the UTF-8 bytes of `text`; copies only a text that is not stored in one piece.
@inlinable
func withUTF8Bytes<Result>(
  of text: some StringProtocol, _ body: (UnsafeBufferPointer<UInt8>) -> Result
) -> Result {
  text.utf8.withContiguousStorageIfAvailable(body) ?? Array(text.utf8).withUnsafeBufferPointer(body)
}

extension UInt8 {
  var isDigit: Bool { self &- 0x30 < 10 }
  var isUpperCaseLetter: Bool { self &- 0x41 < 26 }
  var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
  var isAlphanumeric: Bool { isDigit || isLetter }
  /// Lower-case letters become upper-case, everything else stays.
  var upperCased: UInt8 { self &- 0x61 < 26 ? self & 0xDF : self }
  init(ascii scalar: Unicode.Scalar) { self = UInt8(truncatingIfNeeded: scalar.value) }
}

extension UnsafeBufferPointer<UInt8> {
  /// Without the spaces and tabs at both ends, which fixed-width source systems pad with.
  var trimmed: UnsafeBufferPointer<UInt8> {
    var first = startIndex
    var end = endIndex
    while first < end, self[first] == 0x20 || self[first] == 0x09 { first += 1 }
    while end > first, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
    return UnsafeBufferPointer(rebasing: self[first..<end])
  }

  /// The number that the digits from `start` up to `end` write, nil if one is not a digit. At most 18 digits.
  func number(_ start: Int, _ end: Int) -> Int? {
    var number = 0
    for index in start..<end {
      guard self[index].isDigit else { return nil }
      number = number &* 10 &+ Int(self[index] &- 0x30)
    }
    return number
  }
}

/// Up to eight ASCII characters in one word, first character in the highest byte, so that words sort as their texts.
@usableFromInline
struct ShortText: Hashable, Comparable, Sendable {
  @usableFromInline let word: UInt64

  init(word: UInt64) { self.word = word }

  /// - Precondition: at most eight bytes, none of them zero.
  init(_ bytes: some Collection<UInt8>) {
    var word: UInt64 = 0
    for byte in bytes { word = word << 8 | UInt64(byte) }
    self.word = bytes.isEmpty ? 0 : word << (8 * UInt64(8 - bytes.count))
  }

  var count: Int { 8 - word.trailingZeroBitCount / 8 }

  subscript(index: Int) -> UInt8 { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64(index))) }

  func prefix(_ length: Int) -> ShortText {
    length >= 8 ? self : ShortText(word: word & ~(UInt64.max >> (8 * UInt64(length))))
  }

  var text: String {
    let count = count
    return String(unsafeUninitializedCapacity: 8) { buffer in
      for index in 0..<count { buffer[index] = self[index] }
      return count
    }
  }

  @usableFromInline
  static func < (left: ShortText, right: ShortText) -> Bool { left.word < right.word }
}
