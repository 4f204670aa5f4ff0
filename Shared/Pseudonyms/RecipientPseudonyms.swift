import Cryptography

/// Names of persons for one recipient and one purpose, in place of person ids.
///
/// A permutation under a key of its own: no two persons share a pseudonym, no two recipients or purposes share
/// anything, and only who holds the root key can turn a pseudonym back. Not Sendable, as ``AES256Blocks`` is not.
public struct RecipientPseudonyms {
  private let permutation: AES256Blocks

  /// - Parameters:
  ///   - root: the secret that every recipient's key is derived from.
  ///   - recipient: and `purpose`: as the agreement with the recipient names them; another spelling is another name.
  /// - Throws: ``PseudonymsError``; `CryptographyError` when libcrypto is broken.
  public init(root: SecretKey, recipient: String, purpose: String) throws {
    for (text, what) in [(recipient, "a recipient"), (purpose, "a purpose")] {
      // Spaces at the ends are not seen, and would make another person's name of every pseudonym.
      guard let first = text.first, let last = text.last, !first.isWhitespace, !last.isWhitespace else {
        throw PseudonymsError("\(what) has a name without spaces at its ends")
      }
    }
    // Each field goes in behind its length, so "A" for "B C" is not "A B" for "C".
    let key = try HKDFSHA256.key(from: root, info: "caredata recipient pseudonym 1", recipient, purpose)
    permutation = try AES256Blocks(key: key)
  }

  public func pseudonym(of person: Token16) -> Token16 { permutation.encrypt(person) }

  /// Of what is no pseudonym, some id that nobody has.
  public func person(of pseudonym: Token16) -> Token16 { permutation.decrypt(pseudonym) }
}

/// Why no pseudonym can be made. Never holds a value, a salt or a key.
public struct PseudonymsError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
