import Clinical

/// What is taken from a Patient.
struct FHIRPatient: Equatable {
  /// The organisation's own number of the patient, else the resource's id.
  var reference = ""
  var nhsNumber = ""
  var dateOfBirth: CalendarDate?
  /// PERSON STATED GENDER CODE.
  var statedGender = ""
  var postcode = ""
  var ethnicCategory = ""
  var practice = ""
  var registeredFrom: CalendarDate?
  var registeredTo: CalendarDate?

  private static let read: Set = ["identifier", "birthDate", "gender", "address", "extension", "generalPractitioner"]

  init() {}

  /// - Parameter registeredWith: the practice that submits, or nil for a hospital or community provider.
  init(_ patient: FHIRElement, registeredWith practice: String?, _ leftOut: FHIRLeftOut) throws {
    leftOut.unread(in: patient, read: Self.read)
    try readIdentifiers(patient)
    switch try patient.date("birthDate") {
    case .day(let date): dateOfBirth = date
    case .partial: leftOut.count("\(patient.path).birthDate:partial")
    case .absent: break
    }
    try readGender(patient)
    try readEthnicCategory(patient, leftOut)
    // Where a protected person lives must not be found out, and the practice is near.
    let isRestricted = try FHIRSecurity.isRestricted(patient)
    if isRestricted { leftOut.count("\(patient.path):restricted") }
    if !isRestricted { postcode = try Self.postcode(patient) ?? "" }
    try readPractice(patient, practice, isRestricted, leftOut)
  }

  // MARK: - Identity

  private mutating func readIdentifiers(_ patient: FHIRElement) throws {
    var local: [(rank: Int, system: String, value: String)] = []
    for identifier in try patient.elements("identifier") {
      guard let value = try identifier.text("value"), try identifier.text("use") != "old" else { continue }
      let system = try identifier.text("system") ?? ""
      if system == FHIRNames.nhsNumber {
        if nhsNumber.isEmpty { nhsNumber = value }
      } else if let rank = try Self.localRank(identifier) {
        local.append((rank, system, value))
      }
    }
    let first = local.min { ($0.rank, $0.system, $0.value) < ($1.rank, $1.system, $1.value) }
    reference = try first?.value ?? patient.text("id") ?? ""
  }

  /// A medical record number before a patient's internal number before one whose kind is not said; nil for numbers of
  /// other registers, such as passports.
  private static func localRank(_ identifier: FHIRElement) throws -> Int? {
    guard let type = try identifier.element("type") else { return 2 }
    let codes = try type.elements("coding").filter { try $0.text("system") == FHIRNames.identifierType }
      .compactMap { try $0.text("code") }
    if codes.contains("MR") { return 0 }
    return codes.contains("PI") ? 1 : nil
  }

  private mutating func readGender(_ patient: FHIRElement) throws {
    switch try patient.text("gender") {
    case nil: break
    case "male": statedGender = "1"
    case "female": statedGender = "2"
    case "other": statedGender = "9"
    case "unknown": statedGender = "X"
    default: throw patient.fault("gender", .notOneOf(["male", "female", "other", "unknown"]))
    }
  }

  private mutating func readEthnicCategory(_ patient: FHIRElement, _ leftOut: FHIRLeftOut) throws {
    for found in try patient.elements("extension") {
      guard try found.text("url") == FHIRNames.ethnicCategoryExtension,
        let concept = try found.element("valueCodeableConcept")
      else {
        leftOut.count("\(patient.path).extension")
        continue
      }
      let code = try concept.elements("coding")
        .first { try FHIRNames.ethnicCategories.contains($0.text("system") ?? "") }?.text("code")
      if let code { ethnicCategory = code } else { leftOut.count("\(patient.path).extension") }
    }
  }

  // MARK: - Where

  /// Of the home address that holds, else of the one that held last.
  private static func postcode(_ patient: FHIRElement) throws -> String? {
    var best: (rank: (Int, Int32, Int32), postcode: String)?
    for address in try patient.elements("address") {
      guard let postcode = try address.text("postalCode") else { continue }
      let use = try address.text("use")
      guard use == "home" || use == nil, try address.text("type") != "postal" else { continue }
      let (start, end) = try period(of: address)
      let rank = (use == "home" ? 1 : 0, end?.day ?? .max, start?.day ?? .min)
      if best == nil || rank > best!.rank { best = (rank, postcode) }
    }
    return best?.postcode
  }

  /// For a practice, its own entry says how long the patient has been registered; the practice itself is the submitter.
  private mutating func readPractice(
    _ patient: FHIRElement, _ submitter: String?, _ isRestricted: Bool, _ leftOut: FHIRLeftOut
  ) throws {
    practice = submitter ?? ""
    var best: (Int32, Int32)?
    for found in try patient.elements("generalPractitioner") {
      guard let identifier = try found.element("identifier"), try identifier.text("system") == FHIRNames.odsCode,
        let code = try identifier.text("value")
      else {
        leftOut.count("\(patient.path).generalPractitioner")
        continue
      }
      if let submitter, code.uppercased() != submitter {
        leftOut.count("\(patient.path).generalPractitioner")
        continue
      }
      let (start, end) = try Self.period(of: identifier)
      let rank = (end?.day ?? .max, start?.day ?? .min)
      guard best == nil || rank > best! else { continue }
      best = rank
      if submitter == nil {
        practice = isRestricted ? "" : code
      } else {
        (registeredFrom, registeredTo) = (start, end)
      }
    }
  }

  private static func period(of element: FHIRElement) throws -> (start: CalendarDate?, end: CalendarDate?) {
    guard let period = try element.element("period") else { return (nil, nil) }
    return (try period.date("start").date, try period.date("end").date)
  }
}

/// Labels that a source puts on what it wants to be protected.
enum FHIRSecurity {
  /// Confidentiality R (restricted) or V (very restricted).
  static func isRestricted(_ resource: FHIRElement) throws -> Bool {
    guard let meta = try resource.element("meta") else { return false }
    return try meta.elements("security").contains { label in
      guard try label.text("system") == FHIRNames.confidentiality, let code = try label.text("code") else {
        return false
      }
      return code == "R" || code == "V"
    }
  }
}
