import Contracts

/// What records of one person have in common besides a number, one kind for each pass of linkage.
///
/// Each is one block of 16 bytes: the pass, then its fields at fixed places, so that no two passes and no two splits of
/// fields collide. No field of low entropy stands alone: what could be told from how often it comes is no pass key.
public enum PassKey: UInt8, CaseIterable, Sendable {
  /// Date of birth, sex and postcode.
  case demographics = 1

  public static let length = 16

  /// Appends the block of this pass, without making anything else on the way.
  ///
  /// - Returns: false, and nothing is appended, unless every field is known and of use.
  func append(_ identity: IdentitySection, to blocks: inout [UInt8]) -> Bool {
    switch self {
    case .demographics:
      guard identity.hasBirthDay, identity.sex == 1 || identity.sex == 2, !identity.postcode.hasPrefix("ZZ99") else {
        return false
      }
      let start = blocks.count
      blocks.append(rawValue)
      withUnsafeBytes(of: identity.birthDay.bigEndian) { blocks.append(contentsOf: $0) }
      blocks.append(UInt8(identity.sex))
      let fields = blocks.count
      for byte in identity.postcode.utf8 where byte != 0x20 { blocks.append(byte) }
      guard 5...7 ~= blocks.count - fields else {
        blocks.removeSubrange(start...)
        return false
      }
      while blocks.count < start + Self.length { blocks.append(0) }
      return true
    }
  }
}
