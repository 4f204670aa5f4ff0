import Contracts
import Foundation
import SwiftProtobuf
import Testing

struct WireTests {
  /// Values around every length of a varint.
  private static let numbers: [UInt64] =
    (0..<64).flatMap { [(1 << UInt64($0)) - 1, 1 << UInt64($0)] } + [.max, 300, 0x7fff_ffff_ffff_ffff]

  @Test func `a header written by hand is the header the generated code reads`() throws {
    for number in Self.numbers {
      var writer = WireWriter()
      writer.bytes(1, [UInt8](repeating: 7, count: 16))
      writer.varint(2, number)
      writer.fixed64(3, number)
      writer.varint(4, number)
      writer.varint(5, number & 0xffff_ffff)
      writer.bytes(6, Array("extract".utf8))
      let header = try Header(serializedBytes: writer.bytes)
      #expect(header.versionTime == Int64(bitPattern: number))
      #expect(header.versionDigest == number)
      #expect(header.stamp == Int64(bitPattern: number))
      #expect(header.number == UInt32(truncatingIfNeeded: number))
      #expect(header.extractID == "extract" && header.recordID == Data(repeating: 7, count: 16))
    }
  }

  @Test func `fields of any order and unknown fields are read as generated code writes them`() throws {
    for number in Self.numbers {
      let header = Header.with {
        $0.recordID = Data(repeating: 1, count: 16)
        $0.versionTime = Int64(bitPattern: number)
        $0.versionDigest = number
        $0.extractID = String(repeating: "x", count: Int(number % 300))
      }
      let bytes: [UInt8] = try header.serializedBytes()
      var fields: [Int: String] = [:]
      try bytes.withUnsafeBytes { buffer in
        var reader = WireReader(buffer)
        while let (field, value) = try reader.next() {
          switch value {
          case .varint(let value): fields[field] = "\(value)"
          case .fixed64(let value): fields[field] = "\(value)"
          case .bytes(let range): fields[field] = "\(range.count)"
          }
        }
      }
      #expect(fields[1] == "16")
      #expect(fields[2] == (number == 0 ? nil : "\(number)"))
      #expect(fields[3] == (number == 0 ? nil : "\(number)"))
      #expect(fields[6] == (header.extractID.isEmpty ? nil : "\(header.extractID.utf8.count)"))
    }
  }

  @Test func `a reused writer holds only what was written since its reset`() {
    var writer = WireWriter(capacity: 4)
    writer.bytes(1, [UInt8](repeating: 1, count: 200))
    writer.reset()
    writer.varint(1, 5)
    #expect(writer.bytes == [8, 5])
  }

  @Test(
    arguments: [
      [0x0a, 0x05, 1, 2], [0x08], [0x08, 0x80], [0x19, 1, 2, 3], [0x00, 1], [0x0b], [0x0c], [0x0d, 1, 2, 3, 4],
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    ] as [[UInt8]])
  func `bytes that are no message are malformed, not a crash`(bytes: [UInt8]) {
    #expect(throws: ContractError.malformed) {
      try bytes.withUnsafeBytes { buffer in
        var reader = WireReader(buffer)
        while try reader.next() != nil {}
      }
    }
  }
}
