import Clinical
import Contracts
import Glibc

/// The extract of any organisation as FHIR R4 resources: Bundles, NDJSON, or a folder of both.
///
/// Resources come in any order, and each refers to its patient by one of several names. So there are two sorts:
/// 1. by the name of the patient that a resource uses, which brings it together with the Patient that has that name;
/// 2. by the patient's reference, which brings together what becomes one record.
struct FHIRExtract: RecordSource {
  let path: String
  let files: [String]
  let source: ExtractSource
  let organisation: String
  let resources: SortResources

  /// - Parameter path: a `.json` or `.ndjson` file, or a folder of them and of nothing else.
  init(
    path: String, source: ExtractSource, organisation: String, resources: SortResources
  ) throws(ExtractInputError) {
    self.path = path
    self.source = source
    self.organisation = organisation
    self.resources = resources
    guard isFolder(path) == true else {
      files = [path]
      return
    }
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    var names: [String] = []
    guard let directory = opendir(path) else {
      throw ExtractInputError(file: path, .csv(.unreadable(String(cString: strerror(errno)))))
    }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    // What is left out of an extract is deleted, so a file is not passed over.
    for name in names.sorted() where !name.hasSuffix(".json") && !name.hasSuffix(".ndjson") {
      throw ExtractInputError(file: "\(folder)/\(name)", .notAFHIRFile)
    }
    guard !names.isEmpty else { throw ExtractInputError(file: path, .noFHIRFiles) }
    files = names.sorted().map { "\(folder)/\($0)" }
  }

  // MARK: - Rows

  /// What a row of the first sort is.
  private static let patientName: UInt8 = 0
  private static let ofPatient: UInt8 = 1
  /// What a row of the second sort is.
  static let patientRow: UInt8 = 0
  static let encounterRow: UInt8 = 1
  static let entriesRow: UInt8 = 2

  func readRows(into sorter: ExternalSorter, _ summary: inout ExtractSummary) throws(ExtractInputError) {
    let named = ExternalSorter(resources)
    let reader = FHIRResourceReader(source: source, organisation: organisation)
    var packing = FHIRPacking()
    var patients = 0
    for (number, name) in files.enumerated() {
      let file = try FHIRFile(file: name)
      while let piece = try file.next() {
        summary.rows += 1
        let place = FHIRPlace(file: UInt32(number), number: UInt32(piece.number ?? 0))
        guard let resource = try read(file.piece, piece.kind, reader, place) else { continue }
        if case .patient(let patient) = resource.content {
          patients += 1
          packing.patient(patient, place)
          try sorter.add(packing.key, packing.value)
          for name in resource.names {
            packing.name(name, of: patient, place, kind: Self.patientName)
            try named.add(packing.key, packing.value)
          }
        } else {
          packing.resource(resource, place, kind: Self.ofPatient)
          try named.add(packing.key, packing.value)
        }
      }
    }
    summary.find(reader.leftOut.counts)
    // A practice always has patients; an empty file is a failed export, and would delete what was sent before.
    if patients == 0, source == .gp { throw ExtractInputError(file: path, .noPatients) }
    try join(try named.finish(), into: sorter)
  }

  private func read(
    _ bytes: [UInt8], _ kind: FHIRPiece.Kind, _ reader: FHIRResourceReader, _ place: FHIRPlace
  ) throws(ExtractInputError) -> FHIRResource? {
    do {
      return try reader.read(bytes, kind)
    } catch let fault as FHIRFault {
      throw error(place, fault.element.isEmpty ? nil : fault.element, fault.fault)
    } catch {
      throw self.error(place, nil, .notJSON)
    }
  }

  /// Gives each resource the reference of the patient it names.
  ///
  /// - Throws: the first fault in the order of files and entries.
  private func join(_ items: SortedItems, into sorter: ExternalSorter) throws(ExtractInputError) {
    let cursor = try items.cursor()
    var name: [UInt8] = []
    var patient: (reference: [UInt8], place: FHIRPlace)?
    var first: (place: FHIRPlace, error: ExtractInputError)?
    func keep(_ place: FHIRPlace, _ error: ExtractInputError) {
      if first == nil || place < first!.place { first = (place, error) }
    }
    var packing = FHIRPacking()
    while let item = try cursor.next() {
      if !item.patientRef.elementsEqual(name) {
        name = Array(item.patientRef)
        patient = nil
      }
      var value = RowUnpacker(item.value)
      let place = FHIRPlace(&value)
      if item.key.last == Self.patientName {
        let reference = Array(value.rest)
        if let patient, patient.reference != reference {
          keep(place, error(place, "Patient.id", .repeatedResource(text(patient.place))))
        }
        patient = patient ?? (reference, place)
      } else if let patient {
        packing.joined(patient.reference, &value, place)
        try sorter.add(packing.key, packing.value)
      } else {
        keep(place, error(place, value.text(), .unknownPatient(file: "the extract")))
      }
    }
    if let first { throw first.error }
  }

  // MARK: - Places

  func error(_ place: FHIRPlace, _ element: String?, _ fault: ExtractInputError.Fault) -> ExtractInputError {
    let file = files[Int(place.file)]
    return ExtractInputError(
      file: file, row: place.number == 0 ? nil : Int(place.number), column: element, fault,
      form: file.hasSuffix(".ndjson") ? .lines : .bundle)
  }

  /// "entry 3", with the name of its file where there are several.
  func text(_ place: FHIRPlace) -> String {
    let file = files[Int(place.file)]
    let number = place.number == 0 ? "" : "\(file.hasSuffix(".ndjson") ? "line" : "entry") \(place.number)"
    if files.count == 1 { return number }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return number.isEmpty ? name : "\(number) of \(name)"
  }

  func assembler(patientRef: String) -> FHIRAssembler { FHIRAssembler(extract: self, patientRef: patientRef) }
}

/// Where a resource stands.
struct FHIRPlace: Comparable {
  let file: UInt32
  /// Entry or line; 0 where the file is one resource.
  let number: UInt32

  init(file: UInt32, number: UInt32) {
    self.file = file
    self.number = number
  }

  init(_ value: inout RowUnpacker) {
    file = value.number(UInt32.self)
    number = value.number(UInt32.self)
  }

  static func < (left: Self, right: Self) -> Bool { (left.file, left.number) < (right.file, right.number) }
}
