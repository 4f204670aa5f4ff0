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

/// A code's decision, and whether the code tells of a birth: its encounter is a birth episode, whatever is collected.
struct CodeVerdict {
  let decision: CodeDecision
  let tellsBirth: Bool
}

/// Decides codes by one extract's rules. Practices record the same few thousand codes over and over, so what was decided
/// is kept: one look-up for each entry instead of one per list.
final class CodeDecisions {
  private static let greatestMemory = 100_000

  private let collected: CollectedCodes
  private let exclusions: ExclusionRules
  private let births: CodeSet
  private var known: [ClinicalCode: CodeVerdict] = [:]

  init(_ collected: CollectedCodes, _ exclusions: ExclusionRules, births: CodeSet) {
    self.collected = collected
    self.exclusions = exclusions
    self.births = births
  }

  func verdict(_ code: ClinicalCode) -> CodeVerdict {
    if let verdict = known[code] { return verdict }
    let verdict = CodeVerdict(decision: decide(code), tellsBirth: births.contains(code))
    if known.count >= Self.greatestMemory { known = [:] }
    known[code] = verdict
    return verdict
  }

  /// Objections come before everything; what is sensitive is so although it is not collected.
  private func decide(_ code: ClinicalCode) -> CodeDecision {
    if let (type, decision) = ObjectionCode.decision(code) { return .objection(type, decision) }
    if let verdict = exclusions.verdict(code) { return .excluded(statutory: verdict == .statutory) }
    return collected.contains(code) ? .collected(code.code) : .outsideReferenceSets
  }
}
