/// What the answer of the national check service says: of the numbers asked for, those that are missing in it object.
///
/// The answer is a set, in whatever order and however often a number stands in it. A number in it that nobody asked for
/// means that it answers another question: then nothing follows from it.
enum ObjectionCheck {
  struct Outcome: Equatable {
    /// Asked and not in the answer, in order.
    var dissents: [ListedNumber]
    /// In the answer, in order.
    var withdrawn: [ListedNumber]
  }

  enum Refusal: Error, Equatable {
    case nothingAsked
    /// The line of the reply, from 1.
    case notAsked(line: Int)
    case tooMany(objecting: Int, asked: Int)
    /// The service answers a request with malformed numbers by a single line that says so.
    case requestRefused

    var text: String {
      switch self {
      case .nothingAsked: "the request asks for nobody"
      case .notAsked(let line):
        "line \(line) of the reply is a number that the request does not have: it answers another request"
      case .tooMany(let objecting, let asked):
        "\(objecting) of \(asked) people would object: the reply may have been cut short. If it is right, --confirm"
      case .requestRefused:
        "the reply is the single line by which the service refuses a request with malformed numbers; mend the request"
      }
    }
  }

  /// In England about one person in thirty objects: when more than half of so many do, the answer is rather incomplete,
  /// and what is erased for it would not come back by itself.
  static let fewestToWonder = 20

  /// - Parameters:
  ///   - request: at least one number.
  ///   - reply: as read, so that a line can be named.
  static func outcome(
    request: [ListedNumber], reply: [ListedNumber], isConfirmed: Bool = false
  ) throws(Refusal) -> Outcome {
    let asked = request.distinct
    guard !asked.isEmpty else { throw .nothingAsked }
    for (place, number) in reply.enumerated() where !asked.holds(number) { throw .notAsked(line: place + 1) }
    let remaining = reply.distinct
    let dissents = asked.filter { !remaining.holds($0) }
    if !isConfirmed, asked.count >= fewestToWonder, dissents.count * 2 > asked.count {
      throw .tooMany(objecting: dissents.count, asked: asked.count)
    }
    return Outcome(dissents: dissents, withdrawn: remaining)
  }

  /// Whether a reply that cannot be read is the service's refusal: one line of something else than a number.
  static func isRefusal(_ reply: [UInt8]) -> Bool {
    guard reply.count <= longestRefusal, let first = reply.first, ListedNumber.digit(first) == nil else { return false }
    return !reply.dropLast().contains(UInt8(ascii: "\n"))
  }

  private static let longestRefusal = 1000

  /// Played by `check answer`: the request without who is on the list, in the order asked.
  static func answer(request: [ListedNumber], list: [ListedNumber]) -> [ListedNumber] {
    let listed = list.distinct
    return request.filter { !listed.holds($0) }
  }
}
