/// How old the national list of objections may be before nothing is admitted, passed or released any more.
///
/// Times are microseconds since 1970-01-01T00:00:00Z.
public struct NationalListRule: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case fresh
    /// The installation honours what practices and patients say, and has no list.
    case notUsed
    case missing
    case stale(days: Int)
  }

  public static let usualDays = 7

  /// Greatest age; nil: no list is used.
  public let maximumDays: Int?

  public init(maximumDays: Int? = usualDays) { self.maximumDays = maximumDays }

  private static let day: Int64 = 86_400_000_000
  /// Clocks differ; a list drawn further ahead than this is not believed.
  public static let clockSkew: Int64 = 3_600_000_000

  /// - Parameter drawnAt: of the list in force; nil: there is none.
  public func state(drawnAt: Int64?, now: Int64) -> State {
    guard let maximumDays else { return .notUsed }
    // One drawn ahead of time would stay fresh for longer than it is: a clock was wrong.
    guard let drawnAt, drawnAt <= now + Self.clockSkew else { return .missing }
    let age = max(0, now - drawnAt)
    return age > Int64(maximumDays) * Self.day ? .stale(days: Int(age / Self.day)) : .fresh
  }

  /// What an operator reads; nil when nothing is amiss.
  public func fault(drawnAt: Int64?, now: Int64) -> String? {
    switch state(drawnAt: drawnAt, now: now) {
    case .fresh, .notUsed: nil
    case .missing where drawnAt != nil: "the national list of objections is said to be drawn in the future"
    case .missing: "no national list of objections has been loaded yet"
    case .stale(let days):
      "the national list of objections is \(days) days old, the limit is \(maximumDays ?? 0)"
    }
  }

  /// Names which objections are honoured. Two releases of the same records under different regimes would show, one
  /// taken from the other, who objects.
  public var regime: String { maximumDays == nil ? "type-1,type-2" : "type-1,type-2,national-list" }
}
