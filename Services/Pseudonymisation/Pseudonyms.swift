import Clinical
import Contracts
import Cryptography
import KeyRing
import StageKit

/// Names of a person that only this stage can make, for linkage to compare.
///
/// Two layers. Inside: HMAC-SHA256 of the number, and AES-256 of one block per pass key, under keys derived from the root
/// of tokens, which never changes. Outside: AES-256 under the linkage key, which can be replaced by whoever holds both
/// versions, without an identity at hand.
struct Pseudonyms {
  /// Of the linkage key that tokens are made under.
  let linkageVersion: Int

  private let numbers: HMACSHA256
  private let passes: AES256Blocks
  private let linkage: AES256Blocks
  private let withdrawal: WithdrawalTokens

  init(
    root: SecretKey, linkage: SecretKey, linkageVersion: Int = 1, routing: [Int: SecretKey]
  ) throws(CryptographyError) {
    numbers = try HMACSHA256(key: try HKDFSHA256.key(from: root, info: "number tokens"))
    passes = try AES256Blocks(key: try HKDFSHA256.key(from: root, info: "pass keys"))
    self.linkage = try AES256Blocks(key: linkage)
    self.linkageVersion = linkageVersion
    withdrawal = try WithdrawalTokens(root: root, routing: routing)
  }

  init(_ keys: StageKeys) throws {
    self = try StageKeys.orStop {
      let linkage = try keys.ring.active(.linkage)
      let shared = try keys.exported(by: .ingestion)
        .shared(.routing, opening: try keys.ring.privateKeys(.identity))
      return try Pseudonyms(
        root: try keys.ring.active(.tokens).secret, linkage: linkage.secret, linkageVersion: linkage.version,
        routing: Dictionary(shared.map { ($0.version, $0.secret) }) { first, _ in first })
    }
  }

  /// - Returns: nil where the routing key of that version is not known.
  func withdrawalToken(_ routingToken: UnsafeRawBufferPointer, routingVersion: Int) -> Token16? {
    Token16(bytes: routingToken).flatMap { withdrawal.token(routingToken: $0, version: routingVersion) }
  }

  /// Writes the tokens of one person: 16 bytes each of the number and of every pass key, all of them permuted in two
  /// calls. Keeps its memory.
  struct Blocks {
    fileprivate(set) var bytes: [UInt8] = []
    fileprivate(set) var hasNumber = false
    /// In the order of their blocks behind the number.
    fileprivate(set) var passes: [PassKey] = []

    /// `nil` without a valid number.
    var number: ArraySlice<UInt8>? { hasNumber ? bytes.prefix(PassKey.length) : nil }

    /// `nil` where the pass has no key.
    subscript(pass: PassKey) -> ArraySlice<UInt8>? {
      guard let place = passes.firstIndex(of: pass) else { return nil }
      let start = (place + (hasNumber ? 1 : 0)) * PassKey.length
      return bytes[start..<(start + PassKey.length)]
    }
  }

  func write(_ identity: IdentitySection, to blocks: inout Blocks) {
    blocks.bytes.removeAll(keepingCapacity: true)
    blocks.passes.removeAll(keepingCapacity: true)
    blocks.hasNumber = !identity.nhsNumber.isEmpty
    if blocks.hasNumber {
      numbers.token { $0.append(identity.nhsNumber) }.withUnsafeBytes { blocks.bytes.append(contentsOf: $0) }
    }
    let start = blocks.bytes.count
    if let block = PassKey.demographics.block(identity) {
      blocks.passes.append(.demographics)
      blocks.bytes.append(contentsOf: block)
    }
    blocks.bytes.withUnsafeMutableBytes { bytes in
      passes.encrypt(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
      linkage.encrypt(bytes)
    }
  }

  static func attributes(_ identity: IdentitySection) -> AttributesSection {
    AttributesSection.with {
      if identity.hasBirthDay { $0.yearOfBirth = UInt32(CalendarDate(day: identity.birthDay).year) }
      $0.sex = identity.sex
      $0.practice = identity.practice
      $0.area = String(identity.postcode.prefix { $0 != " " })
      $0.ethnicCategory = identity.ethnicCategory
    }
  }
}
