/// Replaces the outer layer of tokens: as they would be had they been made under the new key, without knowing of what.
///
/// Not Sendable, as ``AES256Blocks`` is not.
public struct OuterLayer {
  private let former: AES256Blocks
  private let next: AES256Blocks

  public init(from former: SecretKey, to next: SecretKey) throws(CryptographyError) {
    self.former = try AES256Blocks(key: former)
    self.next = try AES256Blocks(key: next)
  }

  /// - Parameter tokens: any number of tokens of 16 bytes, one after the other.
  public func replace(_ tokens: UnsafeMutableRawBufferPointer) {
    former.decrypt(tokens)
    next.encrypt(tokens)
  }

  public func replace(_ token: Token16) -> Token16 { next.encrypt(former.decrypt(token)) }
}
