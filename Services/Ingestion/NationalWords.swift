/// What the national list and the answers of the check service together say of one person: whichever was drawn last
/// counts, in whatever order they come.
///
/// Times are microseconds since 1970-01-01T00:00:00Z.
struct NationalWords {
  struct Word: Equatable {
    let objects: Bool
    let drawnAt: Int64
  }

  enum Outcome: Equatable {
    case objects
    /// Only because of a submission of which the rest is still to come.
    case objectsUntilJudged
    case doesNotObject
  }

  /// Of answers and of the list in force, in the order in which they were judged.
  var judged: [Word]
  /// Of submissions that are not judged yet and name the person as objecting: when they were drawn, at the latest.
  var awaited: [Int64] = []

  /// Of two drawn at one moment the one that was judged later.
  var newest: Word? {
    var newest: Word?
    for word in judged where newest.map({ $0.drawnAt <= word.drawnAt }) ?? true { newest = word }
    return newest
  }

  /// What is not judged yet can only hold back, and only where it may prove to be the newest.
  var outcome: Outcome {
    let newest = newest
    if let newest, newest.objects { return .objects }
    return awaited.contains { $0 >= newest?.drawnAt ?? .min } ? .objectsUntilJudged : .doesNotObject
  }
}
