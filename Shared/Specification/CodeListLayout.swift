import Clinical

/// Which column of a code list holds what.
struct CodeListLayout {
  struct Fault: Error {
    let reason: String
    let hint: String?
  }

  let code: Int
  /// Of every code in the list; nil when each line says its own.
  let system: ClinicalCode.System?
  let systemColumn: Int?
  let term: Int?
  /// A column `Readcode` tells Read v2 from CTV3 only by the term code behind each code.
  let needsTermCode: Bool

  private static let columns: [String: ClinicalCode.System] = [
    "ctv3id": .ctv3, "ctv3code": .ctv3, "ctv3": .ctv3,
    "readcode": .read2, "read2code": .read2, "readv2code": .read2, "readv2": .read2, "read2": .read2,
    "snomedcode": .snomed, "snomedctcode": .snomed, "snomedid": .snomed, "snomed": .snomed, "snomedct": .snomed,
    "sctid": .snomed, "conceptid": .snomed, "snomedconceptid": .snomed, "snomedctconceptid": .snomed,
    "dmdid": .snomed, "dmdcode": .snomed, "dmd": .snomed,
    "icd10code": .icd10, "icd10": .icd10, "opcs4code": .opcs4, "opcs4": .opcs4,
  ]

  init(_ header: [String], _ given: ClinicalCode.System?, column: String?) throws(Fault) {
    let names = header.map { $0.lowercased().filter { $0.isLetter || $0.isNumber } }
    var candidates = names.indices.compactMap { index in Self.columns[names[index]].map { (index, $0) } }
    let own = names.firstIndex(of: "code")
    // dm+d lists come as type, id, bnf_code, nm; or as code, term, dmd_id, …, where both columns hold the same.
    if names.contains("bnfcode"), let id = names.firstIndex(of: "id") { candidates.append((id, .snomed)) }
    let isDMD = names.contains("dmdid")
    term = names.firstIndex { name in
      ["term", "description", "nm", "name"].contains(name) || name.hasSuffix("termdesc") || name.hasSuffix("codedescr")
    }

    if let column {
      guard let index = header.firstIndex(of: column) else {
        throw Fault(
          reason: "there is no column '\(column)'", hint: "the columns are \(header.joined(separator: ", "))")
      }
      candidates = candidates.filter { $0.0 == index }
      if candidates.isEmpty {
        (code, system, systemColumn, needsTermCode) = (index, given, names.firstIndex(of: "system"), false)
        guard given != nil || systemColumn != nil else { throw Self.systemMissing }
        return
      }
    } else if let own, let systems = names.firstIndex(of: "system") {
      (code, system, systemColumn, needsTermCode) = (own, given, systems, false)
      return
    } else if let own, !isDMD {
      guard candidates.isEmpty else {
        let other = header[candidates[0].0]
        throw Fault(
          reason: "'\(header[own])' and '\(other)' both hold codes",
          hint: "say which with column: and, for '\(header[own])', its system:")
      }
      guard let given else { throw Self.systemMissing }
      (code, system, systemColumn, needsTermCode) = (own, given, nil, false)
      return
    }
    // Two spellings of one system's identifiers cannot be chosen between either.
    if candidates.count > 1, let given { candidates = candidates.filter { $0.1 == given } }
    guard let (index, recognised) = candidates.first else {
      throw Fault(
        reason: "no column is known to hold codes",
        hint: "call it code, with a column system or system: in the specification, or name it with column:")
    }
    guard candidates.count == 1 else {
      throw Fault(
        reason: candidates.map { "'\(header[$0.0])'" }.joined(separator: " and ") + " hold codes",
        hint: "say which with column:")
    }
    let isReadcode = names[index] == "readcode"
    guard given == nil || given == recognised || isReadcode && given == .ctv3 else {
      throw Fault(
        reason: "the column '\(header[index])' holds \(recognised.name) codes, but \(given!.name) is declared",
        hint: "leave out system:")
    }
    (code, system, systemColumn) = (index, given ?? recognised, nil)
    needsTermCode = isReadcode && given == nil
  }

  private static let systemMissing = Fault(
    reason: "the header does not say which system the codes are of",
    hint: "say it with system: (\(ClinicalCode.System.names))")
}
