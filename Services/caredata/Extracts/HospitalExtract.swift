import Clinical
import Contracts
import Glibc

/// The extract of a hospital: episodes.csv, one row per consultant episode with the field names of HES.
struct HospitalExtract: RecordSource {
  static let columns = ExtractColumns(
    required: [
      "LOPATID", "NEWNHSNO", "DOB", "SEX", "HOMEADD", "GPPRAC", "PROCODET", "ADMIDATE", "DISDATE", "EPIORDER",
      "EPISTART", "EPIEND", "ADMIMETH",
    ],
    optional: [dischargeMethodColumn], numbered: [numbered("DIAG", 20), numbered("OPERTN", 24)])
  static let dischargeMethodColumn = "DISMETH"

  let file: String
  let organisation: String
  let dates: ExtractDateFormat

  private static func numbered(_ name: String, _ count: Int) -> [String] {
    (1...count).map { "\(name)_\($0 < 10 ? "0" : "")\($0)" }
  }

  func readRows(into sorter: ExternalSorter, _ summary: inout ExtractSummary) throws(ExtractInputError) {
    let table = try ExtractTable(file: file, columns: Self.columns)
    let columns = Self.columns.required.map { table.requiredIndex(of: $0) }
    let dischargeMethod = table.index(of: Self.dischargeMethodColumn)
    let codes = Self.columns.numbered.map { names in names.compactMap { table.index(of: $0) } }
    let provider = Array(organisation.utf8)
    var key = RowPacker()
    var value = RowPacker()
    while try table.next() {
      summary.rows += 1
      let code = table.bytes(columns[6])
      guard code.elementsEqual(provider) else { throw table.error(columns[6], .otherOrganisation(organisation)) }
      let admitted = try table.date(columns[7], dates)
      let started = try table.date(columns[10], dates)
      let order = try table.number(columns[9], 1...999)
      key.clear()
      key.sortable(try table.nonEmpty(columns[0]))
      key.sortable(admitted?.day ?? .min)
      key.sortable(started?.day ?? .min)
      key.sortable(Int32(order))
      value.clear()
      value.number(Int64(table.row))
      value.date(admitted)
      value.date(try table.date(columns[8], dates))
      value.date(started)
      value.date(try table.date(columns[11], dates))
      value.number(order)
      value.date(try table.date(columns[2], dates))
      for column in [1, 3, 4, 5, 12] { value.text(table.bytes(columns[column])) }
      value.text(dischargeMethod.map { table.bytes($0) } ?? UnsafeRawBufferPointer(start: nil, count: 0))
      for group in codes {
        for (place, column) in group.enumerated() where !table.isEmpty(column) {
          value.number(UInt8(place + 1))
          value.text(table.bytes(column))
        }
        value.number(0 as UInt8)
      }
      try sorter.add(key, value)
    }
  }

  func assembler(patientRef: String) -> Assembler { Assembler(builder: RecordBuilder(patientRef: patientRef)) }

  struct Assembler: RecordAssembler {
    private(set) var repeatedRows = 0
    private var builder: RecordBuilder
    private var encounter: UInt32 = 0
    /// EPISTART (days, missing lowest) and row of the episode whose demographics count so far.
    private var latest: (day: Int32, row: Int64)?
    private var key: [UInt8] = []
    /// The different rows of the current key, without their row numbers.
    private var rowsOfKey: [[UInt8]] = []

    fileprivate init(builder: RecordBuilder) { self.builder = builder }

    mutating func add(_ item: SortedItem) {
      var value = RowUnpacker(item.value)
      let row = value.number(Int64.self)
      guard isNew(item.key, value.rest) else {
        repeatedRows += 1
        return
      }
      let admitted = value.date()
      let discharged = value.date()
      let started = value.date()
      _ = value.date()
      let order = value.number(UInt32.self)
      addPatient(&value, started?.day ?? .min, row)
      encounter += 1
      var admission = Entry(.admissionMethod, value.text(), day: admitted)
      if let discharged { admission.endDay = discharged.day }
      append(&admission, position: order)
      let dischargeMethod = value.text()
      if !dischargeMethod.isEmpty {
        var discharge = Entry(.dischargeMethod, dischargeMethod, day: discharged)
        append(&discharge, position: order)
      }
      for system in [CodeSystem.icd10, .opcs4] {
        while case let place = value.number(UInt8.self), place > 0 {
          var entry = Entry(system, value.text(), day: started ?? admitted)
          append(&entry, position: UInt32(place))
        }
      }
    }

    /// A row repeated in full is one episode. Rows with the same key follow one another.
    private mutating func isNew(_ key: UnsafeRawBufferPointer, _ row: UnsafeRawBufferPointer) -> Bool {
      if !key.elementsEqual(self.key) {
        self.key = Array(key)
        rowsOfKey = []
      }
      guard !rowsOfKey.contains(where: { row.elementsEqual($0) }) else { return false }
      if !builder.isTooLarge { rowsOfKey.append(Array(row)) }
      return true
    }

    private mutating func addPatient(_ value: inout RowUnpacker, _ day: Int32, _ row: Int64) {
      let born = value.date()
      let texts = (value.text(), value.text(), value.text(), value.text())
      if let latest, (day, row) <= latest { return }
      latest = (day, row)
      builder.record.dateOfBirth = born?.iso ?? ""
      (builder.record.nhsNumber, builder.record.sex, builder.record.postcode, builder.record.practice) = texts
    }

    private mutating func append(_ entry: inout Entry, position: UInt32) {
      entry.encounter = encounter
      entry.position = position
      builder.append(entry)
    }

    consuming func finish() -> PatientRecord? { builder.finish() }
  }
}
