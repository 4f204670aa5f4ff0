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
  /// By pass key, since a step goes through all nodes with few keys: the key of each node up to the last that has one;
  /// 0: it has none.
  private var keys = [[UInt64]](repeating: [], count: places)
  /// Keys of ``PassKey/numberBirthSex`` that are guesses at a number.
  private(set) var guesses: [(node: Int32, key: UInt64)] = []

  public init() {}

  public mutating func reserve(_ count: Int) {
    numbers.reserveCapacity(count)
    births.reserveCapacity(count)
    sources.reserveCapacity(count)
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
    count += 1
    return count - 1
  }

  /// Of the node added last.
  public mutating func set(_ pass: PassKey, _ key: UInt64) {
    if pass == .numberBirthSex, numbers[count - 1] == 0 { return guesses.append((Int32(count - 1), key)) }
    let place = Int(pass.rawValue) - 1
    let missing = count - keys[place].count
    if missing > 1 { keys[place].append(contentsOf: repeatElement(0, count: missing - 1)) }
    if missing > 0 { keys[place].append(key) } else { keys[place][count - 1] = key }
  }

  func key(_ node: Int, _ pass: PassKey) -> UInt64 {
    let place = Int(pass.rawValue) - 1
    return node < keys[place].count ? keys[place][node] : 0
  }

  private static let places = PassKey.allCases.count
}
