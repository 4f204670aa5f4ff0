/// Says whether every message sent was settled, once: accepted, rejected, or excluded.
public struct MessageAccount<Place: Hashable> {
  public enum Outcome: Hashable, Sendable {
    case accepted
    /// Put aside by a code, or refused with its extract.
    case rejected(String)
    /// Left out because it may not be collected.
    case excluded
  }

  private var open: Set<Place> = []
  private var settled: [Place: Outcome] = [:]
  public private(set) var counts: [Outcome: Int] = [:]
  private var strange: [String] = []

  public init() {}

  public mutating func sent(_ place: Place) {
    if !open.insert(place).inserted { strange.append("\(place) was sent twice") }
  }

  public mutating func settle(_ place: Place, as outcome: Outcome) {
    if let former = settled[place] {
      strange.append("\(place) was settled as \(former) and as \(outcome)")
    } else if open.remove(place) == nil {
      strange.append("\(place) was settled and never sent")
    } else {
      settled[place] = outcome
      counts[outcome, default: 0] += 1
    }
  }

  public var sentCount: Int { open.count + settled.count }

  /// What is wrong, in words; empty when everything is accounted for.
  public var faults: [String] {
    strange + open.map { "\($0) was sent and not accounted for" }
  }
}

/// Entries of a record, or of all records of an extract: what came must be what was kept and what was not.
public struct EntryAccount: Equatable, Sendable {
  public var received: Int
  public var kept: Int
  /// By reason.
  public var leftOut: Int
  /// Sensitive codes and what is tied to them.
  public var excluded: Int
  /// Of records that were rejected whole.
  public var ofRejected: Int

  public init(received: Int, kept: Int, leftOut: Int, excluded: Int, ofRejected: Int = 0) {
    (self.received, self.kept, self.leftOut, self.excluded, self.ofRejected) =
      (received, kept, leftOut, excluded, ofRejected)
  }

  public var isBalanced: Bool { received == kept + leftOut + excluded + ofRejected }
}
