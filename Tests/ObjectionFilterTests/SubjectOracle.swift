import Contracts
import Cryptography

@testable import ObjectionFilter

/// SplitMix64: the same sequence for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// What comes to one routing token, in the order of the partition.
enum StreamEvent: Equatable {
  case statement(Statement)
  case record(source: Source, stamp: Int64)
}

/// The rule once more, told from the whole history and without any state: slow and plain.
struct SubjectOracle {
  var history: [StreamEvent] = []

  /// Statements in force after the first `count` events: per origin and type the one stamped highest.
  private func spoken(_ type: ObjectionType, after count: Int) -> [Statement] {
    let all = history.prefix(count).compactMap { event -> Statement? in
      if case .statement(let statement) = event, statement.type == type { statement } else { nil }
    }
    return all.filter { one in !all.contains { $0.origin == one.origin && $0.stamp > one.stamp } && !one.isRetracted }
  }

  func isDissent(_ type: ObjectionType, after count: Int) -> Bool {
    let spoken = spoken(type, after: count)
    if spoken.contains(where: { $0.day == nil && $0.decision == .dissent }) { return true }
    guard let newest = spoken.compactMap(\.day).max() else { return false }
    return spoken.contains { $0.day == newest && $0.decision == .dissent }
  }

  /// Whether a statement said more than its origin had said before.
  private func isNews(at index: Int) -> Bool {
    guard case .statement(let new) = history[index] else { return false }
    return !history.prefix(index).contains {
      if case .statement(let old) = $0 {
        old.origin == new.origin && old.type == new.type && old.stamp >= new.stamp
      } else {
        false
      }
    }
  }

  /// The highest stamp up to which records are erased: by each dissent, and by what ended the objection.
  func erased(_ type: ObjectionType) -> Int64 {
    var erased: Int64 = 0
    for (index, event) in history.enumerated() {
      guard case .statement(let statement) = event, statement.type == type, isNews(at: index) else { continue }
      guard isDissent(type, after: index + 1) else {
        if isDissent(type, after: index) { erased = max(erased, statement.stamp) }
        continue
      }
      let seen = history.prefix(index).map { event in
        switch event {
        case .statement(let statement): statement.stamp
        case .record(_, let stamp): stamp
        }
      }
      erased = max(erased, statement.stamp, seen.max() ?? 0)
    }
    return erased
  }

  /// What holds at the end of the history.
  struct Judgement {
    let erasedFromGP: Int64
    let erasedFromAll: Int64
    let dissents: (type1: Bool, type2: Bool)

    func passes(source: Source, stamp: Int64) -> Bool {
      if stamp <= erasedFromAll || dissents.type2 { return false }
      return source != .gp || stamp > erasedFromGP && !dissents.type1
    }
  }

  var judgement: Judgement {
    Judgement(
      erasedFromGP: erased(.objectionType1), erasedFromAll: erased(.objectionType2),
      dissents: (
        isDissent(.objectionType1, after: history.count), isDissent(.objectionType2, after: history.count)
      ))
  }
}

/// A rule under test: takes a history and gives what says whether a record passes at its end.
typealias Rule = (_ history: [StreamEvent]) -> (_ source: Source, _ stamp: Int64) -> Bool

/// The stage's way: a subject fed event by event, and the highest stamp of the partition beside it.
func subjectRule(_ history: [StreamEvent]) -> (_ source: Source, _ stamp: Int64) -> Bool {
  var subject = Subject()
  var highest: Int64 = 0
  for event in history {
    switch event {
    case .statement(let statement):
      _ = subject.take(statement, highestStamp: highest)
      highest = max(highest, statement.stamp)
    case .record(_, let stamp): highest = max(highest, stamp)
    }
  }
  return { [subject] source, stamp in subject.verdict(source: source, stamp: stamp) == .passes }
}

/// Compares a rule with the oracle over random interleavings; returns the first history on which they differ.
func firstDisagreement(seed: UInt64, rounds: Int, rule: Rule) -> [StreamEvent]? {
  var generator = SeededGenerator(seed: seed)
  for round in 0..<rounds {
    var oracle = SubjectOracle()
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      oracle.history.append(randomEvent(&generator, salt: UInt64(round)))
      // Redelivery: something seen before comes once more.
      if Int.random(in: 0..<5, using: &generator) == 0, let again = oracle.history.randomElement(using: &generator) {
        oracle.history.append(again)
      }
    }
    let (judgement, passes) = (oracle.judgement, rule(oracle.history))
    for source in [Source.gp, .hospital] {
      for stamp in Int64(1)...14
      where passes(source, stamp) != judgement.passes(source: source, stamp: stamp) {
        return oracle.history
      }
    }
  }
  return nil
}

private func randomEvent(_ generator: inout SeededGenerator, salt: UInt64) -> StreamEvent {
  let stamp = Int64.random(in: 1...12, using: &generator)
  if Int.random(in: 0..<3, using: &generator) == 0 {
    return .record(source: Bool.random(using: &generator) ? .gp : .hospital, stamp: stamp)
  }
  // One statement per stamp within a history: ingestion gives every statement its own.
  var shape = SeededGenerator(seed: UInt64(stamp) &+ salt &* 1_000)
  let day = [nil, 19_000, 19_001, 19_002].randomElement(using: &shape)!
  return .statement(
    Statement(
      origin: Token16(high: UInt64.random(in: 1...3, using: &shape), low: 0),
      type: Bool.random(using: &shape) ? .objectionType1 : .objectionType2,
      decision: Bool.random(using: &shape) ? .dissent : .withdrawn, day: day.map(Int32.init), stamp: stamp,
      isRetracted: Int.random(in: 0..<5, using: &shape) == 0))
}
