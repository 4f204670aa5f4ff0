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

/// What is known of subjects whatever is published.
public enum SubjectRelation: Hashable, Sendable {
  /// Everything of the whole is in exactly one of the parts.
  case sum(whole: String, parts: [String])
  /// There is at least as much of the one as of the other.
  case atLeast(String, String)
}

/// All that is published of one state of the data.
public struct PublishedState: Sendable {
  public private(set) var figures: [PublishedFigure] = []
  public private(set) var relations: Set<SubjectRelation> = []

  public init() {}

  public mutating func add(_ figures: [PublishedFigure], _ relations: Set<SubjectRelation>) {
    self.figures += figures
    self.relations.formUnion(relations)
  }
}
