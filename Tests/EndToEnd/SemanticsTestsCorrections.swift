import Contracts
import Foundation
import Testing

@testable import caredata

/// What a corrected extract does to the NHS number of the objector.
enum NumberCorrection: CaseIterable {
  case added, corrected, swapped
}

/// Who objects, and where it is said.
enum CorrectionDissent: CaseIterable {
  /// The patient whose number is corrected, by a code in the extract.
  case type1
  /// By the national list, under the right number.
  case type2
  /// By the national list, under the number that was wrong. Where none was, somebody else's.
  case type2OfWrongNumber
}

enum DissentTime: CaseIterable {
  /// In relation to the first extract and the corrected one.
  case before, between, after
}

/// One history of corrections and dissents with organisations and people of its own, and the same of others of whom only
/// the last version was ever sent.
struct CorrectionCase: CustomTestStringConvertible, Sendable {
  let correction: NumberCorrection
  let dissent: CorrectionDissent
  let time: DissentTime
  var testDescription: String { "number \(correction), \(dissent) dissent \(time)" }

  static let all = NumberCorrection.allCases.flatMap { correction in
    CorrectionDissent.allCases.flatMap { dissent in
      DissentTime.allCases.map { CorrectionCase(correction: correction, dissent: dissent, time: $0) }
    }
  }

  /// The people of one run of a case.
  struct Cast {
    let practice: String
    let hospital: String
    /// The right number of the first patient, of the second, and one that the first is wrongly given.
    let right: String
    let second: String
    let wrong: String
    let places: [String]

    init(_ connector: Connector) {
      practice = connector.newOrganisation(.gp)
      hospital = connector.newOrganisation(.hospital)
      (right, second, wrong) = (connector.newNumber(), connector.newNumber(), connector.newNumber())
      places = (0..<3).map { _ in connector.newPostcode() }
    }
  }

  /// The practice's extract with these numbers of its first two patients; the third has none.
  private func extract(_ cast: Cast, _ first: String, _ second: String, dissents: Bool) -> TestExtract {
    TestExtract(
      organisation: cast.practice,
      patients: [
        .init(
          ref: "P1", nhsNumber: first, born: "1951-01-01", postcode: cast.places[0],
          entries: [.diabetes] + (dissents ? [.type1Dissent] : [])),
        .init(ref: "P2", nhsNumber: second, born: "1952-01-01", postcode: cast.places[1], entries: [.asthma]),
        .init(
          ref: "P3", nhsNumber: "", born: "1953-01-01", postcode: cast.places[2], entries: [.diabetes, .asthma]),
      ])
  }

  func first(_ cast: Cast) -> TestExtract {
    let dissents = dissent == .type1 && time == .before
    switch correction {
    case .added: return extract(cast, "", cast.second, dissents: dissents)
    case .corrected: return extract(cast, cast.wrong, cast.second, dissents: dissents)
    case .swapped: return extract(cast, cast.second, cast.right, dissents: dissents)
    }
  }

  func correction(_ cast: Cast) -> TestExtract {
    extract(cast, cast.right, cast.second, dissents: dissent == .type1 && time != .after)
  }

  /// Sent after the correction: the dissent, where an extract says it.
  func last(_ cast: Cast) -> TestExtract? {
    guard dissent == .type1, time == .after else { return nil }
    return extract(cast, cast.right, cast.second, dissents: true)
  }

  func objection(_ cast: Cast) -> TestObjection? {
    switch (dissent, correction) {
    case (.type1, _): nil
    case (.type2, _): TestObjection(nhsNumber: cast.right)
    case (.type2OfWrongNumber, .swapped): TestObjection(nhsNumber: cast.second)
    case (.type2OfWrongNumber, _): TestObjection(nhsNumber: cast.wrong)
    }
  }

  /// The hospital knows all three numbers, and the third patient without one.
  func care(_ cast: Cast) -> TestExtract {
    let admission = TestExtract.Entry(date: "2026-10-05", code: "E119")
    return TestExtract(
      source: .hospital, organisation: cast.hospital,
      patients: [
        .init(ref: "H1", nhsNumber: cast.right, born: "1951-01-01", postcode: cast.places[0], entries: [admission]),
        .init(ref: "H2", nhsNumber: cast.second, born: "1952-01-01", postcode: cast.places[1], entries: [admission]),
        .init(ref: "H3", nhsNumber: "", born: "1953-01-01", postcode: cast.places[2], entries: [admission]),
        .init(ref: "H4", nhsNumber: cast.wrong, born: "1961-01-01", entries: [admission]),
      ])
  }

