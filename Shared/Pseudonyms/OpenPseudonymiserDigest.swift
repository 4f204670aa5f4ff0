import Cryptography

/// The digest that OpenPseudonymiser makes, for exchange with those who use it: the values of the fields in alphabetical
/// order of their names, without spaces, tabs and line ends, the salt behind them; SHA-256 in upper-case hexadecimal.
///
/// It is weaker than everything else here, and for interchange only. Nothing separates the fields, so 1 and 23 give what
/// 12 and 3 give. It is no keyed code, and there are only 10⁹ NHS numbers: who has the salt can try them all, and everybody
/// who makes digests under one salt can join them. Dates written otherwise give other digests.
///
/// The programs for .NET and Java sort names differently once they begin with the same letters in different case; here
/// the order is that of .NET, and names that differ in nothing but case are refused. So is a salt with spaces at its ends,
/// which Java cuts off and .NET does not. Not Sendable: it reuses its memory.
public final class OpenPseudonymiserDigest {
  private let salt: [UInt8]
  /// Places in the list of values, in the order of the names.
  private let order: [Int]
  private let hasher = SHA256Hasher()
  private var text: [UInt8] = []

  /// - Parameter fields: names of what ``digest(_:)`` is given, in that order: ASCII letters, digits and underscores.
  /// - Throws: ``PseudonymsError``.
  public init(fields: [String], salt: String?) throws(PseudonymsError) {
    guard let salt, let first = salt.first, let last = salt.last else { throw PseudonymsError("the salt is blank") }
    guard !first.isWhitespace, !last.isWhitespace else {
      throw PseudonymsError("the salt begins or ends with a space, which not every program counts")
    }
    guard !fields.isEmpty else { throw PseudonymsError("a digest needs a field") }
    let keys = try fields.map { (name) throws(PseudonymsError) in try Self.key(name) }
    guard Set(keys).count == keys.count else {
      throw PseudonymsError("two fields have one name, or names that differ in case only")
    }
    self.salt = Array(salt.utf8)
    order = keys.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }
  }

  /// 64 upper-case hexadecimal digits.
  ///
  /// - Parameter values: as many as there are fields.
  /// - Throws: ``PseudonymsError`` when one is blank: what is left may be one that many share, such as a date of birth.
  public func digest(_ values: [String]) throws(PseudonymsError) -> String {
    precondition(values.count == order.count, "not one value for each field")
    text.removeAll(keepingCapacity: true)
    for place in order {
      let start = text.count
      for byte in values[place].utf8 where !Self.isBlank(byte) { text.append(byte) }
      guard text.count > start else { throw PseudonymsError("a field is blank") }
    }
    hasher.update(text)
    hasher.update(salt)
    return hexadecimal(hasher.finish()).uppercased()
  }

  /// The four that OpenPseudonymiser strips; no other kind of space.
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }

  /// Sorts as .NET sorts the name: without regard to case, an underscore before digits, digits before letters.
  private static func key(_ name: String) throws(PseudonymsError) -> [UInt8] {
    var key: [UInt8] = []
    for byte in name.utf8 {
      switch byte {
      case 0x5F: key.append(0)
      case 0x30...0x39, 0x61...0x7A: key.append(byte)
      case 0x41...0x5A: key.append(byte | 0x20)
      default: throw PseudonymsError("a field's name is of letters, digits and underscores")
      }
    }
    guard !key.isEmpty else { throw PseudonymsError("a field has no name") }
    return key
  }
}
