/// What linkage compares of a set of records, or of the distinct identities among them: tokens, and where they come from.
///
/// A token is held by its first eight bytes. Among 10^8 tokens two different ones agree in these with probability 0.0003.
public struct LinkNodes: Sendable {
  public enum Source: UInt8, Sendable {
    case gp = 1
    case hospital
    case community
  }

  public enum Birth: UInt8, Sendable {
    /// Missing, or a date that systems write for it.
    case unknown
    /// May stand for a known year: a true birth on 1 January has to be treated alike.
    case firstOfJanuary
    case known
  }

  public private(set) var count = 0
  /// 0: none that is valid.
  private(set) var numbers: [UInt64] = []
  private(set) var births: [Birth] = []
  private(set) var sources: [Source?] = []
  /// One place for each pass key of each node; 0: there is none.
  private var keys: [UInt64] = []
  /// Keys of ``PassKey/numberBirthSex`` that are guesses at a number.
  private(set) var guesses: [(node: Int32, key: UInt64)] = []

  public init() {}

  public mutating func reserve(_ count: Int) {
    numbers.reserveCapacity(count)
    births.reserveCapacity(count)
    sources.reserveCapacity(count)
    keys.reserveCapacity(count * Self.places)
  }

  /// Appends a node without keys.
  ///
  /// - Parameters:
  ///   - number: first bytes of the number's token.
  ///   - source: nil where it is not known.
  /// - Returns: its place.
  @discardableResult
  public mutating func add(number: UInt64?, birth: Birth, source: Source?) -> Int {
    numbers.append(number ?? 0)
    births.append(birth)
    sources.append(source)
    keys.append(contentsOf: repeatElement(0, count: Self.places))
    count += 1
    return count - 1
  }

  /// Of the node added last.
  public mutating func set(_ pass: PassKey, _ key: UInt64) {
    if pass == .numberBirthSex, numbers[count - 1] == 0 { return guesses.append((Int32(count - 1), key)) }
    keys[keys.count - Self.places + Int(pass.rawValue) - 1] = key
  }

  func key(_ node: Int, _ pass: PassKey) -> UInt64 { keys[node * Self.places + Int(pass.rawValue) - 1] }

  private static let places = PassKey.allCases.count
}
