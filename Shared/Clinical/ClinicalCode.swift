/// A clinical code with its system: the code alone does not identify it, since CTV3 shares Read-shaped codes.
public struct ClinicalCode: Hashable, Sendable {
  /// The raw values are those of `CodeSystem` in the contracts.
  public enum System: Int, CaseIterable, Sendable {
    case read2 = 1
    case ctv3
    case snomed
    case icd10
    case opcs4
  }

  public enum Fault: String, Error, CaseIterable {
    case missing
    case length
    case characters
    /// A SNOMED CT identifier with a wrong Verhoeff digit.
    case checkDigit
    /// A SNOMED CT identifier of something other than a concept.
    case partition
  }

  public let system: System
  /// The number of a SNOMED CT identifier, else the characters as a `ShortText` word.
  private let word: UInt64

  /// Brings the code into the one form that codes of its system are compared in; spaces around it are left out.
  ///
  /// - Read v2: 5 characters, case-sensitive, padded with `.`; of 7 characters the last two (term code) are left out.
  /// - CTV3: 5 characters, case-sensitive, padded with `.`.
  /// - SNOMED CT: a concept identifier of 6 to 18 digits with the right partition and Verhoeff digit.
  /// - ICD-10: upper case without the dot, dagger or asterisk suffix (D, A) and a padding X in the fourth place.
  /// - OPCS-4: upper case, 4 characters, without the dot.
  @inlinable
  public init(system: System, normalising text: some StringProtocol) throws(Fault) {
    self = try withUTF8Bytes(of: text) { Self.parse($0, system) }.get()
  }

  /// The word leaves its highest bits free, or nearly so: together one number.
  public func hash(into hasher: inout Hasher) { hasher.combine(word ^ UInt64(system.rawValue) << 60) }

  public var code: String { system == .snomed ? String(word) : ShortText(word: word).text }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ system: System) -> Result<ClinicalCode, Fault> {
    let text = bytes.trimmed
    guard !text.isEmpty else { return .failure(.missing) }
    let word: Result<UInt64, Fault> =
      switch system {
      case .read2: readCode(text, termCode: true)
      case .ctv3: readCode(text, termCode: false)
      case .snomed: SNOMEDIdentifier.parse(text)
      case .icd10: classificationCode(text, accepts: isICD10).map(withoutPadding)
      case .opcs4: classificationCode(text, accepts: isOPCS4).map(\.word)
      }
    return word.map { ClinicalCode(system: system, word: $0) }
  }

  private init(system: System, word: UInt64) {
    self.system = system
    self.word = word
  }
}

extension ClinicalCode: CustomStringConvertible {
  /// The system's name and the code: "read2 9Nu0."
  public var description: String { "\(system) \(code)" }
}

// MARK: - Categories

extension ClinicalCode {
  /// The category above an ICD-10 or OPCS-4 code, down to three characters; nil for everything else.
  public var broader: ClinicalCode? {
    guard system == .icd10 || system == .opcs4 else { return nil }
    let text = ShortText(word: word)
    guard text.count > 3 else { return nil }
    return ClinicalCode(system: system, word: text.prefix(text.count - 1).word)
  }

  /// A code, or for OPCS-4 also a category of three characters, which no record has but a list may.
  public init(system: System, category text: some StringProtocol) throws(Fault) {
    let trimmed = text.drop { $0 == " " }
    guard system == .opcs4, trimmed.utf8.count == 3 else {
      self = try ClinicalCode(system: system, normalising: text)
      return
    }
    // The category is a code without its last digit.
    let first = try ClinicalCode(system: system, normalising: String(trimmed) + "1")
    self = ClinicalCode(system: system, word: ShortText(word: first.word).prefix(3).word)
  }
}

// MARK: - Read v2 and CTV3

extension ClinicalCode {
  private static func readCode(_ text: UnsafeBufferPointer<UInt8>, termCode: Bool) -> Result<UInt64, Fault> {
    guard text.count <= 5 || termCode && text.count == 7 else { return .failure(.length) }
    guard text[0] != UInt8(ascii: ".") else { return .failure(.characters) }
    var word: UInt64 = 0
    var padded = false
    for index in 0..<text.count {
      let byte = text[index]
      if index >= 5 {
        guard byte.isAlphanumeric else { return .failure(.characters) }
      } else if byte == UInt8(ascii: ".") {
        padded = true
      } else if padded || !byte.isAlphanumeric {
        return .failure(.characters)
      }
      if index < 5 { word = word << 8 | UInt64(byte) }
    }
    for _ in text.count..<max(text.count, 5) { word = word << 8 | UInt64(UInt8(ascii: ".")) }
    return .success(word << 24)
  }
}

// MARK: - ICD-10 and OPCS-4

extension ClinicalCode {
  /// Upper-cases and leaves out a dot behind the third character.
  private static func classificationCode(
    _ text: UnsafeBufferPointer<UInt8>, accepts: (ShortText) -> Fault?
  ) -> Result<ShortText, Fault> {
    guard text.count <= 7 else { return .failure(.length) }
    var word: UInt64 = 0
    var shift: UInt64 = 64
    for index in 0..<text.count where !(index == 3 && text[index] == UInt8(ascii: ".") && text.count > 4) {
      guard text[index].isAlphanumeric else { return .failure(.characters) }
      shift -= 8
      word |= UInt64(text[index].upperCased) << shift
    }
    let code = ShortText(word: word)
    if let fault = accepts(code) { return .failure(fault) }
    return .success(code)
  }

  private static func isOPCS4(_ code: ShortText) -> Fault? {
    guard code.count == 4 else { return .length }
    return code[0].isUpperCaseLetter && (1..<4).allSatisfy { code[$0].isDigit } ? nil : .characters
  }

  /// A letter and two digits, then optionally a digit or X, a digit, and D or A.
  private static func isICD10(_ code: ShortText) -> Fault? {
    let count = code.count
    guard count >= 3 else { return .length }
    guard code[0].isUpperCaseLetter, code[1].isDigit, code[2].isDigit else { return .characters }
    var end = count
    if end > 3, code[end - 1] == UInt8(ascii: "D") || code[end - 1] == UInt8(ascii: "A") { end -= 1 }
    guard end <= 5 else { return .length }
    if end > 3, !code[3].isDigit, code[3] != UInt8(ascii: "X") { return .characters }
    if end > 4, !code[4].isDigit { return .characters }
    return nil
  }

  private static func withoutPadding(_ code: ShortText) -> UInt64 {
    var end = code.count
    if end > 3, code[end - 1] == UInt8(ascii: "D") || code[end - 1] == UInt8(ascii: "A") { end -= 1 }
    // Before a fifth character the X stays: M45X9 without it would be another code.
    if end == 4, code[3] == UInt8(ascii: "X") { end = 3 }
    return code.prefix(end).word
  }
}
