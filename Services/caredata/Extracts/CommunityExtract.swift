import Clinical
import Contracts

/// The extract of a community provider: contacts.csv, one row per care contact with the field names of CSDS.
struct CommunityExtract: RecordSource {
  static let columns = [
    "LocalPatientID", "NHSNumber", "DateOfBirth", "Gender", "Postcode", "OrgID_GP", "CareContactID", "Contact_Date",
    "TeamType", "AttendanceStatus",
  ]

  let file: String
  let dates: ExtractDateFormat

  func readRows(into sorter: ExternalSorter, _ summary: inout ExtractSummary) throws(ExtractInputError) {
    let table = try ExtractTable(file: file, columns: ExtractColumns(required: Self.columns))
    let columns = Self.columns.map { table.requiredIndex(of: $0) }
    var key = RowPacker()
    var value = RowPacker()
    while try table.next() {
      summary.rows += 1
      key.clear()
      key.sortable(try table.nonEmpty(columns[0]))
      key.sortable(try table.nonEmpty(columns[6]))
      value.clear()
      value.number(Int64(table.row))
      value.date(try table.date(columns[7], dates))
      value.date(try table.date(columns[2], dates))
      // An attendance that is not known is left empty by many providers; CSDS numbers begin at 2.
      value.number(table.isEmpty(columns[9]) ? 0 : try table.number(columns[9], 0...99))
      for column in [1, 3, 4, 5, 8] { value.text(table.bytes(columns[column])) }
      try sorter.add(key, value)
    }
  }

  func assembler(patientRef: String) -> Assembler {
    Assembler(file: file, builder: RecordBuilder(patientRef: patientRef))
  }

  struct Assembler: RecordAssembler {
    private(set) var repeatedRows = 0
    private let file: String
    private var builder: RecordBuilder
    /// Contact_Date (days, missing lowest) and row of the contact whose demographics count so far.
    private var latest: (day: Int32, row: Int64)?
    private var contact: (key: [UInt8], values: [UInt8], row: Int64)?

    fileprivate init(file: String, builder: RecordBuilder) {
      self.file = file
      self.builder = builder
    }

    mutating func add(_ item: SortedItem) throws(ExtractInputError) {
      var value = RowUnpacker(item.value)
      let row = value.number(Int64.self)
      if let contact, item.key.elementsEqual(contact.key) {
        guard value.rest.elementsEqual(contact.values) else {
          throw ExtractInputError(
            file: file, row: Int(row), column: "CareContactID", .repeatedContact(firstRow: Int(contact.row)))
        }
        repeatedRows += 1
        return
      }
      contact = (Array(item.key), Array(value.rest), row)
      let day = value.date()
      let born = value.date()
      let attendance = value.number(UInt32.self)
      let texts = (value.text(), value.text(), value.text(), value.text())
      var entry = Entry(.communityTeam, value.text(), day: day)
      entry.position = attendance
      builder.append(entry)
      if let latest, (day?.day ?? .min, row) <= latest { return }
      latest = (day?.day ?? .min, row)
      builder.record.dateOfBirth = born?.iso ?? ""
      // CSDS has PERSON STATED GENDER CODE, in which 9 and X mean other things than in a hospital's SEX.
      (builder.record.nhsNumber, builder.record.statedGender, builder.record.postcode, builder.record.practice) = texts
    }

    /// Contacts come in the order of date and CareContactID. The encounter numbers the contacts of one day, so that a
    /// contact sent again in the look-back window of the next period has the same number, and two contacts with one
    /// team on one day remain two.
    consuming func finish() -> PatientRecord? {
      builder.arrange { entries in
        let order = entries.indices.sorted { left, right in
          let days = (entries[left].dayOrLowest, entries[right].dayOrLowest)
          return days.0 == days.1 ? left < right : days.0 < days.1
        }
        var encounter: UInt32 = 0
        var previous: Int32?
        entries = order.map { place in
          var entry = entries[place]
          encounter = entry.dayOrLowest == previous ? encounter + 1 : 1
          previous = entry.dayOrLowest
          entry.encounter = encounter
          return entry
        }
      }
      return builder.finish()
    }
  }
}

extension Entry {
  fileprivate var dayOrLowest: Int32 { hasDay ? day : .min }
}
