/// What one cell of a dataset counts.
public enum CountKind: String, CaseIterable, Sendable {
  /// People who could have what the cell is about.
  case population
  /// Those of the population who have it.
  case members
  case events
  /// People with one of the events.
  case people
  /// Events that something came after.
  case followed
  /// People with one of the events that something came after.
  case followedPeople = "followed_people"

  /// The people that this counts, or whose events.
  public var carriers: CountKind {
    switch self {
    case .population, .members, .people, .followedPeople: self
    case .events: .people
    case .followed: .followedPeople
    }
  }

  /// Of which this is a part; the rest is a count as well, and can be small.
  public var whole: CountKind? {
    switch self {
    case .members: .population
    case .followed: .events
    case .followedPeople: .people
    case .population, .events, .people: nil
    }
  }

  /// Whether it says that there is something, and not only who could have it.
  var isFinding: Bool { self != .population }
}

/// A true count with what protects it.
public struct CellCount: Equatable, Sendable {
  public var count: Int
  /// People behind it, each once.
  public var people: Int
  /// Sum of the record keys of these people, modulo ``RecordKey/modulus``.
  public var key: Int

  public init(count: Int = 0, people: Int = 0, key: Int = 0) {
    self.count = count
    self.people = people
    self.key = key
  }
}

/// The counts of one cell, before disclosure control.
public struct CellCounts: Equatable, Sendable {
  private var population = CellCount()
  private var members = CellCount()
  private var events = CellCount()
  private var people = CellCount()
  private var followed = CellCount()
  private var followedPeople = CellCount()

  public init() {}

  /// Stored side by side and not in an array: there are millions of cells.
  public subscript(kind: CountKind) -> CellCount {
    get {
      switch kind {
      case .population: population
      case .members: members
      case .events: events
      case .people: people
      case .followed: followed
      case .followedPeople: followedPeople
      }
    }
    set {
      switch kind {
      case .population: population = newValue
      case .members: members = newValue
      case .events: events = newValue
      case .people: people = newValue
      case .followed: followed = newValue
      case .followedPeople: followedPeople = newValue
      }
    }
  }
}
