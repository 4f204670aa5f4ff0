import Clinical
import Contracts

/// The extract of a GP practice: patients.csv, one row per registration, and events.csv, one row per coded event.
struct GPExtract: RecordSource {
  static let patientColumns = [
    "patient_ref", "nhs_number", "date_of_birth", "sex", "postcode", "ethnic_category", "registered_from",
    "registered_to",
  ]
  static let eventColumns = ["patient_ref", "date", "code_system", "code", "value", "unit"]
  /// Rows of one consultation share a number.
  static let encounterColumn = "encounter"

  let patientsFile: String
  let eventsFile: String
  let practice: String
  let dates: ExtractDateFormat

  /// The patient's row comes before the events, which stay in the order of their file.
  private static let patientRow: UInt8 = 0
  private static let eventRow: UInt8 = 1

  func readRows(into sorter: ExternalSorter, _ summary: inout ExtractSummary) throws(ExtractInputError) {
    // Both headers are checked before the rows of either file.
    let patients = try ExtractTable(file: patientsFile, columns: ExtractColumns(required: Self.patientColumns))
    let events = try ExtractTable(
      file: eventsFile, columns: ExtractColumns(required: Self.eventColumns, optional: [Self.encounterColumn]))
    try readPatients(patients, sorter, &summary)
    try readEvents(events, sorter, &summary)
  }

  private func readPatients(
    _ table: ExtractTable, _ sorter: ExternalSorter, _ summary: inout ExtractSummary
  ) throws(ExtractInputError) {
    let columns = Self.patientColumns.map { table.requiredIndex(of: $0) }
    var key = RowPacker()
    var value = RowPacker()
    let before = summary.rows
    while try table.next() {
      summary.rows += 1
      key.clear()
      key.sortable(try table.nonEmpty(columns[0]))
      key.number(Self.patientRow)
      value.clear()
      value.number(Int64(table.row))
      value.date(try table.date(columns[2], dates))
      value.date(try table.date(columns[6], dates))
      value.date(try table.date(columns[7], dates))
      for column in [1, 3, 4, 5] { value.text(table.bytes(columns[column])) }
      try sorter.add(key, value)
    }
    // A practice always has patients; an empty file is a failed export, and would delete what was sent before.
    guard summary.rows > before else { throw ExtractInputError(file: patientsFile, .noRows) }
  }

  private func readEvents(
    _ table: ExtractTable, _ sorter: ExternalSorter, _ summary: inout ExtractSummary
  ) throws(ExtractInputError) {
    let columns = Self.eventColumns.map { table.requiredIndex(of: $0) }
    let encounter = table.index(of: Self.encounterColumn)
    var key = RowPacker()
    var value = RowPacker()
    while try table.next() {
      summary.rows += 1
      key.clear()
      key.sortable(try table.nonEmpty(columns[0]))
      key.number(Self.eventRow)
      value.clear()
      value.number(Int64(table.row))
      value.date(try table.date(columns[1], dates))
      value.number(try codeSystem(table, columns[2]))
      value.text(table.bytes(columns[3]))
      value.number(try encounter.map { column throws(ExtractInputError) in try self.encounter(table, column) } ?? 0)
      let measured = table.isEmpty(columns[4]) ? nil : FieldParsing.decimal(table.bytes(columns[4]))
      if measured == nil, !table.isEmpty(columns[4]) { summary.find(.valueNotNumeric) }
      value.number(measured == nil ? 0 : 1 as UInt8)
      if let measured {
        value.number(measured.bitPattern)
        let unit = table.string(columns[5])
        let isListed = Units.isListed(unit)
        if !isListed, !unit.isEmpty { summary.find(.unitNotListed) }
        value.text(isListed ? unit : "")
      }
      try sorter.add(key, value)
    }
  }

  /// 0 where the row belongs to none.
  private func encounter(_ table: ExtractTable, _ column: Int) throws(ExtractInputError) -> UInt32 {
    table.isEmpty(column) ? 0 : try table.number(column, 1...999_999_999)
  }

  /// An unknown system makes its code unreadable, dissent codes among them, so the extract is refused.
  private func codeSystem(_ table: ExtractTable, _ column: Int) throws(ExtractInputError) -> UInt8 {
    let system: CodeSystem
    switch table.string(column) {
    case "read2": system = .read2
    case "ctv3": system = .ctv3
    case "snomed": system = .snomed
    default: throw table.error(column, .notOneOf(["read2", "ctv3", "snomed"]))
    }
    return UInt8(system.rawValue)
  }

  func assembler(patientRef: String) -> Assembler {
    Assembler(extract: self, builder: RecordBuilder(patientRef: patientRef))
  }

  struct Assembler: RecordAssembler {
    let repeatedRows = 0
    fileprivate let extract: GPExtract
    fileprivate var builder: RecordBuilder
    private var patientRow: Int?

    fileprivate init(extract: GPExtract, builder: RecordBuilder) {
      self.extract = extract
      self.builder = builder
    }

    mutating func add(_ item: SortedItem) throws(ExtractInputError) {
      var value = RowUnpacker(item.value)
      let row = Int(value.number(Int64.self))
      if item.key.last == GPExtract.patientRow {
        if let patientRow {
          throw ExtractInputError(
            file: extract.patientsFile, row: row, column: GPExtract.patientColumns[0],
            .repeatedPatient(firstRow: patientRow))
        }
        patientRow = row
        addPatient(&value)
      } else {
        guard patientRow != nil else {
          throw ExtractInputError(
            file: extract.eventsFile, row: row, column: GPExtract.eventColumns[0],
            .unknownPatient(file: extract.patientsFile))
        }
        addEvent(&value)
      }
    }

    private mutating func addPatient(_ value: inout RowUnpacker) {
      builder.record.dateOfBirth = value.date()?.iso ?? ""
      builder.record.registeredFrom = value.date()?.iso ?? ""
      builder.record.registeredTo = value.date()?.iso ?? ""
      builder.record.nhsNumber = value.text()
      builder.record.sex = value.text()
      builder.record.postcode = value.text()
      builder.record.ethnicCategory = value.text()
      builder.record.practice = extract.practice
    }

    private mutating func addEvent(_ value: inout RowUnpacker) {
      guard !builder.isTooLarge else { return }
      let day = value.date()
      var entry = Entry(
        CodeSystem(rawValue: Int(value.number(UInt8.self))) ?? .unspecified, value.text(), day: day)
      entry.encounter = value.number(UInt32.self)
      if value.number(UInt8.self) == 1 {
        entry.value = Double(bitPattern: value.number(UInt64.self))
        entry.unit = value.text()
      }
      builder.append(entry)
    }

    consuming func finish() -> PatientRecord? { builder.finish() }
  }
}
