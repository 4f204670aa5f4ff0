import Contracts
import Foundation
import Testing

@testable import Ingestion

struct RecordDecodingTests {
  private func message(_ generator: inout SeededGenerator) throws -> [UInt8] {
    func one<T>(_ values: [T]) -> T { values.randomElement(using: &generator)! }
    let record = TestRecord.gp {
      $0.sequence = one([1, 300, .max])
      $0.nhsNumber = one(["", "9990000018", "ünusual"])
      $0.submittedAt = one([0, 1, -1, .max])
      $0.statedGender = one(["", "X"])
      $0.entries = (0..<one([0, 1, 5, 60])).map { _ in
        Entry.with {
          $0.system = one([.read2, .snomed, .unspecified, .UNRECOGNIZED(42), .UNRECOGNIZED(-3)])
          $0.code = one(["", "C10..", "999791000000106", "é", String(repeating: "long", count: 40)])
          if one([true, false]) { $0.day = one([.min, -1, 0, 20_000, .max]) }
          if one([true, false]) { $0.endDay = 20_001 }
          if one([true, false]) { $0.value = one([0, -0.5, .infinity]) }
          $0.unit = one(["", "mmol/mol"])
          $0.encounter = one([0, 1, .max])
          $0.position = one([0, 16_384])
          $0.monthOnly = one([true, false])
        }
      }
    }
    return try ExtractMessage.with { $0.record = record }.serializedBytes()
  }

  @Test func `a record decoded by hand is the one of the generated code`() throws {
    var generator = SeededGenerator(seed: 21)
    for _ in 0..<500 {
      let bytes = try message(&generator)
      let record = try #require(bytes.withUnsafeBytes { RecordDecoding.record($0) })
      #expect(record == (try ExtractMessage(serializedBytes: bytes).record))
    }
  }

  @Test func `of hostile bytes it takes none that the generated code reads otherwise`() throws {
    var generator = SeededGenerator(seed: 22)
    var taken = 0
    for _ in 0..<20_000 {
      var bytes = try message(&generator)
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        default: bytes.removeSubrange(place...)
        }
        if bytes.isEmpty { bytes = [10, 0] }
      }
      guard let record = bytes.withUnsafeBytes({ RecordDecoding.record($0) }) else { continue }
      taken += 1
      let message = try bytes.withUnsafeBytes { try ExtractMessage(binaryOrJSON: $0) }
      // Not by ==, which says that a value that is no number differs from itself.
      #expect(try record.serializedBytes() as [UInt8] == message.record.serializedBytes())
    }
    #expect(taken > 1_000, "mostly the generated code was asked, so little is shown")
  }

  @Test func `manifests, several records and trailing fields are left to the generated code`() throws {
    var generator = SeededGenerator(seed: 23)
    let record = try message(&generator)
    let manifest: [UInt8] = try ExtractMessage.with { $0.manifest.extractID = "e1" }.serializedBytes()
    for bytes in [manifest, record + record, record + manifest, [], [10], Array("{}".utf8)] {
      #expect(bytes.withUnsafeBytes { RecordDecoding.record($0) } == nil)
    }
  }
}
