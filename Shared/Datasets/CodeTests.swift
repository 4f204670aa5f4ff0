import Clinical

/// Which of the plan's code lists a code is in.
public struct TestSet: Equatable, Sendable {
  public static let capacity = 256
  private var words: SIMD4<UInt64> = .zero

  public init() {}

  public func contains(_ test: Int) -> Bool { words[test >> 6] & (1 << UInt64(test & 63)) != 0 }

  public mutating func insert(_ test: Int) { words[test >> 6] |= 1 << UInt64(test & 63) }

  public mutating func formUnion(_ other: TestSet) { words |= other.words }

  public var isEmpty: Bool { words == .zero }
}

/// All code lists of the datasets that are computed together, asked once for each different code.
public struct CodeTests: Sendable {
  private var lists: [CodeSet] = []
  private var numbersOfLists: [CodeSet: Int] = [:]
  private var numbers: [ClinicalCode: UInt64] = [:]
  /// Number 0 is ``nothing``.
  private var tests: [TestSet] = [TestSet()]
  /// Of what is no code.
  public static let nothing: UInt64 = 0

  public struct TooMany: Error, CustomStringConvertible {
    public let description = "the datasets computed together use more than \(TestSet.capacity) code lists"
  }

  public init() {}

  /// The number of a list. All lists must be there before the first code is asked about.
  public mutating func test(_ codes: CodeSet) throws(TooMany) -> Int {
    precondition(numbers.isEmpty, "a code list added after the first code")
    if let number = numbersOfLists[codes] { return number }
    guard lists.count < TestSet.capacity else { throw TooMany() }
    lists.append(codes)
    numbersOfLists[codes] = lists.count - 1
    return lists.count - 1
  }

  /// A number for the code, the same each time.
  public mutating func number(_ code: ClinicalCode) -> UInt64 {
    if let number = numbers[code] { return number }
    var set = TestSet()
    for (test, list) in lists.enumerated() where list.contains(code) { set.insert(test) }
    let number = UInt64(tests.count)
    tests.append(set)
    numbers[code] = number
    return number
  }

  public subscript(number: UInt64) -> TestSet { tests[Int(number)] }
}
