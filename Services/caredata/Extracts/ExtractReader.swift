import Contracts
import Glibc

/// One patient's part of an extract.
struct GroupedRecord {
  /// Without extract id, sequence, organisation, source, period, submission time and specification: the sender sets
  /// them.
  var record: PatientRecord
}

/// Reads an extract from its files, checks all of it, and then gives the records patient by patient.
///
/// 1. Rows: files → checked rows → external sort by patient (`RecordSource.readRows`).
/// 2. Check: sorted rows → records, of which only the counts and the faults are kept.
/// 3. `next`: sorted rows → records.
///
/// A fault of the files throws in steps 1 or 2, so nothing has been sent when it is found. Step 3 can fail only when a
/// temporary file can no longer be read. Faults of the data (a wrong check digit, no date of birth, an event without a
/// date) are no errors here: they travel, and ingestion judges them.
final class ExtractReader {
  let summary: ExtractSummary
  private let records: () throws(ExtractInputError) -> PatientRecord?

  /// - Parameters:
  ///   - path: the folder of the extract, or for hospital and community its file.
  ///   - organisation: the submitting organisation; a hospital's PROCODET must equal it.
  ///   - format: of FHIR, `path` is a file or a folder for every source.
  /// - Throws: the first fault of the files, or, where it takes several rows to see it, the one with the lowest row.
  init(
    source: ExtractSource, organisation: String, path: String, format: ExtractFormat = .csv,
    dates: ExtractDateFormat = .iso, resources: SortResources = SortResources()
  ) throws(ExtractInputError) {
    guard format == .csv else {
      (summary, records) = try read(
        FHIRExtract(path: path, source: source, organisation: organisation, resources: resources), resources)
      return
    }
    switch source {
    case .gp:
      let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
      guard isFolder(path) != false else {
        throw ExtractInputError(file: path, .notAFolder("patients.csv and events.csv"))
      }
      (summary, records) = try read(
        GPExtract(
          patientsFile: "\(folder)/patients.csv", eventsFile: "\(folder)/events.csv", practice: organisation,
          dates: dates), resources)
    case .hospital:
      let file = fileOrMember(path, "episodes.csv")
      (summary, records) = try read(
        HospitalExtract(file: file, organisation: organisation, dates: dates), resources)
    case .community:
      (summary, records) = try read(
        CommunityExtract(file: fileOrMember(path, "contacts.csv"), dates: dates), resources)
    }
  }

  /// The next record in the order of the patient references' bytes; nil after the last. Records too large to be sent
  /// are left out (`summary.rejected`).
  func next() throws -> GroupedRecord? { try records().map(GroupedRecord.init) }
}

private func read<Source: RecordSource>(
  _ source: Source, _ resources: SortResources
) throws(ExtractInputError) -> (ExtractSummary, () throws(ExtractInputError) -> PatientRecord?) {
  var summary = ExtractSummary()
  let sorter = ExternalSorter(resources)
  try source.readRows(into: sorter, &summary)
  let items = try sorter.finish()
  try check(PatientGroups(source, items), &summary)
  var groups = try PatientGroups(source, items)
  return (
    summary,
    { () throws(ExtractInputError) in
      while let assembler = try groups.next() {
        if let record = assembler.finish() { return record }
      }
      return nil
    }
  )
}

private func check<Source: RecordSource>(
  _ groups: consuming PatientGroups<Source>, _ summary: inout ExtractSummary
) throws(ExtractInputError) {
  var first: ExtractInputError?
  while true {
    do throws(ExtractInputError) {
      guard let assembler = try groups.next() else { break }
      summary.patients += 1
      summary.find(.repeatedRow, assembler.repeatedRows)
      if let record = assembler.finish() {
        summary.entries += record.entries.count
      } else {
        summary.reject(.recordTooLarge)
      }
    } catch {
      guard let row = error.row else { throw error }
      if row < first?.row ?? .max { first = error }
    }
  }
  if let first { throw first }
}

/// Nil when there is nothing at the path, which opening it will tell better.
func isFolder(_ path: String) -> Bool? {
  var information = stat()
  guard stat(path, &information) == 0 else { return nil }
  return information.st_mode & S_IFMT == S_IFDIR
}

private func fileOrMember(_ path: String, _ name: String) -> String {
  guard isFolder(path) == true else { return path }
  return path.hasSuffix("/") ? path + name : "\(path)/\(name)"
}
