import Cryptography

/// One key as its ring's file has it: everything but the secret in the open.
public struct KeyEntry: Codable, Equatable, Sendable {
  public let purpose: KeyPurpose
  /// 1, 2, … of the purpose.
  public let version: Int
  public let algorithm: KeyAlgorithm
  /// 8 hexadecimal digits: of a digest of the public key, or of a keyed digest where there is none.
  public let id: String
  /// ISO 8601, UTC.
  public let created: String
  public internal(set) var state: KeyState
  /// 64 hexadecimal digits; only of key agreement.
  public let publicKey: String?
  /// The secret, encrypted under the ring's passphrase or key: hexadecimal; nil once it is destroyed.
  var wrapped: String?

  /// What is bound to the wrapped secret, so that no entry can be passed off as another, or as in another state.
  func associated(_ service: KeyService) -> [UInt8] {
    [
      "caredata key ring 1", service.rawValue, purpose.rawValue, "\(version)", algorithm.rawValue, id, created,
      state.rawValue, publicKey ?? "",
    ].flatMap { text in withUnsafeBytes(of: UInt32(text.utf8.count).bigEndian) { Array($0) } + Array(text.utf8) }
  }
}

/// A key with its secret. Printing shows nothing of that.
public struct HeldKey {
  public let entry: KeyEntry
  public let secret: SecretKey

  public var id: KeyID { KeyID(entry.id)! }
  public var version: Int { entry.version }

  /// Of an entry for key agreement.
  public func privateKey() throws(CryptographyError) -> X25519PrivateKey { try X25519PrivateKey(secret: secret) }

  static func id(of secret: SecretKey, _ algorithm: KeyAlgorithm) throws(CryptographyError) -> (KeyID, String?) {
    if algorithm == .x25519 {
      let key = try X25519PrivateKey(secret: secret).publicKey
      return (key.id, hexadecimal(key.bytes))
    }
    return (KeyID(digestOf: try HMACSHA256(key: secret).authenticationCode(of: Array("caredata key id".utf8))), nil)
  }
}
