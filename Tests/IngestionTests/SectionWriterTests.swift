import Contracts
import Testing

@testable import Ingestion

struct SectionWriterTests {
  /// Seeded records with every field set, left out, at its default and at its ends.
  private func record(_ generator: inout SeededGenerator) -> ValidatedRecord {
    func one<T>(_ values: [T]) -> T { values.randomElement(using: &generator)! }
    var record = ValidatedRecord()
    record.identity = IdentitySection.with {
      $0.nhsNumber = one(["", "9990000018"])
      if one([true, false]) { $0.birthDay = one([-27_393, -1, 0, 1, 20_000]) }
      $0.sex = one([0, 1, 2, 9])
      $0.postcode = one(["", "LS1 4AP"])
      $0.ethnicCategory = one(["", "A", "99"])
      $0.practice = one(["", "A81001"])
      $0.mistypedNhsNumber = one(["", "9990000019"])
      $0.local = one([0, 1, .max])
    }
    record.clinical = ClinicalSection.with {
      $0.entries = (0..<one([0, 1, 3, 12, 900])).map { _ in
        Entry.with {
          $0.system = one([.read2, .snomed, .communityTeam, .unspecified])
          $0.code = one(["", "C10..", "999791000000106"])
          if one([true, false]) { $0.day = one([.min, -1, 0, 20_000, .max]) }
          if one([true, false]) { $0.endDay = 20_001 }
          if one([true, false]) { $0.value = one([0, -0.5, 120.25, 9_999_999]) }
          $0.unit = one(["", "mmol/mol", "µmol/L"])
          $0.encounter = one([0, 1, 127, 128, 99_999])
          $0.position = one([0, 1, 16_384])
          $0.monthOnly = one([true, false])
        }
      }
      if one([true, false]) { $0.registeredFrom = one([-1, 0, 18_000]) }
      if one([true, false]) { $0.registeredTo = 20_000 }
    }
    return record
  }

  @Test func `sections written by hand are the bytes of the generated code`() throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let record = record(&generator)
      var expected = WireWriter()
      expected.bytes(1, try record.identity.serializedBytes() as [UInt8])
      expected.bytes(2, try record.clinical.serializedBytes() as [UInt8])
      #expect(SectionWriter.write(record) == expected.bytes)
    }
  }
}
