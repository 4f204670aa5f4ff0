import Clinical
import Testing

@testable import Specification

@Suite struct ReferenceSetFileTests {
  private let fixture = SpecificationFixture()
  private static let set = "999004371000000100"
  private static let other = "999004381000000103"

  private func member(
    _ id: Int, _ component: String, set: String = Self.set, active: String = "1", time: String = "20250101"
  ) -> String { "m\(id)\t\(time)\t\(active)\t999000011000000103\t\(set)\t\(component)\r\n" }

  private func codes(_ members: [String], of set: String = Self.set) throws -> [String] {
    let header = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\r\n"
    return try CodeListFile.referenceSet(set, file: fixture.write("refset.txt", header + members.joined())).codes.codes
      .inOrder.map(\.code)
  }

  @Test func `only active members of the wanted set are taken`() throws {
    let members = [
      member(1, "63487001"), member(2, "52637005", active: "0"), member(3, "15628003", set: Self.other),
      // Of another set, so nobody here has to be able to match it.
      member(4, "291361018", set: Self.other),
    ]
    #expect(try codes(members) == ["63487001"])
    #expect(fixture.faults { _ = try codes(members, of: Self.other) }.count == 1)
  }

  @Test func `of several states of a member the newest counts`() throws {
    #expect(
      try codes([
        member(1, "63487001", active: "0", time: "20250401"), member(1, "63487001", time: "20240401"),
        member(2, "52637005", active: "0", time: "20240401"), member(2, "52637005", time: "20250401"),
      ]) == ["52637005"])
  }

  @Test func `all members that cannot match are named at once`() {
    #expect(
      fixture.faults {
        _ = try codes([
          member(1, "63487002"), member(2, "291361018"), member(3, "52637005", active: "yes"), "a\tb\n",
          member(4, "63487002", active: "0"),
        ])
      } == [
        "refset.txt, line 2: '63487002' has a wrong check digit",
        "refset.txt, line 3: '291361018' identifies a description or a relationship, not a concept",
        "refset.txt, line 4: active is neither 0 nor 1",
        "refset.txt, line 5: 2 values where the header has 6",
      ])
  }

  @Test func `a set that is not there, not active or no identifier is a fault`() {
    #expect(
      fixture.faults { _ = try codes([member(1, "15628003", set: Self.other)]) } == [
        "refset.txt: holds nothing of the reference set \(Self.set); it holds \(Self.other)"
      ])
    #expect(
      fixture.faults { _ = try codes([member(1, "63487001", active: "0")]) } == [
        "refset.txt: the reference set \(Self.set) has no active member"
      ])
    #expect(
      fixture.faults { _ = try codes([], of: "999004371000000101") } == [
        "refset.txt: the reference set '999004371000000101' has a wrong check digit"
      ])
  }

  @Test func `a file of another form is a fault`() {
    #expect(
      fixture.faults {
        _ = try CodeListFile.referenceSet(Self.set, file: fixture.write("refset.txt", "code,term\n"))
      } == [
        "refset.txt, line 1: is not the header of a simple reference set; the columns of such a file are id, "
          + "effectiveTime, active, moduleId, refsetId, referencedComponentId"
      ])
  }
}
