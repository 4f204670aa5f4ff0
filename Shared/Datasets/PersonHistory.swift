import Clinical
import Contracts
import Cryptography

/// The live records of one person, as publication keeps them. Days count from 1970-01-01.
public struct PersonHistory: Sendable {
  /// Stands for "no date": below every day, so that "undated or not after X" is one comparison.
  public static let undated = Int32.min

  public struct Record: Sendable {
    public var id: Token16
    public var source: Source
    /// Numbers in ``Names``.
    public var organisation: Int32
    public var period: Period
    /// Of the link to the person; 1 the surest, 0 where nothing says that the record is theirs.
    public var rank: Int16
    /// 0: unknown.
    public var yearOfBirth: Int16
    /// 0 not known, 1 male, 2 female, 9 not specified.
    public var sex: Int16
    /// Numbers in ``Names``; ``Names/empty``: none.
    public var practice: Int32
    public var area: Int32
    public var ethnicCategory: Int32
    public var commissioner: Int32
    public var registeredFrom: Int32?
    public var registeredTo: Int32?
    /// Places in ``PersonHistory/entries``.
    public var entries: Range<Int>

    public init(id: Token16, source: Source, organisation: Int32, period: Period) {
      (self.id, self.source, self.organisation, self.period) = (id, source, organisation, period)
      (rank, yearOfBirth, sex) = (0, 0, 0)
      (practice, area, ethnicCategory, commissioner) = (Names.empty, Names.empty, Names.empty, Names.empty)
      entries = 0..<0
    }
  }

  public struct Entry: Sendable {
    public var system: CodeSystem
    /// Of a clinical code its number in ``CodeTests``, of others their characters (``packed(_:)``).
    public var code: UInt64
    public var day: Int32
    public var endDay: Int32
    /// Entries of one episode or contact share it; 0: none.
    public var encounter: Int32
    public var position: Int32
    /// Whether the days are the first of their month, which is all that is known.
    public var isMonthOnly: Bool

    public init(
      system: CodeSystem, code: UInt64, day: Int32, endDay: Int32 = undated, encounter: Int32 = 0, position: Int32 = 0,
      isMonthOnly: Bool = false
    ) {
      (self.system, self.code, self.day, self.endDay) = (system, code, day, endDay)
      (self.encounter, self.position, self.isMonthOnly) = (encounter, position, isMonthOnly)
    }
  }

  public var id: Token16
  public var records: [Record] = []
  public var entries: [Entry] = []

  public init(id: Token16) { self.id = id }

  /// Up to eight characters as one number.
  public static func packed(_ code: some Sequence<UInt8>) -> UInt64 { code.reduce(0) { $0 << 8 | UInt64($1) } }
}

/// Texts by numbers, so that cells are keyed by numbers.
public struct Names: Sendable {
  public static let empty: Int32 = 0

  private var texts: [String] = [""]
  private var numbers: [String: Int32] = ["": empty]

  public init() {}

  public mutating func number(_ text: String) -> Int32 {
    if let number = numbers[text] { return number }
    let number = Int32(texts.count)
    texts.append(text)
    numbers[text] = number
    return number
  }

  public func known(_ text: String) -> Int32? { numbers[text] }

  public subscript(number: Int32) -> String { texts[Int(number)] }

  public var count: Int { texts.count }
}
