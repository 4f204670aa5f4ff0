/// SNOMED CT identifiers: 6 to 18 digits, the last a Verhoeff check digit, the two before it the partition.
enum SNOMEDIdentifier {
  /// The identifier as a number; partitions 00 (short format) and 10 (with namespace) are concepts.
  static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Result<UInt64, ClinicalCode.Fault> {
    guard let number = text.count <= 18 ? text.number(0, text.count) : 0 else { return .failure(.characters) }
    guard 6...18 ~= text.count else { return .failure(.length) }
    guard text[0] != UInt8(ascii: "0") else { return .failure(.characters) }
    guard hasCheckDigit(text) else { return .failure(.checkDigit) }
    let partition = number / 10 % 100
    guard partition == 0 || partition == 10 else { return .failure(.partition) }
    // The long format has at least one digit of item, seven of namespace, two of partition and the check digit.
    guard partition == 0 || text.count >= 11 else { return .failure(.length) }
    return .success(UInt64(number))
  }

  private static func hasCheckDigit(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var check = 0
    for position in 0..<text.count {
      let digit = Int(text[text.count - 1 - position] & 0x0F)
      check = Int(product[check * 10 + Int(permutation[position % 8 * 10 + digit])])
    }
    return check == 0
  }

  /// Multiplication in the dihedral group D5, row by row.
  private static let product: [UInt8] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    1, 2, 3, 4, 0, 6, 7, 8, 9, 5,
    2, 3, 4, 0, 1, 7, 8, 9, 5, 6,
    3, 4, 0, 1, 2, 8, 9, 5, 6, 7,
    4, 0, 1, 2, 3, 9, 5, 6, 7, 8,
    5, 9, 8, 7, 6, 0, 4, 3, 2, 1,
    6, 5, 9, 8, 7, 1, 0, 4, 3, 2,
    7, 6, 5, 9, 8, 2, 1, 0, 4, 3,
    8, 7, 6, 5, 9, 3, 2, 1, 0, 4,
    9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
  ]

  /// Verhoeff's permutation, applied once more for each place from the right, row by row.
  private static let permutation: [UInt8] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    1, 5, 7, 6, 2, 8, 3, 0, 9, 4,
    5, 8, 0, 3, 7, 9, 6, 1, 4, 2,
    8, 9, 1, 6, 0, 4, 3, 5, 2, 7,
    9, 4, 5, 3, 1, 2, 6, 8, 7, 0,
    4, 2, 8, 6, 5, 7, 3, 9, 0, 1,
    2, 7, 9, 3, 8, 0, 6, 4, 1, 5,
    7, 0, 4, 6, 9, 1, 3, 2, 5, 8,
  ]
}