  /// Persons of the last version that must be there: what the histories are compared with is itself right.
  var expectedSources: [[Int]] {
    let first = dissent == .type1 ? [2] : dissent == .type2 ? [] : [1, 2]
    let second = dissent == .type2OfWrongNumber && correction == .swapped ? [] : [1, 2]
    let fourth = dissent == .type2OfWrongNumber && correction != .swapped ? [] : [2]
    return [first, second, [1, 2], fourth].filter { !$0.isEmpty }.sorted { $0.lexicographicallyPrecedes($1) }
  }
}

/// All cases of one pace played on the running system, step by step for all together.
struct CorrectionHistories {
  enum Pace: CaseIterable {
    /// Each step is published before the next is sent.
    case published
    /// Steps follow as fast as they are acknowledged.
    case acknowledged
  }

  private let casts: [(told: CorrectionCase.Cast, control: CorrectionCase.Cast)]

  init(_ cases: [CorrectionCase], _ pace: Pace, _ connector: Connector) throws {
    casts = cases.map { _ in (CorrectionCase.Cast(connector), CorrectionCase.Cast(connector)) }
    let plays = Array(zip(cases, casts))
    let all = casts.flatMap { [$0.told, $0.control] }
    try Enrolment(connector.target).enrolMadeUp(all.flatMap { [$0.practice, $0.hospital] })
    func object(_ time: DissentTime) throws {
      let due = plays.filter { $0.0.time == time }
      let objections = due.flatMap { play, casts in [casts.told, casts.control].compactMap(play.objection) }
      if !objections.isEmpty { try connector.object(objections) }
    }
    func send(_ extracts: [TestExtract]) throws {
      let receipts = try pace == .published ? connector.submit(extracts) : connector.send(extracts)
      try #require(receipts.allSatisfy { $0.status == .admitted }, "\(receipts.map(\.reason))")
    }
    try object(.before)
    try send(plays.map { $0.first($1.told) } + plays.flatMap { [$0.care($1.told), $0.care($1.control)] })
    try object(.between)
    try send(
      plays.flatMap { play, casts in
        [play.correction(casts.told)] + (play.last(casts.control) == nil ? [play.correction(casts.control)] : [])
      })
    try object(.after)
    let last = plays.flatMap { play, casts in [play.last(casts.told), play.last(casts.control)].compactMap(\.self) }
    try send(last)
    try connector.awaitBalance()
    // Withdrawals are behind no balance; a release waits for them too.
    try connector.release()
  }

  func published(_ index: Int, _ connector: Connector) throws -> (told: PublishedFacts, control: PublishedFacts) {
    let (told, control) = casts[index]
    return (
      try connector.published([told.practice, told.hospital]),
      try connector.published([control.practice, control.hospital])
    )
  }

  /// Played once per pace and run.
  nonisolated(unsafe) private static var played: [Pace: CorrectionHistories] = [:]  // the suite is serialised

  static func played(_ pace: Pace, _ connector: Connector) throws -> CorrectionHistories {
    if let histories = played[pace] { return histories }
    let histories = try CorrectionHistories(CorrectionCase.all, pace, connector)
    played[pace] = histories
    return histories
  }
}

extension WholeSystem.Semantics {
  @Test(arguments: CorrectionHistories.Pace.allCases, Array(CorrectionCase.all.indices))
  func `a corrected number ends as if the last version had been the only one`(
    pace: CorrectionHistories.Pace, index: Int
  ) throws {
    let connector = try SharedSystem.connector
    let play = CorrectionCase.all[index]
    let (told, control) = try CorrectionHistories.played(pace, connector).published(index, connector)
    #expect(told == control, "\(play.testDescription)")
    let sources = control.persons.map { $0.map { Int(String($0.dropFirst().prefix(1)))! } }
    #expect(
      sources.sorted { $0.lexicographicallyPrecedes($1) } == play.expectedSources, "\(play.testDescription)")
  }
}
