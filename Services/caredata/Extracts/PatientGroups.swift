import Contracts
import Glibc

/// Checks the rows of one source and makes records of them.
///
/// The key of a row begins with the patient reference (`RowPacker.sortable`), so that after the sort the rows of a
/// patient lie together; what follows it orders them.
protocol RecordSource {
  associatedtype Assembler: RecordAssembler

  /// Checks every row of the files and adds it to the sort. Throws at the first faulty row.
  func readRows(into sorter: ExternalSorter, _ summary: inout ExtractSummary) throws(ExtractInputError)
  func assembler(patientRef: String) -> Assembler
}

/// Makes the record of one patient from the rows of it, in the order of their keys.
protocol RecordAssembler {
  var repeatedRows: Int { get }

  /// Throws when the row contradicts another row of the patient.
  mutating func add(_ item: SortedItem) throws(ExtractInputError)
  /// The record, or nil when it is too large to be sent.
  consuming func finish() -> PatientRecord?
}

/// Walks through sorted rows patient by patient.
struct PatientGroups<Source: RecordSource> {
  private let source: Source
  private let cursor: SortedCursor
  private var current: SortedItem?

  init(_ source: Source, _ items: SortedItems) throws(ExtractInputError) {
    self.source = source
    cursor = try items.cursor()
    current = try cursor.next()
  }

  /// The rows of the next patient; nil after the last. When it throws for a fault of the rows, the following call goes
  /// on with the next patient.
  mutating func next() throws(ExtractInputError) -> Source.Assembler? {
    guard let first = current else { return nil }
    let patient = Array(first.patientRef)
    var assembler = source.assembler(patientRef: String(decoding: patient, as: UTF8.self))
    var fault: ExtractInputError?
    while let item = current, isSame(item.patientRef, patient) {
      if fault == nil {
        do throws(ExtractInputError) {
          try assembler.add(item)
        } catch {
          fault = error
        }
      }
      current = try cursor.next()
    }
    if let fault { throw fault }
    return assembler
  }

  private func isSame(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Bool {
    left.count == right.count && memcmp(left.baseAddress!, right, right.count) == 0
  }
}

extension SortedItem {
  /// The part of the key before the first zero byte.
  var patientRef: UnsafeRawBufferPointer {
    let key = self.key
    guard let end = key.firstIndex(of: 0) else { preconditionFailure("the key of a row begins with a patient") }
    return UnsafeRawBufferPointer(rebasing: key[..<end])
  }
}
