/// The grammar of single values of an extract, over bytes.
enum FieldParsing {
  /// A whole number of at most nine digits; nil for anything else.
  static func wholeNumber(_ bytes: UnsafeRawBufferPointer) -> UInt32? {
    guard (1...9).contains(bytes.count) else { return nil }
    var result: UInt32 = 0
    for byte in bytes {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      result = result * 10 + UInt32(digit)
    }
    return result
  }

  /// A decimal number: optional sign, digits, optional point and digits. Nil for anything else: `120/80`, `<5`, `5,6`,
  /// `1e3`, `nan` are text, and text does not travel. Nor do numbers of more than seven digits before the point: they are
  /// no measurements, but could be NHS numbers or dates of birth.
  static func decimal(_ bytes: UnsafeRawBufferPointer) -> Double? {
    var rest = bytes[...]
    var negative = false
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      negative = sign == UInt8(ascii: "-")
      rest = rest.dropFirst()
    }
    var mantissa: UInt64 = 0
    var digits = 0
    var decimals = 0
    var point = false
    for byte in rest {
      if byte == UInt8(ascii: "."), !point {
        point = true
        continue
      }
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10, digits < maximumDigits else { return nil }
      mantissa = mantissa * 10 + UInt64(digit)
      digits += 1
      if point { decimals += 1 }
    }
    guard (1...7).contains(digits - decimals), !point || decimals > 0 else { return nil }
    // Below 2^53 and 10^22 both operands are exact, so the quotient is the correctly rounded value.
    let magnitude = Double(mantissa) / powersOfTen[decimals]
    return negative ? -magnitude : magnitude
  }

  private static let maximumDigits = 15
  private static let powersOfTen = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
  ]
}
