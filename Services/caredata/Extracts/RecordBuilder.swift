import Clinical
import Contracts
import SwiftProtobuf
import Tables

/// Collects the record of one patient and stops holding entries once it is too large to be sent.
struct RecordBuilder {
  /// The most a message of the topic `extracts` may have.
  static let maximumMessageBytes = 900_000
  /// Room for the fields that the sender sets: extract id, sequence, organisation, period, specification.
  static let senderBytes = 512
  static let maximumRecordBytes = maximumMessageBytes - senderBytes

  var record = PatientRecord()
  private var entries: [Entry] = []
  private var entryBytes = 0
  private(set) var isTooLarge = false

  init(patientRef: String) { record.patientRef = patientRef }

  mutating func append(_ entry: Entry) {
    guard !isTooLarge else { return }
    entryBytes += Self.serialisedSize(of: entry)
    guard entryBytes <= Self.maximumRecordBytes else {
      isTooLarge = true
      entries = []
      return
    }
    entries.append(entry)
  }

  /// Changes the entries before the record is finished.
  mutating func arrange(_ change: (inout [Entry]) -> Void) {
    change(&entries)
    entryBytes = entries.reduce(0) { $0 + Self.serialisedSize(of: $1) }
  }

  /// The record, or nil when it is too large.
  consuming func finish() -> PatientRecord? {
    guard !isTooLarge else { return nil }
    record.entries = entries
    // The other fields come from one row; only near the limit do they decide.
    guard entryBytes + CSVReader.maximumRowBytes * 2 > Self.maximumRecordBytes else { return record }
    let bytes: [UInt8]? = try? record.serializedBytes()
    return bytes.map { $0.count <= Self.maximumRecordBytes } == true ? record : nil
  }

  /// Bytes that an entry adds to a serialised `PatientRecord` (Protobuf wire format; defaults are left out).
  static func serialisedSize(of entry: Entry) -> Int {
    var size = 0
    if entry.system != .unspecified { size += 1 + varintSize(UInt64(entry.system.rawValue)) }
    if !entry.code.isEmpty { size += 1 + textSize(entry.code) }
    if entry.hasDay { size += 1 + zigzagSize(entry.day) }
    if entry.hasEndDay { size += 1 + zigzagSize(entry.endDay) }
    if entry.hasValue { size += 1 + 8 }
    if !entry.unit.isEmpty { size += 1 + textSize(entry.unit) }
    if entry.encounter != 0 { size += 1 + varintSize(UInt64(entry.encounter)) }
    if entry.position != 0 { size += 1 + varintSize(UInt64(entry.position)) }
    // `entries` is field 17, so its tag takes two bytes.
    return 2 + varintSize(UInt64(size)) + size
  }

  private static func textSize(_ text: String) -> Int {
    let count = text.utf8.count
    return varintSize(UInt64(count)) + count
  }

  private static func zigzagSize(_ value: Int32) -> Int {
    varintSize(UInt64(UInt32(bitPattern: (value << 1) ^ (value >> 31))))
  }

  private static func varintSize(_ value: UInt64) -> Int {
    max(1, (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7)
  }
}

extension Entry {
  init(_ system: CodeSystem, _ code: String, day: CalendarDate?) {
    self.init()
    self.system = system
    self.code = code
    if let day { self.day = day.day }
  }
}
