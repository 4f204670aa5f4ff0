import Clinical
import Contracts

/// A code of a system that is collected.
struct FHIRCode: Equatable {
  let system: ClinicalCode.System
  let code: String

  var isObjection: Bool { ObjectionCode.decision(system: system, code: code) != nil }
  /// Whether the code has the form of its system.
  var isValid: Bool { (try? ClinicalCode(system: system, normalising: code)) != nil }
}

/// The codes of one CodeableConcept: several codings of it say the same in different systems.
struct FHIRConcept {
  /// The one that stands for the concept.
  private(set) var chosen: FHIRCode?
  /// Whatever was chosen, these are sent: a translation may have lost that it is an objection.
  private(set) var objections: [FHIRCode] = []

  /// Which coding stands for the concept, best first.
  private static let preference: [ClinicalCode.System] = [.snomed, .ctv3, .read2, .icd10, .opcs4]

  /// - Throws: ``FHIRFault`` for a code whose system is unknown: it could be a patient's objection.
  init(_ element: FHIRElement, _ leftOut: FHIRLeftOut) throws {
    leftOut.unread(in: element, read: ["coding"])
    var codes: [FHIRCode] = []
    for coding in try element.elements("coding") {
      if coding.has("display") { leftOut.count("\(element.path).display") }
      guard let code = try coding.text("code") else { continue }
      guard let uri = try coding.text("system") else { throw coding.fault("system", .unknownCodeSystem(nil)) }
      switch FHIRNames.system(uri) {
      case .collected(let system): codes.append(FHIRCode(system: system, code: code))
      case .leftOut(let name): leftOut.count("coding:\(name)")
      case .unknown: throw coding.fault("system", .unknownCodeSystem(FHIRNames.printable(uri)))
      }
    }
    let ordered = Self.preference.flatMap { system in codes.filter { $0.system == system } }
    chosen = ordered.first(where: \.isValid) ?? ordered.first
    objections = codes.filter(\.isObjection)
  }

  /// The codes to send: the chosen one, then objections that are not it.
  var codes: [FHIRCode] { (chosen.map { [$0] } ?? []) + objections.filter { $0 != chosen } }
}

extension FHIRCode {
  var contractSystem: CodeSystem { CodeSystem(rawValue: system.rawValue) ?? .unspecified }
}

/// A code with its day and value, as an entry of a record.
struct FHIREntry: Equatable {
  let system: CodeSystem
  let code: String
  let day: CalendarDate?
  var value: Double?
  var unit = ""
}

/// What an Observation or one of its components measured.
struct FHIRMeasurement {
  private(set) var value: Double?
  private(set) var unit = ""

  private static let read: Set = ["value", "comparator", "unit", "system", "code"]
  /// Larger numbers are no measurements, but could be NHS numbers or dates of birth.
  private static let limit = 1e7

  /// - Parameter element: an Observation or a component.
  init(_ element: FHIRElement, _ leftOut: FHIRLeftOut) throws {
    if element.has("valueInteger") {
      value = Self.measured(try element.number("valueInteger"), leftOut)
    }
    guard let quantity = try element.element("valueQuantity") else { return }
    leftOut.unread(in: quantity, read: Self.read)
    guard quantity.has("value") else { return }
    // "< 5" is not 5.
    guard !quantity.has("comparator") else {
      leftOut.count("\(quantity.path).comparator")
      return
    }
    value = Self.measured(try quantity.number("value"), leftOut)
    guard value != nil else { return }
    let isUCUM = try quantity.text("system") == "http://unitsofmeasure.org"
    let units = [isUCUM ? try quantity.text("code") : nil, try quantity.text("unit")].compactMap(\.self)
    unit = units.first(where: Units.isListed) ?? ""
    if unit.isEmpty, !units.isEmpty { leftOut.count(ExtractFinding.unitNotListed.rawValue) }
  }

  private static func measured(_ number: Double?, _ leftOut: FHIRLeftOut) -> Double? {
    guard let number, abs(number) < limit else {
      leftOut.count(ExtractFinding.valueNotNumeric.rawValue)
      return nil
    }
    return number
  }
}
