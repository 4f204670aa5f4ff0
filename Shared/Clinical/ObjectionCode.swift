/// The clinical codes by which a general practice records that a patient objects, or no longer objects.
///
/// Type 1: nothing identifiable leaves the practice for purposes beyond direct care; Type 2: nothing identifiable leaves
/// the national collection. Source: NHS Digital objection codes, as used by EMIS, TPP and Cegedim systems.
public enum ObjectionCode {
  /// The raw values are those of `ObjectionType` in the contracts.
  public enum Kind: Int, CaseIterable, Sendable {
    case type1 = 1
    case type2 = 2
  }

  /// The raw values are those of `ObjectionDecision` in the contracts.
  public enum Decision: Int, CaseIterable, Sendable {
    case dissent = 1
    case withdrawn = 2
  }

  /// What a code as sent says about objections; nil when it says nothing. Read and CTV3 codes differ by case alone.
  @inlinable
  public static func decision(
    system: ClinicalCode.System, code: some StringProtocol
  ) -> (type: Kind, decision: Decision)? {
    guard let code = try? ClinicalCode(system: system, normalising: code) else { return nil }
    return decision(code)
  }

  /// What a normalised code says about objections; nil when it says nothing.
  public static func decision(_ code: ClinicalCode) -> (type: Kind, decision: Decision)? {
    for row in rows where row.code == code { return (row.type, row.decision) }
    return nil
  }

  /// Every code by which a dissent is recorded.
  public static let dissents = rows.filter { $0.decision == .dissent }.map(\.code)

  private static let rows: [(code: ClinicalCode, type: Kind, decision: Decision)] = [
    (known(.read2, "9Nu0."), .type1, .dissent),
    (known(.read2, "9Nu1."), .type1, .withdrawn),
    (known(.read2, "9Nu4."), .type2, .dissent),
    (known(.read2, "9Nu5."), .type2, .withdrawn),
    (known(.ctv3, "XaZ89"), .type1, .dissent),
    (known(.ctv3, "XaZ8a"), .type1, .withdrawn),
    (known(.ctv3, "XaaVL"), .type2, .dissent),
    (known(.ctv3, "XaaVM"), .type2, .withdrawn),
    (known(.snomed, "827241000000103"), .type1, .dissent),
    (known(.snomed, "827261000000102"), .type1, .withdrawn),
    (known(.snomed, "881561000000100"), .type2, .dissent),
    (known(.snomed, "881581000000109"), .type2, .withdrawn),
  ]

  /// Stops the program at a row that is not a code: leaving it out would let objectors' records pass.
  private static func known(_ system: ClinicalCode.System, _ code: String) -> ClinicalCode {
    guard let code = try? ClinicalCode(system: system, normalising: code) else {
      preconditionFailure("the table of objection codes holds an invalid code")
    }
    return code
  }
}
