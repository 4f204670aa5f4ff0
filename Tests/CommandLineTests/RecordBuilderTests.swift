import Contracts
import SwiftProtobuf
import Testing

@testable import caredata

@Suite struct RecordBuilderTests {
  private func size(_ record: PatientRecord) throws -> Int {
    let bytes: [UInt8] = try record.serializedBytes()
    return bytes.count
  }

  @Test func `the computed size of entries is that of their serialised form`() throws {
    var random = SplitMix64(seed: 11)
    for _ in 0..<500 {
      var record = PatientRecord()
      record.entries = (0..<random.within(1...5)).map { _ in
        var entry = Entry()
        if random.below(2) == 0 { entry.system = random.pick([.read2, .communityTeam]) }
        entry.code = String(repeating: "é", count: random.pick([0, 1, 5, 63, 64, 9000]))
        if random.below(2) == 0 { entry.day = Int32(truncatingIfNeeded: random.next() >> UInt64(random.below(64))) }
        if random.below(2) == 0 { entry.endDay = Int32(random.within(-40_000...40_000)) }
        if random.below(2) == 0 { entry.value = random.pick([0, 27.4]) }
        entry.unit = random.pick(["", "kg"])
        entry.encounter = UInt32(random.pick([0, 1, 127, 128, 70_000]))
        entry.position = UInt32(random.pick([0, 20, 300]))
        return entry
      }
      #expect(try size(record) == record.entries.reduce(0) { $0 + RecordBuilder.serialisedSize(of: $1) })
    }
  }

  @Test func `a record passes up to the limit and not beyond`() throws {
    func build(codeLength: Int) -> PatientRecord? {
      var builder = RecordBuilder(patientRef: "P1")
      for _ in 0..<89 { builder.append(Entry(.read2, String(repeating: "x", count: 10_000), day: nil)) }
      builder.append(Entry(.read2, String(repeating: "x", count: codeLength), day: nil))
      return builder.finish()
    }
    let shorter = try #require(build(codeLength: 1000))
    let length = 1000 + RecordBuilder.maximumRecordBytes - (try size(shorter))
    // From 128 to 16383 bytes the length of a length does not change.
    #expect((128...16_000).contains(length))
    #expect(try size(#require(build(codeLength: length))) == RecordBuilder.maximumRecordBytes)
    #expect(build(codeLength: length + 1) == nil)
  }
}
