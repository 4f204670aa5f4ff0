import Clinical
import Contracts

/// Where a clinical resource has what is taken from it.
struct FHIRClinicalType {
  let subject: String
  let code: String
  /// The first that is there counts.
  let dates: [String]
  /// Every element that is looked at.
  let read: Set<String>

  private init(subject: String, code: String, dates: [String]) {
    self.subject = subject
    self.code = code
    self.dates = dates
    read = Set(
      dates + [code, "component", "valueQuantity", "valueInteger", "extension", "doNotPerform", "modifierExtension"])
  }

  static let all: [String: FHIRClinicalType] = [
    "Condition": .init(subject: "subject", code: "code", dates: ["onsetDateTime", "onsetPeriod", "recordedDate"]),
    "Observation": .init(
      subject: "subject", code: "code", dates: ["effectiveDateTime", "effectivePeriod", "effectiveInstant"]),
    "MedicationRequest": .init(subject: "subject", code: "medicationCodeableConcept", dates: ["authoredOn"]),
    "Immunization": .init(subject: "patient", code: "vaccineCode", dates: ["occurrenceDateTime"]),
    "Procedure": .init(subject: "subject", code: "code", dates: ["performedDateTime", "performedPeriod"]),
    "AllergyIntolerance": .init(
      subject: "patient", code: "code", dates: ["onsetDateTime", "onsetPeriod", "recordedDate"]),
  ]

}

/// Says of a resource that it never happened, or is not to be believed.
enum FHIRStatus {
  private static let void: Set = [
    "entered-in-error", "refuted", "not-done", "cancelled", "refused", "not-taken", "planned", "preparation", "draft",
  ]

  /// What it says, for the count; nil when the resource holds.
  static func voided(_ resource: FHIRElement) throws -> String? {
    if let status = try resource.text("status"), void.contains(status) { return status }
    if let verification = try resource.element("verificationStatus") {
      for coding in try verification.elements("coding") {
        if let code = try coding.text("code"), void.contains(code) { return code }
      }
    }
    return try resource.boolean("doNotPerform") == true ? "doNotPerform" : nil
  }
}

/// The entries that one clinical resource becomes.
struct FHIRClinicalEntries {
  private(set) var entries: [FHIREntry] = []
  private let leftOut: FHIRLeftOut

  init(_ resource: FHIRElement, _ type: FHIRClinicalType, _ leftOut: FHIRLeftOut) throws {
    self.leftOut = leftOut
    try read(resource, type)
  }

  private mutating func read(_ resource: FHIRElement, _ type: FHIRClinicalType) throws {
    leftOut.unread(in: resource, read: type.read)
    let day = try date(resource, type.dates)
    // Its words may mean the opposite, or the source may want it kept back. An objection still counts.
    let withheld =
      resource.has("modifierExtension")
      ? "modifierExtension" : try FHIRSecurity.isRestricted(resource) ? "restricted" : nil
    if let withheld { leftOut.count("\(resource.path):\(withheld)") }
    try add(resource, type.code, day)
    for component in try resource.elements("component") {
      leftOut.unread(in: component, read: ["code", "valueQuantity", "valueInteger"])
      try add(component, "code", day)
    }
    try readExtensions(resource, day)
    if withheld != nil { entries.removeAll { !$0.isObjection } }
  }

  /// The concept of an element that has one, and what was measured.
  private mutating func add(_ element: FHIRElement, _ name: String, _ day: CalendarDate?) throws {
    if let found = try element.element(name) {
      let concept = try FHIRConcept(found, leftOut)
      if concept.chosen == nil { leftOut.count(found.path) }
      for code in concept.codes {
        var entry = FHIREntry(system: code.contractSystem, code: code.code, day: day)
        if code == concept.chosen, !code.isObjection {
          let measurement = try FHIRMeasurement(element, leftOut)
          entry.value = measurement.value
          entry.unit = measurement.unit
        }
        entries.append(entry)
      }
    }
    // An answer is no finding of its own: "family history of", "diabetes". But it may be an objection.
    if let answer = try element.element("valueCodeableConcept") {
      let objections = try FHIRConcept(answer, leftOut).objections
      entries += objections.map { FHIREntry(system: $0.contractSystem, code: $0.code, day: day) }
    }
  }

  /// UK Core: which vaccination it was, beside the product.
  private mutating func readExtensions(_ resource: FHIRElement, _ day: CalendarDate?) throws {
    for found in try resource.elements("extension") {
      if try found.text("url") == FHIRNames.vaccinationProcedureExtension, found.has("valueCodeableConcept") {
        let element = try found.element("valueCodeableConcept")!.named("\(resource.path).vaccinationProcedure")
        let codes = try FHIRConcept(element, leftOut).codes
        entries += codes.map { FHIREntry(system: $0.contractSystem, code: $0.code, day: day) }
      } else {
        leftOut.count("\(resource.path).extension")
      }
    }
  }

  private mutating func date(_ resource: FHIRElement, _ names: [String]) throws -> CalendarDate? {
    for name in names {
      let date =
        name.hasSuffix("Period")
        ? try resource.element(name)?.date("start") ?? .absent : try resource.date(name)
      switch date {
      case .day(let day): return day
      case .partial:
        leftOut.count("\(resource.path).\(name):partial")
        return nil
      case .absent: continue
      }
    }
    return nil
  }
}

extension FHIREntry {
  var isObjection: Bool {
    ClinicalCode.System(rawValue: system.rawValue).map { FHIRCode(system: $0, code: code).isObjection } ?? false
  }
}

/// A contact or a stay. Its number ties the entries recorded in it; a hospital's with a method of admission is an entry
/// of its own.
struct FHIREncounter {
  private(set) var start: CalendarDate?
  private(set) var end: CalendarDate?
  private(set) var admissionMethod = ""

  private static let read: Set = ["hospitalization"]
  /// Of v3-ActCode: no stay, whatever else is said.
  private static let notAdmitted: Set = ["AMB", "FLD", "HH", "VR", "PRENC"]

  init(_ encounter: FHIRElement, isHospital: Bool, _ leftOut: FHIRLeftOut) throws {
    leftOut.unread(in: encounter, read: isHospital ? Self.read : [])
    if let period = try encounter.element("period") {
      start = try period.date("start").date
      end = try period.date("end").date
    }
    guard isHospital, let stay = try encounter.element("hospitalization") else { return }
    let isStay = try encounter.element("class")?.text("code").map { !Self.notAdmitted.contains($0) } ?? true
    leftOut.unread(in: stay, read: ["extension"])
    for found in try stay.elements("extension") {
      guard isStay, try found.text("url") == FHIRNames.admissionMethodExtension,
        let concept = try found.element("valueCodeableConcept")
      else {
        leftOut.count("\(stay.path).extension")
        continue
      }
      for coding in try concept.elements("coding") where try coding.text("system") == FHIRNames.admissionMethods {
        admissionMethod = try coding.text("code") ?? admissionMethod
      }
    }
  }
}
