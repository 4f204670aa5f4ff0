import Cryptography

/// Who is found by a token.
public enum Holder: Hashable, Sendable {
  /// All combinations with this number of which it is trusted; see ``Combination/place``.
  case number(UInt64)
  /// One that has no number, or none that is trusted. Of a person's id: one of the person's.
  case combination(Int64)

  /// One number for either: negative that of a combination.
  public var stored: Int64 {
    switch self {
    case .number(let place): Int64(place)
    case .combination(let id): -id
    }
  }

  public init(stored: Int64) { self = stored < 0 ? .combination(-stored) : .number(UInt64(stored)) }
}

/// One way to find combinations: by the first bytes of a token. Tokens are the keys that linkage compares, those under which
/// objections come, and person ids.
///
/// Who has a number that is trusted is found by the number, since all combinations with it are looked at anyway: of a person
/// seen many times each key is stored once.
public struct LookupEntry: Hashable, Sendable {
  public let token: UInt64
  public let holder: Holder

  public init(token: UInt64, holder: Holder) {
    self.token = token
    self.holder = holder
  }
}

extension Combination {
  /// Every entry by which it is found, but for the person's; one may come twice.
  ///
  /// - Parameters:
  ///   - id: its own.
  ///   - isTrusted: see ``Linker/isTrusted``.
  public func eachEntry(id: Int64, isTrusted: Bool, _ body: (LookupEntry) -> Void) {
    let holder = if isTrusted, let place { Holder.number(place) } else { Holder.combination(id) }
    for key in keys(isTrusted: isTrusted) { body(LookupEntry(token: key, holder: holder)) }
    body(LookupEntry(token: withdrawal.high, holder: holder))
  }
}
