import Clinical

/// The random number between 0 and 255 that a person has for ever; the sum over a cell's people is the cell's key.
public enum RecordKey {
  public static let modulus = 256
}

/// How much a cell of a count and a key is changed: the `ptable` of the cell-key method of the Office for National
/// Statistics, with columns `pcv`, `ckey` and `pvalue`.
///
/// The same cell has the same key in whatever table it stands, so it is always changed alike; keys add up and can be
/// taken off again as people come and go. A cell of nobody stays 0.
public struct PerturbationTable: Equatable, Sendable {
  /// Counts beyond the table come back to its last part: ((count − 1) mod 250) + 501.
  public static let greatest = 750

  /// By pcv − 1 and key.
  private let values: [Int]
  /// Published counts below it are left out.
  public let threshold: Int
  /// The least and the greatest change.
  public let changes: ClosedRange<Int>

  public enum Fault: Error, Equatable, CustomStringConvertible {
    case header([String])
    case row(Int)
    case missing(pcv: Int, key: Int)
    case repeated(pcv: Int, key: Int)

    public var description: String {
      switch self {
      case .header(let names): "the header is \(names.joined(separator: ",")); pcv,ckey,pvalue is expected"
      case .row(let line): "line \(line) is not three whole numbers within the table's bounds"
      case .missing(let pcv, let key): "there is no row for pcv \(pcv), ckey \(key)"
      case .repeated(let pcv, let key): "pcv \(pcv), ckey \(key) stands there twice"
      }
    }
  }

  /// - Parameter csv: a header and a row for each count from 1 to 750 and each key from 0 to 255, in any order.
  public init(csv: String, threshold: Int) throws(Fault) {
    let keys = RecordKey.modulus
    var values = [Int?](repeating: nil, count: Self.greatest * keys)
    var lines = csv.split(separator: "\n", omittingEmptySubsequences: true).makeIterator()
    let header = (lines.next() ?? "").split(separator: ",").map { $0.filter { !"\"\r ".contains($0) } }
    guard let pcv = header.firstIndex(of: "pcv"), let key = header.firstIndex(of: "ckey"),
      let value = header.firstIndex(of: "pvalue")
    else { throw .header(header) }
    var line = 1
    while let row = lines.next() {
      line += 1
      let numbers = row.split(separator: ",").map { Int($0.filter { !"\"\r ".contains($0) }) }
      guard numbers.count == header.count, let count = numbers[pcv], let cellKey = numbers[key],
        let change = numbers[value], 1...Self.greatest ~= count, 0..<keys ~= cellKey, count + change >= 0
      else { throw .row(line) }
      let place = (count - 1) * keys + cellKey
      guard values[place] == nil else { throw .repeated(pcv: count, key: cellKey) }
      values[place] = change
    }
    if let place = values.firstIndex(of: nil) { throw .missing(pcv: place / keys + 1, key: place % keys) }
    self.values = values.map { $0! }
    self.threshold = threshold
    changes = self.values.min()!...self.values.max()!
  }

  func publish(_ cell: CellCount) -> PublishedCount {
    if cell.count == 0 { return .count(0) }
    if cell.people < threshold { return .suppressed }
    let pcv = cell.count <= Self.greatest ? cell.count : (cell.count - 1) % 250 + 501
    let shown = cell.count + values[(pcv - 1) * RecordKey.modulus + cell.key % RecordKey.modulus]
    return shown > 0 && shown < threshold ? .suppressed : .count(shown)
  }

  func possible(_ published: PublishedCount) -> ClosedRange<Int> {
    Self.possible(published, threshold: threshold, changes: changes)
  }

  /// What may stand behind a count that any table with these bounds has changed.
  public static func possible(
    _ published: PublishedCount, threshold: Int, changes: ClosedRange<Int>
  ) -> ClosedRange<Int> {
    switch published {
    case .suppressed: 1...max(1, threshold - 1 - min(0, changes.lowerBound))
    case .count(let shown):
      max(shown == 0 ? 0 : 1, shown - changes.upperBound)...max(0, shown - changes.lowerBound)
    }
  }
}
