import Clinical
import Foundation
import Tables

/// The codes of a list in a file, each of them able to match.
///
/// A list with one entry that could never match anything is refused whole: the entry means something that would then
/// silently not be collected, or not be left out. All faulty lines are named at once; codes are public.
public struct CodeListFile: Sendable {
  public let codes: CodeSet
  /// What the list calls its codes, where it does.
  public let terms: [ClinicalCode: String]

  /// Reads a CSV file with a header row.
  ///
  /// The column of the codes and their system are recognised from the header where it tells them (`CTV3ID`, `Readcode`,
  /// `ICD10code`, `dmd_id`, `code` beside `system`). `system` says it otherwise; `column` names the column where the
  /// header leaves it open.
  public static func csv(
    file: String, system: ClinicalCode.System? = nil, column: String? = nil
  ) throws(SpecificationFaults) -> CodeListFile {
    try csv(bytes(of: file), file: file, system: system, column: column)
  }

  /// Reads the active members of one reference set from a file in SNOMED CT's release format (RF2, simple reference
  /// sets), as the official lists come.
  public static func referenceSet(_ id: String, file: String) throws(SpecificationFaults) -> CodeListFile {
    try referenceSet(id, bytes(of: file), file: file)
  }

  static func csv(
    _ bytes: [UInt8], file: String, system: ClinicalCode.System?, column: String?
  ) throws(SpecificationFaults) -> CodeListFile {
    var reader = CodeListReader(CSVReader(bytes, file: file))
    reader.read(system, column: column)
    return try reader.list.get(reader.faults)
  }

  static func referenceSet(_ id: String, _ bytes: [UInt8], file: String) throws(SpecificationFaults) -> CodeListFile {
    var reader = ReferenceSetReader(file: file)
    reader.read(id, bytes)
    return try reader.list.get(reader.faults)
  }

  private static func bytes(of file: String) throws(SpecificationFaults) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    } catch {
      throw SpecificationFaults([SpecificationFault(file: file, line: nil, "cannot be read")])
    }
  }
}

/// The codes read so far.
struct CodeListEntries {
  private(set) var codes: Set<ClinicalCode> = []
  private(set) var terms: [ClinicalCode: String] = [:]

  mutating func add(_ code: ClinicalCode, term: String?) {
    codes.insert(code)
    // The first one is the preferred term where a code is repeated with its synonyms.
    if let term, !term.isEmpty, terms[code] == nil { terms[code] = term }
  }

  func get(_ faults: [SpecificationFault]) throws(SpecificationFaults) -> CodeListFile {
    guard faults.isEmpty else { throw SpecificationFaults(faults) }
    return CodeListFile(codes: CodeSet(codes), terms: terms)
  }
}

/// Goes through a CSV file and collects what is wrong.
private struct CodeListReader {
  private let reader: CSVReader
  private(set) var list = CodeListEntries()
  private(set) var faults: [SpecificationFault] = []

  init(_ reader: CSVReader) { self.reader = reader }

  mutating func read(_ system: ClinicalCode.System?, column: String?) {
    do throws(CSVError) {
      guard try reader.next() else {
        return fault("the file is empty", hint: "a header row is expected, for example code,term,system")
      }
      let header = (0..<reader.fieldCount).map { text($0) }
      let layout: CodeListLayout
      do throws(CodeListLayout.Fault) {
        layout = try CodeListLayout(header, system, column: column)
      } catch {
        return fault(line: reader.line, error.reason, hint: error.hint)
      }
      while try reader.next() { entry(layout, columns: header.count) }
    } catch {
      // What follows cannot be told apart any more.
      return fault(line: error.line, "\(error.fault)")
    }
    if list.codes.isEmpty, faults.isEmpty { fault("the list has no codes") }
  }

  private mutating func entry(_ layout: CodeListLayout, columns: Int) {
    // An empty line is no entry.
    if reader.fieldCount == 1, reader.field(0).isEmpty { return }
    guard reader.fieldCount == columns else {
      return fault(
        line: reader.line, "\(reader.fieldCount) values where the header has \(columns)",
        hint: reader.fieldCount > columns ? "a term with a comma stands in quotes" : nil)
    }
    let name = layout.systemColumn.map { text($0) } ?? ""
    var system = layout.system
    if !name.isEmpty {
      guard let named = ClinicalCode.System(name: name.lowercased()) else {
        return fault(line: reader.line, "'\(name)' is no code system", hint: "use \(ClinicalCode.System.names)")
      }
      if let system, system != named {
        return fault(line: reader.line, "the system is \(name), but \(system.name) is declared for the list")
      }
      system = named
    }
    guard let system else { return fault(line: reader.line, "the code system is missing") }
    let code = text(layout.code)
    if layout.needsTermCode, code.utf8.count != 7 {
      return fault(
        line: reader.line, "'\(code)' could be a Read v2 or a CTV3 code", hint: "say system: read2 or system: ctv3")
    }
    switch CodeListEntry.code(code, system) {
    case .success(let code): list.add(code, term: layout.term.map { text($0) })
    case .failure(let unusable): fault(line: reader.line, unusable.reason, hint: unusable.hint)
    }
  }

  private func text(_ column: Int) -> String { String(decoding: reader.field(column), as: UTF8.self) }

  private mutating func fault(line: Int? = nil, _ reason: String, hint: String? = nil) {
    faults.append(SpecificationFault(file: reader.file, line: line, reason, hint: hint))
  }
}
