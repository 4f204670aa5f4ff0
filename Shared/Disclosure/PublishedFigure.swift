import Clinical

/// One published count, with what it counts: whoever attacks knows the definitions.
public struct PublishedFigure: Sendable {
  public struct Name: Hashable, Sendable {
    public let dataset: String
    public let labels: [String]
    public let kind: CountKind

    public init(dataset: String, labels: [String], kind: CountKind) {
      (self.dataset, self.labels, self.kind) = (dataset, labels, kind)
    }
  }

  public enum Value: Hashable, Sendable {
    case label(String)
    /// Ages, for example; figures of other spans overlap it.
    case span(ClosedRange<Int>)
  }

  public let name: Name
  /// Figures of one subject count the same people or events, by place.
  public let subject: String
  /// By dimension; where one is left out, all its values are counted together.
  public let place: [String: Value]
  /// What may stand behind the published count.
  public let possible: PossibleCounts

  public init(_ name: Name, subject: String, place: [String: Value], possible: PossibleCounts) {
    (self.name, self.subject, self.place, self.possible) = (name, subject, place, possible)
  }
}

/// What of a whole is not in a part, at one place: a count like every other, though no row shows it.
public struct PublishedRest: Sendable {
  /// Of the part.
  public let name: PublishedFigure.Name
  public let whole: String
  public let part: String
  public let place: [String: PublishedFigure.Value]
  public let possible: PossibleCounts

  public init(
    _ name: PublishedFigure.Name, of whole: String, without part: String, place: [String: PublishedFigure.Value],
    possible: PossibleCounts
  ) {
    (self.name, self.whole, self.part, self.place, self.possible) = (name, whole, part, place, possible)
  }
}

/// What is known of subjects whatever is published.
public enum SubjectRelation: Hashable, Sendable {
  /// Everything of the whole is in exactly one of the parts.
  case sum(whole: String, parts: [String])
  /// There is at least as much of the one as of the other.
  case atLeast(String, String)
}

/// All that is published of one state of the data.
public struct PublishedState: Sendable {
  public var figures: [PublishedFigure] = []
  public var rests: [PublishedRest] = []
  public var relations: Set<SubjectRelation> = []

  public init() {}

  public mutating func add(_ other: PublishedState) {
    figures += other.figures
    rests += other.rests
    relations.formUnion(other.relations)
  }
}
