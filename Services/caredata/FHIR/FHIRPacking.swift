import Clinical
import Contracts

/// Packs what was read for the two sorts of a FHIR extract. Each value begins with the place of its resource.
struct FHIRPacking {
  private(set) var key = RowPacker()
  private(set) var value = RowPacker()

  // MARK: - First sort: by the name of the patient

  /// One of the names of a Patient, with its reference.
  mutating func name(_ name: String, of patient: FHIRPatient, _ place: FHIRPlace, kind: UInt8) {
    start(name, kind)
    add(place)
    value.rest(patient.reference)
  }

  /// A resource that names its patient. The value holds what the second sort's key and value need.
  mutating func resource(_ resource: FHIRResource, _ place: FHIRPlace, kind: UInt8) {
    start(resource.subject, kind)
    add(place)
    let identity = resource.names.first ?? ""
    value.text(resource.subjectElement)
    value.text(identity)
    switch resource.content {
    case .patient: preconditionFailure("a Patient names no patient")
    case .encounter(let encounter):
      value.number(FHIRExtract.encounterRow)
      value.number(UInt8(resource.names.count))
      for name in resource.names { value.text(name) }
      value.date(encounter.start)
      value.date(encounter.end)
      value.text(encounter.admissionMethod)
    case .entries(let entries):
      value.number(FHIRExtract.entriesRow)
      value.text(resource.encounter)
      value.number(UInt32(entries.count))
      for entry in entries { add(entry) }
    }
  }

  // MARK: - Second sort: by the reference of the patient

  mutating func patient(_ patient: FHIRPatient, _ place: FHIRPlace) {
    start(patient.reference, FHIRExtract.patientRow)
    add(place)
    value.date(patient.dateOfBirth)
    value.date(patient.registeredFrom)
    value.date(patient.registeredTo)
    value.text(patient.nhsNumber)
    value.text(patient.statedGender)
    value.text(patient.postcode)
    value.text(patient.ethnicCategory)
    value.text(patient.practice)
  }

  /// - Parameter joined: behind the place; what `resource` packed.
  mutating func joined(_ patient: [UInt8], _ joined: inout RowUnpacker, _ place: FHIRPlace) {
    _ = joined.text()
    let identity = joined.text()
    let kind = joined.number(UInt8.self)
    key.clear()
    patient.withUnsafeBytes { key.sortable($0) }
    key.number(kind)
    key.sortable(identity)
    value.clear()
    add(place)
    value.rest(joined.rest)
  }

  // MARK: - Parts

  private mutating func start(_ name: String, _ kind: UInt8) {
    key.clear()
    key.sortable(name)
    key.number(kind)
    value.clear()
  }

  private mutating func add(_ place: FHIRPlace) {
    value.number(place.file)
    value.number(place.number)
  }

  private mutating func add(_ entry: FHIREntry) {
    value.number(UInt8(entry.system.rawValue))
    value.text(entry.code)
    value.date(entry.day)
    value.number(entry.value == nil ? 0 : 1 as UInt8)
    if let measured = entry.value {
      value.number(measured.bitPattern)
      value.text(entry.unit)
    }
  }
}

extension RowUnpacker {
  mutating func fhirEntry() -> Entry {
    let system = CodeSystem(rawValue: Int(number(UInt8.self))) ?? .unspecified
    let code = text()
    var entry = Entry(system, code, day: date())
    if number(UInt8.self) == 1 {
      entry.value = Double(bitPattern: number(UInt64.self))
      entry.unit = text()
    }
    return entry
  }
}
