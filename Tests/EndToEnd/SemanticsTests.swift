import Clinical
import Contracts
import Foundation
import Postgres
import Testing

@testable import caredata

extension WholeSystem {
  /// What is published is what was said last, whatever was said before.
  @Suite(.serialized, .sharedSystem) struct Semantics {
    // MARK: - Extracts

    @Test func `the same extract submitted twice changes nothing`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      let extract = TestExtract(
        organisation: practice,
        patients: (1...13).map { .init(ref: "P\($0)", nhsNumber: connector.newNumber(), entries: [.diabetes]) })
      let first = try connector.submit(extract)
      #expect(first.status == .admitted && first.recordsAdmitted == 13)
      let csv = try connector.release().csv
      let rows = try connector.rowsWritten()
      let topics = [Topic.validated, .permitted, .pseudonymised, .linked]
      let messages = try topics.map(connector.sent)

      let second = try connector.submit(extract)
      #expect(second.status == .unchanged && second.sameAs == first.id)
      #expect(try connector.rowsWritten() == rows)
      #expect(try topics.map(connector.sent) == messages)
      #expect(try connector.release().csv == csv)
    }

    @Test func `a corrected extract replaces the earlier one whole`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      var extract = TestExtract(
        organisation: practice,
        patients: [
          .init(ref: "P1", nhsNumber: connector.newNumber(), born: "1951-01-01", entries: [.diabetes]),
          .init(ref: "P2", nhsNumber: connector.newNumber(), born: "1952-01-01", entries: [.asthma]),
          .init(ref: "P3", nhsNumber: connector.newNumber(), born: "1953-01-01", entries: [.asthma]),
        ])
      try connector.submit(extract)
      #expect(try connector.published([practice]).records.count == 3)

