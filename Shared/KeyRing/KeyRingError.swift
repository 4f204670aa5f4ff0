/// Why keys cannot be used. Never holds key material.
public struct KeyRingError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// Missing, unreadable, open to others, or no key ring.
    case file
    /// No passphrase and no key to open the ring with, or more than one.
    case unlocking
    /// The passphrase or key is not the one that the ring was made with, or the ring was changed by other hands.
    case wrongPassphrase
    /// The ring holds no usable key of a purpose.
    case missingKey
    /// What was asked for is not done: another one is in its place, or is still needed.
    case refused
  }

  public let code: Code
  public let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
