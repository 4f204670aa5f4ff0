/// Clinical codes of any systems, for the question whether a code is among them.
///
/// Read v2, CTV3 and SNOMED CT codes stand for themselves. ICD-10 and OPCS-4 are classifications: a category covers
/// what lies beneath it, so `B20` is met by `B204`, since hospitals record the fourth character.
public struct CodeSet: Hashable, Sendable {
  public private(set) var codes: Set<ClinicalCode>

  public init(_ codes: some Sequence<ClinicalCode> = []) { self.codes = Set(codes) }

  public init(union sets: some Sequence<CodeSet>) {
    self.init()
    for set in sets { codes.formUnion(set.codes) }
  }

  public var isEmpty: Bool { codes.isEmpty }

  public func contains(_ code: ClinicalCode) -> Bool {
    if codes.isEmpty { return false }
    if codes.contains(code) { return true }
    var broader = code.broader
    while let category = broader {
      if codes.contains(category) { return true }
      broader = category.broader
    }
    return false
  }
}
