import Contracts

/// Writes the two sections of a record as Protobuf, one after the other as fields 1 and 2.
///
/// By hand, since this is done for every entry of every record: half of what the generated code takes.
enum SectionWriter {
  static func write(_ record: ValidatedRecord) -> [UInt8] {
    let clinical = record.clinical
    var writer = WireWriter(capacity: 96 + clinical.entries.count * 40)
    writer.message(1) { identity(record.identity, &$0) }
    writer.message(2) { writer in
      for entry in clinical.entries { writer.message(1) { self.entry(entry, &$0) } }
      if clinical.hasRegisteredFrom { writer.zigzag(2, clinical.registeredFrom) }
      if clinical.hasRegisteredTo { writer.zigzag(3, clinical.registeredTo) }
    }
    return writer.bytes
  }

  private static func identity(_ section: IdentitySection, _ writer: inout WireWriter) {
    writer.text(1, section.nhsNumber)
    if section.hasBirthDay { writer.zigzag(2, section.birthDay) }
    if section.sex != 0 { writer.varint(3, UInt64(section.sex)) }
    writer.text(4, section.postcode)
    writer.text(5, section.ethnicCategory)
    writer.text(6, section.practice)
    writer.text(7, section.mistypedNhsNumber)
    if section.local != 0 { writer.fixed64(8, section.local) }
  }

  private static func entry(_ entry: Entry, _ writer: inout WireWriter) {
    if entry.system != .unspecified { writer.varint(1, UInt64(entry.system.rawValue)) }
    writer.text(2, entry.code)
    if entry.hasDay { writer.zigzag(3, entry.day) }
    if entry.hasEndDay { writer.zigzag(4, entry.endDay) }
    if entry.hasValue { writer.double(5, entry.value) }
    writer.text(6, entry.unit)
    if entry.encounter != 0 { writer.varint(7, UInt64(entry.encounter)) }
    if entry.position != 0 { writer.varint(8, UInt64(entry.position)) }
    if entry.monthOnly { writer.varint(9, 1) }
  }
}