      extract.patients[0].entries = [.asthma]
      extract.patients[1] = .init(
        ref: "P4", nhsNumber: connector.newNumber(), born: "1954-01-01", entries: [.diabetes, .asthma])
      let receipt = try connector.submit(extract)
      #expect(receipt.status == .admitted && receipt.retractions == 1)
      let records = try connector.published([practice]).records.sorted { $0.yearOfBirth < $1.yearOfBirth }
      #expect(records.map(\.yearOfBirth) == [1951, 1953, 1954])
      let (asthma, diabetes) = ("195967001 17847", "44054006 17930")
      #expect(records.map(\.entries) == [asthma, asthma, "\(asthma), \(diabetes)"])
    }

    @Test func `a correction can be taken back`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      let original = TestExtract(
        organisation: practice,
        patients: [
          .init(ref: "P1", nhsNumber: connector.newNumber(), born: "1951-01-01", entries: [.diabetes]),
          .init(ref: "P2", nhsNumber: connector.newNumber(), born: "1952-01-01", entries: [.asthma]),
        ])
      try connector.submit(original)
      let published = try connector.published([practice])
      var correction = original
      correction.patients = [original.patients[0]]
      try connector.submit(correction)
      #expect(try connector.published([practice]).records.count == 1)
      let again = try connector.submit(original)
      #expect(again.status == .admitted)
      #expect(try connector.published([practice]) == published)
    }

    @Test func `an older extract that arrives later is superseded`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      let extract = TestExtract(
        organisation: practice,
        patients: [.init(ref: "P1", nhsNumber: connector.newNumber(), entries: [.diabetes])])
      try connector.submit(extract)
      let rows = try connector.rowsWritten()
      var older = extract
      older.patients[0].entries = [.asthma]
      let receipt = try connector.submit(older, submittedAt: .now - 3_600)
      #expect(receipt.status == .superseded)
      #expect(receipt.reason == "submitted_earlier_than_the_extract_in_force")
      #expect(try connector.rowsWritten() == rows)
    }

    /// The older extract gives the objector's number to somebody who never objected.
    @Test func `a dissent in an older extract that arrives later counts for its patient and for nobody else`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      let (a, b) = (connector.newNumber(), connector.newNumber())
      func extract(_ first: String, _ second: String, dissent: Bool) -> TestExtract {
        TestExtract(
          organisation: practice,
          patients: [
            .init(
              ref: "P1", nhsNumber: first, born: "1951-01-01",
              entries: [.diabetes] + (dissent ? [.type1Dissent] : [])),
            .init(ref: "P2", nhsNumber: second, born: "1952-01-01", entries: [.asthma]),
          ])
      }
      try connector.submit(extract(a, b, dissent: false))
      try connector.submit(extract(b, a, dissent: true), submittedAt: .now - 3_600)
      try connector.release()
      #expect(try connector.published([practice]).records.map(\.yearOfBirth) == [1952])
    }

    @Test func `an extract delivered again after its correction changes nothing`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      let (a, b) = (connector.newNumber(), connector.newNumber())
      func extract(_ first: String, _ second: String) -> TestExtract {
        TestExtract(
          organisation: practice,
          patients: [
            .init(ref: "P1", nhsNumber: first, born: "1951-01-01", entries: [.diabetes, .type1Dissent]),
            .init(ref: "P2", nhsNumber: second, born: "1952-01-01", entries: [.asthma]),
          ])
      }
      try connector.submit(extract(a, b))
      try connector.submit(extract(b, a))
      try connector.release()
      let rows = try connector.rowsWritten()
      #expect(try connector.published([practice]).records.map(\.yearOfBirth) == [1952])
      try connector.deliverAgain(extractsOf: practice)
      try connector.release()
      #expect(try connector.rowsWritten() == rows)
    }

    @Test func `periods of one organisation stand beside each other`() throws {
      let connector = try SharedSystem.connector
      let practice = try connector.enrolled(.gp)
      let number = connector.newNumber()
      for (period, entry) in [("2026-09", TestExtract.Entry.diabetes), ("2026-10", .asthma)] {
        try connector.submit(
          TestExtract(
            organisation: practice, period: period,
            patients: [.init(ref: "P1", nhsNumber: number, entries: [entry])]))
      }
      let published = try connector.published([practice])
      #expect(published.records.count == 2)
      #expect(published.persons.count == 1)
    }

    // MARK: - Linkage

    @Test func `a hospital record without NHS number is linked by date of birth, sex and postcode, or all but the sex`()
      throws
    {
      let connector = try SharedSystem.connector
      let (practice, hospital) = (try connector.enrolled(.gp), try connector.enrolled(.hospital))
      let (place, other) = (connector.newPostcode(), connector.newPostcode())
      let admission = TestExtract.Entry(date: "2026-10-05", code: "E119")
      try connector.submit([
        TestExtract(
          organisation: practice,
          patients: [
            .init(
              ref: "P1", nhsNumber: connector.newNumber(), born: "1944-12-01", sex: 2, postcode: place,
              entries: [.diabetes])
          ]),
        TestExtract(
          source: .hospital, organisation: hospital,
          patients: [
            .init(ref: "H1", nhsNumber: "", born: "1944-12-01", sex: 2, postcode: place, entries: [admission]),
            .init(ref: "H2", nhsNumber: "", born: "1944-12-02", sex: 2, postcode: place, entries: [admission]),
            .init(ref: "H3", nhsNumber: "", born: "1944-12-01", sex: 1, postcode: place, entries: [admission]),
            .init(ref: "H4", nhsNumber: "", born: "1944-12-01", sex: 2, postcode: other, entries: [admission]),
          ]),
      ])
      let persons = try connector.published([practice, hospital]).persons
      #expect(persons.map(\.count).sorted() == [1, 1, 3])
      let linked = try #require(persons.first { $0.count == 3 }).sorted()
      #expect(zip(linked, ["[1 1944 2 LX9", "[2 1944 1 LX9", "[2 1944 2 LX9"]).allSatisfy { $0.hasPrefix($1) })
      let ranks = try connector.database.query(
        """
        select link_rank from publication.record where state = 1 and organisation = any($1) order by link_rank
        """, [.textArray([practice, hospital])])
      #expect((0..<ranks.count).map { ranks.int($0, 0) } == [0, 0, 1, 4, 5])
    }
  }
}
