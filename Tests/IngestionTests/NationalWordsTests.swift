import Testing

@testable import Ingestion

struct NationalWordsTests {
  private func outcome(_ judged: [(Bool, Int64)], awaited: [Int64] = []) -> NationalWords.Outcome {
    NationalWords(judged: judged.map { .init(objects: $0.0, drawnAt: $0.1) }, awaited: awaited).outcome
  }

  @Test func `what was drawn last counts, in whatever order it came`() {
    #expect(outcome([(true, 1), (false, 2)]) == .doesNotObject)
    #expect(outcome([(false, 2), (true, 1)]) == .doesNotObject)
    #expect(outcome([(false, 1), (true, 2)]) == .objects)
    #expect(outcome([(true, 2), (false, 1)]) == .objects)
  }

  @Test func `of two drawn at one moment the one that was judged later counts`() {
    #expect(outcome([(true, 1), (false, 1)]) == .doesNotObject)
    #expect(outcome([(false, 1), (true, 1)]) == .objects)
  }

  @Test func `nobody objects of whom nothing is said`() {
    #expect(outcome([]) == .doesNotObject)
    #expect(outcome([], awaited: [5]) == .objectsUntilJudged)
  }

  @Test func `what is not judged yet holds back unless something drawn later is judged`() {
    #expect(outcome([(false, 4)], awaited: [5]) == .objectsUntilJudged)
    #expect(outcome([(false, 5)], awaited: [5]) == .objectsUntilJudged)
    #expect(outcome([(false, 6)], awaited: [5]) == .doesNotObject)
    #expect(outcome([(false, 6)], awaited: [5, 7]) == .objectsUntilJudged)
  }

  @Test func `what is not judged yet ends nothing`() {
    #expect(outcome([(true, 4)], awaited: [5]) == .objects)
  }
}
