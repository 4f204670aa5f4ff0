import Foundation

/// Two releases made from the same records under different regimes of objection, in one hand, would show by their
/// difference who objects.
enum RegimeConflict {
  /// The first earlier release that has a recipient and an input in common with `entry` and honours other objections.
  /// Entries from before regimes were registered say nothing and hinder nothing.
  static func first(of entry: RegisterEntry, among earlier: [RegisterEntry]) -> RegisterEntry? {
    guard let audience = entry.audience else { return nil }
    let recipients = Set(audience.recipients.map(normalised))
    let inputs = Set(entry.inputs.split(separator: "\n"))
    return earlier.first { other in
      guard let others = other.audience, others.regime != audience.regime else { return false }
      return !recipients.isDisjoint(with: others.recipients.map(normalised))
        && !inputs.isDisjoint(with: other.inputs.split(separator: "\n"))
    }
  }

  private static func normalised(_ recipient: String) -> String {
    recipient.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
  }
}
