import Cryptography
import Testing

@testable import Linkage

@Suite("Persons of live observations")
struct PersonAssignmentTests {
  private func member(_ id: UInt64, nhs: UInt64? = nil, demographics: UInt64? = nil) -> ClusterMember {
    ClusterMember(
      recordID: recordID(id), nhsNumber: nhs.map(nhsToken), demographics: demographics.map(demographicsToken))
  }

  private func groups(_ members: [ClusterMember]) -> Set<Set<Token16>> {
    let persons = zip(members, PersonAssignment.persons(of: members))
    return Set(Dictionary(grouping: persons, by: \.1).values.map { Set($0.map(\.0.recordID)) })
  }

  @Test func `the same number is one person, whatever the demographics`() {
    let members = [member(1, nhs: 1, demographics: 1), member(2, nhs: 1, demographics: 2), member(3, nhs: 1)]
    #expect(groups(members) == [[recordID(1), recordID(2), recordID(3)]])
  }

  @Test func `two numbers with the same demographics stay two persons`() {
    #expect(
      groups([member(1, nhs: 1, demographics: 1), member(2, nhs: 2, demographics: 1)])
        == [[recordID(1)], [recordID(2)]])
  }

  @Test func `between two numbers a record without number chooses neither`() {
    let members = [
      member(1, nhs: 1, demographics: 1), member(2, nhs: 2, demographics: 1), member(3, demographics: 1),
      member(4, demographics: 1),
    ]
    #expect(groups(members) == [[recordID(1)], [recordID(2)], [recordID(3), recordID(4)]])
  }

  @Test func `records with neither token are alone`() {
    #expect(groups([member(1), member(2)]) == [[recordID(1)], [recordID(2)]])
  }

  @Test func `the id is that of the smallest record id and of no token`() {
    let members = [member(9, nhs: 1), member(3, nhs: 1), member(7, nhs: 1)]
    let digest = SHA256Digest.hash(Array("caredata person".utf8) + recordID(3).bytes)
    let person = Token16(bytes: Array(digest.prefix(16)))
    #expect(PersonAssignment.persons(of: members).allSatisfy { $0 == person })
    #expect(PersonAssignment.persons(of: [member(3, nhs: 2)]) == [person])
  }
}
