import Clinical
import Foundation

/// What the connector takes from one resource.
struct FHIRResource {
  enum Content {
    case patient(FHIRPatient)
    case encounter(FHIREncounter)
    case entries([FHIREntry])
  }

  var content: Content
  /// The names that others may use for it.
  let names: [String]
  /// The name it gives its patient; empty for a Patient.
  var subject = ""
  /// Where it does so, for an error.
  var subjectElement = ""
  /// The name of the encounter that ties it to others; empty for none.
  var encounter = ""
}

/// Decodes resources and counts what is left out of them.
final class FHIRResourceReader {
  let leftOut = FHIRLeftOut()
  private let isHospital: Bool
  /// The submitting practice; nil for other organisations.
  private let practice: String?
  private let decoder = JSONDecoder()
  private let call = Call()

  init(source: ExtractSource, organisation: String) {
    isHospital = source == .hospital
    practice = source == .gp ? organisation : nil
    decoder.userInfo[Visit.key] = call
  }

  /// Nil when nothing of the resource is sent.
  ///
  /// - Throws: ``FHIRFault``.
  func read(_ bytes: [UInt8], _ kind: FHIRPiece.Kind) throws -> FHIRResource? {
    var resource: FHIRResource?
    call.body = { decoder in
      let root = try FHIRElement(decoder, path: kind == .entry ? "entry" : "resource")
      resource = kind == .entry ? try self.readEntry(root, bytes) : try self.readResource(root, nil, bytes)
    }
    defer { call.body = { _ in } }
    do {
      _ = try decoder.decode(Visit.self, from: Data(bytes))
    } catch let fault as FHIRFault {
      throw fault
    } catch {
      // The text of a decoding error can quote the file.
      throw FHIRFault(element: "", fault: .notJSON)
    }
    return resource
  }

  private func readEntry(_ entry: FHIRElement, _ bytes: [UInt8]) throws -> FHIRResource? {
    guard let resource = try entry.element("resource") else {
      leftOut.count("Bundle.entry:without resource")
      return nil
    }
    return try readResource(resource, try entry.text("fullUrl"), bytes)
  }

  private func readResource(_ unnamed: FHIRElement, _ fullURL: String?, _ bytes: [UInt8]) throws -> FHIRResource? {
    guard let type = try unnamed.text("resourceType") else { throw unnamed.fault("resourceType", .emptyValue) }
    guard FHIRNames.resourceTypes.contains(type) else { throw unnamed.fault("resourceType", .notFHIR) }
    let resource = unnamed.named(type)
    // A patient's consent or its refusal, in codes that this connector does not know.
    if type == "Consent" || type == "Bundle" { throw resource.fault(.resourceNotRead) }
    let clinical = FHIRClinicalType.all[type]
    guard clinical != nil || type == "Patient" || type == "Encounter" else {
      leftOut.count(type)
      try checkObjections(resource, bytes)
      return nil
    }
    if let status = try FHIRStatus.voided(resource) {
      leftOut.count("\(type):\(status)")
      return nil
    }
    let names = FHIRReference.names(type: type, id: try resource.text("id"), fullURL: fullURL)
    if type == "Patient" {
      let patient = try FHIRPatient(resource, registeredWith: practice, leftOut)
      guard !patient.reference.isEmpty else { throw resource.fault("id", .emptyValue) }
      try checkObjections(resource, bytes)
      return FHIRResource(content: .patient(patient), names: names)
    }
    let element = clinical?.subject ?? "subject"
    guard let subject = try reference(resource, element, to: "Patient") else {
      throw resource.fault(element, .emptyValue)
    }
    var result = FHIRResource(
      content: .entries([]), names: names, subject: subject, subjectElement: "\(type).\(element)")
    if let clinical {
      let entries = try FHIRClinicalEntries(resource, clinical, leftOut).entries
      result.content = .entries(entries)
      result.encounter = try reference(resource, "encounter", to: "Encounter") ?? ""
      if entries.contains(where: \.isObjection) { return result }
    } else {
      result.content = .encounter(try FHIREncounter(resource, isHospital: isHospital, leftOut))
    }
    try checkObjections(resource, bytes)
    return result
  }

  private func reference(_ resource: FHIRElement, _ name: String, to type: String) throws -> String? {
    guard let element = try resource.element(name), let text = try element.text("reference") else { return nil }
    guard let target = FHIRReference.name(text, type: type) else {
      throw element.fault("reference", .notAReference(type))
    }
    return target
  }

  // MARK: - Objections where nobody looks

  /// An objection may stand in an element or a resource that is not read. Then the extract is refused, for the patient
  /// would be sent in spite of it.
  private func checkObjections(_ resource: FHIRElement, _ bytes: [UInt8]) throws {
    let holdsOne = bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while let quote = rest.firstIndex(of: UInt8(ascii: "\"")) {
        rest = rest[(quote + 1)...]
        for code in Self.dissents where rest.first == code[0] && rest.starts(with: code) { return true }
      }
      return false
    }
    if holdsOne { throw resource.fault(.unreadObjection) }
  }

  /// As they stand behind a quotation mark, with and without padding.
  private static let dissents: [[UInt8]] = ObjectionCode.dissents.flatMap { code in
    let bare = String(code.code.prefix { $0 != "." })
    return (bare == code.code ? [bare + "\""] : [bare + "\"", bare + "."]).map { Array($0.utf8) }
  }
}

/// Hands the decoder to the reader. Elements are looked at only while the decoder reads them.
private struct Visit: Decodable {
  static let key = CodingUserInfoKey(rawValue: "call")!

  init(from decoder: any Decoder) throws {
    guard let call = decoder.userInfo[Self.key] as? Call else { preconditionFailure("the reader sets it") }
    try call.body(decoder)
  }
}

/// Used by one reader on one thread; only the type of `userInfo` asks for Sendable.
private final class Call: @unchecked Sendable {
  var body: (any Decoder) throws -> Void = { _ in }
}
