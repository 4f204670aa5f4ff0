import Clinical
import Contracts

/// Makes the record of one patient from the Patient, the encounters and the coded resources, which come in this order
/// and among themselves in the order of their ids.
struct FHIRAssembler: RecordAssembler {
  private(set) var repeatedRows = 0
  private let extract: FHIRExtract
  private var builder: RecordBuilder
  private var previous: (key: [UInt8], values: [UInt8], place: FHIRPlace)?
  private var encounters: [Encounter] = []
  /// Name -> place in `encounters`, from 1.
  private var numbers: [String: UInt32] = [:]

  private struct Encounter {
    let name: String
    let start: Int32?
    /// Of the entries tied by it.
    var earliest: Int32 = .max

    var order: (Int32, String) { (start ?? earliest, name) }
  }

  init(extract: FHIRExtract, patientRef: String) {
    self.extract = extract
    builder = RecordBuilder(patientRef: patientRef)
  }

  mutating func add(_ item: SortedItem) throws(ExtractInputError) {
    var value = RowUnpacker(item.value)
    let place = FHIRPlace(&value)
    let start = item.patientRef.count + 1
    let kind = item.key[start]
    // Resources without an id end in the kind and an empty text.
    let hasIdentity = kind == FHIRExtract.patientRow || item.key.count > start + 2
    if hasIdentity, let previous, item.key.elementsEqual(previous.key) {
      guard value.rest.elementsEqual(previous.values) else {
        throw extract.error(
          place, kind == FHIRExtract.patientRow ? "Patient" : "id", .repeatedResource(extract.text(previous.place)))
      }
      repeatedRows += 1
      return
    }
    previous = (Array(item.key), Array(value.rest), place)
    guard !builder.isTooLarge else { return }
    switch kind {
    case FHIRExtract.patientRow: addPatient(&value)
    case FHIRExtract.encounterRow: addEncounter(&value)
    default: addEntries(&value)
    }
  }

  private mutating func addPatient(_ value: inout RowUnpacker) {
    builder.record.dateOfBirth = value.date()?.iso ?? ""
    builder.record.registeredFrom = value.date()?.iso ?? ""
    builder.record.registeredTo = value.date()?.iso ?? ""
    builder.record.nhsNumber = value.text()
    builder.record.statedGender = value.text()
    builder.record.postcode = value.text()
    builder.record.ethnicCategory = value.text()
    builder.record.practice = value.text()
  }

  private mutating func addEncounter(_ value: inout RowUnpacker) {
    let names = (0..<value.number(UInt8.self)).map { _ in value.text() }
    let start = value.date()
    let end = value.date()
    let method = value.text()
    encounters.append(Encounter(name: names.first ?? "", start: start?.day))
    for name in names { numbers[name] = UInt32(encounters.count) }
    guard !method.isEmpty else { return }
    var admission = Entry(.admissionMethod, method, day: start)
    if let end { admission.endDay = end.day }
    admission.encounter = UInt32(encounters.count)
    // The first episode of the stay.
    admission.position = 1
    builder.append(admission)
  }

  private mutating func addEntries(_ value: inout RowUnpacker) {
    let number = number(ofEncounter: value.text())
    for _ in 0..<value.number(UInt32.self) {
      var entry = value.fhirEntry()
      entry.encounter = number
      if number > 0, entry.hasDay {
        encounters[Int(number) - 1].earliest = min(encounters[Int(number) - 1].earliest, entry.day)
      }
      builder.append(entry)
    }
  }

  /// An encounter that was not sent ties its entries all the same.
  private mutating func number(ofEncounter name: String) -> UInt32 {
    if name.isEmpty { return 0 }
    if let number = numbers[name] { return number }
    encounters.append(Encounter(name: name, start: nil))
    numbers[name] = UInt32(encounters.count)
    return UInt32(encounters.count)
  }

  /// Numbers the encounters that tie something by their first day, and puts the entries into the order of their days.
  consuming func finish() -> PatientRecord? {
    let encounters = encounters
    builder.arrange { entries in
      let used = Set(entries.map(\.encounter)).subtracting([0]).sorted {
        encounters[Int($0) - 1].order < encounters[Int($1) - 1].order
      }
      let numbers = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, UInt32($0 + 1)) })
      let order = entries.indices.sorted { left, right in
        let days = (entries[left].hasDay ? entries[left].day : .min, entries[right].hasDay ? entries[right].day : .min)
        return days.0 == days.1 ? left < right : days.0 < days.1
      }
      entries = order.map { place in
        var entry = entries[place]
        entry.encounter = numbers[entry.encounter] ?? 0
        return entry
      }
    }
    return builder.finish()
  }
}
