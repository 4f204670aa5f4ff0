import Contracts
import Cryptography
import Linking
import StageKit
import Testing

@testable import Linkage
@testable import caredata

struct AmbiguousLinksTests {
  private func person(_ id: UInt64) -> String { PersonID.of(smallestRecordID: recordID(id)).hex }

  @Test func `a record that several persons answered is listed with these, by pseudonym, until it is one's`() throws {
    let index = LinkageIndex(
      database: try TestDatabase.connect(schema: StageName.linkage.schema), layout: TopicLayout(partitions: 3))
    #expect(try AmbiguousLinks.read(index.database, limit: 10).text == "no record was answered by several persons")
    let first = [
      record(1, nhs: 1, demographics: 5), record(2, nhs: 2, demographics: 5), record(3, demographics: 5),
      record(4, nhs: 4, demographics: 6), record(5, demographics: 6),
    ]
    _ = try index.apply(LinkageBatch(records: first))
    let list = try AmbiguousLinks.read(index.database, limit: 10)
    #expect(
      list.cases == [
        .init(
          person: person(3), step: "demographics", sources: ["hospital"], records: 1,
          candidates: [person(1), person(2)].sorted())
      ])
    #expect(list.text.contains(person(3)))
    // The second person was the first all the time.
    _ = try index.apply(LinkageBatch(records: [record(2, version: 2, nhs: 1, demographics: 5)]))
    #expect(try AmbiguousLinks.read(index.database, limit: 10).cases.isEmpty)
  }
}
