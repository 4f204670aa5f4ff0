import Clinical

/// One entry of a code list: a code that can match, or why it cannot.
enum CodeListEntry {
  struct Unusable: Error {
    let reason: String
    let hint: String?
  }

  static func code(_ text: String, _ system: ClinicalCode.System) -> Result<ClinicalCode, Unusable> {
    do throws(ClinicalCode.Fault) {
      let code = try ClinicalCode(system: system, category: text)
      // A term code is 00 or begins with another digit; 9Ndt00x is a code that lost its padding and won a letter.
      let termCode = Array(text.utf8.suffix(2))
      if system == .read2, text.utf8.count == 7, termCode[0] == 0x30, termCode[1] != 0x30 {
        throw .length
      }
      return .success(code)
    } catch {
      return .failure(Unusable(reason: reason(text, system, error), hint: hint(text, system, error)))
    }
  }

  private static func reason(_ text: String, _ system: ClinicalCode.System, _ fault: ClinicalCode.Fault) -> String {
    switch fault {
    case .missing: "the code is missing"
    case .length: "'\(text)' has not the length of a \(system.name) code"
    case .characters: "'\(text)' has a character that no \(system.name) code has in that place"
    case .checkDigit: "'\(text)' has a wrong check digit"
    case .partition: "'\(text)' identifies a description or a relationship, not a concept"
    }
  }

  private static func hint(_ text: String, _ system: ClinicalCode.System, _ fault: ClinicalCode.Fault) -> String? {
    if text.contains("%") || text.contains("*") {
      return "there are no wildcards: an ICD-10 or OPCS-4 category covers what is beneath it, other codes do not"
    }
    let isPower = text.uppercased().contains("E+")
    let isRounded = fault == .checkDigit && text.utf8.count > 15 && text.hasSuffix("0")
    if isPower || system == .snomed && isRounded {
      return "a spreadsheet has rounded it: format the column as text"
    }
    if fault == .length, system == .read2 {
      return "a Read v2 code has 5 characters, or 7 with its term code"
    }
    return nil
  }
}
