import Contracts

/// What records of one person have in common besides a number, one kind for each pass of linkage.
///
/// Each is one block of 16 bytes: the pass, then its fields at fixed places, so that no two passes and no two splits of
/// fields collide. No field of low entropy stands alone: what could be told from how often it comes is no pass key.
enum PassKey: UInt8 {
  /// Date of birth, sex and postcode.
  case demographics = 1

  static let length = 16

  /// - Returns: nil unless every field is known and of use.
  func block(_ identity: IdentitySection) -> [UInt8]? {
    switch self {
    case .demographics:
      guard identity.hasBirthDay, identity.sex == 1 || identity.sex == 2, !identity.postcode.hasPrefix("ZZ99") else {
        return nil
      }
      let postcode = identity.postcode.utf8.filter { $0 != 0x20 }
      guard 5...7 ~= postcode.count else { return nil }
      let day = withUnsafeBytes(of: identity.birthDay.bigEndian) { Array($0) }
      return Self.padded([rawValue] + day + [UInt8(identity.sex)] + postcode)
    }
  }

  private static func padded(_ fields: [UInt8]) -> [UInt8] {
    fields + [UInt8](repeating: 0, count: length - fields.count)
  }
}
