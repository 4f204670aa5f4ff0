/// 16 random letters, 64 bits. Digits would now and then be ten in a row with a right check digit, and an id that looks
/// like an NHS number is refused.
public func randomName() -> String {
  String(
    hexadecimal(randomBytes(8)).utf8.map { byte in
      // 0 to 9 become g to p.
      Character(UnicodeScalar(byte <= 0x39 ? byte - 0x30 + 0x67 : byte))
    })
}
