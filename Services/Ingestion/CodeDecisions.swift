import Clinical
import Specification

/// What becomes of an entry by its code alone.
enum CodeDecision {
  case objection(ObjectionCode.Kind, ObjectionCode.Decision)
  /// Sensitive; statutory: barred by law.
  case excluded(statutory: Bool)
  /// With the code as it is written.
  case collected(String)
  case outsideReferenceSets
}

/// Decides codes by one extract's rules. Practices record the same few thousand codes over and over, so what was decided
/// is kept: one look-up for each entry instead of one per list.
final class CodeDecisions {
  private static let greatestMemory = 100_000

  private let collected: CollectedCodes
  private let exclusions: ExclusionRules
  private var known: [ClinicalCode: CodeDecision] = [:]

  init(_ collected: CollectedCodes, _ exclusions: ExclusionRules) {
    self.collected = collected
    self.exclusions = exclusions
  }

  func decision(_ code: ClinicalCode) -> CodeDecision {
    if let decision = known[code] { return decision }
    let decision = decide(code)
    if known.count >= Self.greatestMemory { known = [:] }
    known[code] = decision
    return decision
  }

  /// Objections come before everything; what is sensitive is so although it is not collected.
  private func decide(_ code: ClinicalCode) -> CodeDecision {
    if let (type, decision) = ObjectionCode.decision(code) { return .objection(type, decision) }
    if let verdict = exclusions.verdict(code) { return .excluded(statutory: verdict == .statutory) }
    return collected.contains(code) ? .collected(code.code) : .outsideReferenceSets
  }
}
