import Clinical
import Cryptography
import Specification

/// The sensitive codes that are left out of one release: those of the lists in force for the dataset's purpose on the
/// day of release, applied to every fact, whenever it was collected.
struct AppliedExclusions: Equatable, Sendable {
  let purpose: String
  /// Names of the lists in force.
  let lists: [String]
  /// In a fixed order.
  let codes: [ClinicalCode]
  /// SHA-256 over purpose, lists and codes: another list is another definition.
  let digest: [UInt8]

  static let none = AppliedExclusions(purpose: "", lists: [], codes: CodeSet())

  /// - Throws: ``ReleaseError/noExclusions(purpose:)`` where no list at all is meant for the purpose: a misspelt
  ///   purpose must not release what is sensitive.
  init(_ lists: ExclusionLists, purpose: String, on day: CalendarDate) throws(ReleaseError) {
    guard lists.lists.contains(where: { $0.uses.contains { $0.purpose == purpose } }) else {
      throw .noExclusions(purpose: purpose)
    }
    let rules = lists.rules(for: purpose, on: day)
    self.init(purpose: purpose, lists: rules.names, codes: CodeSet(union: [rules.excluded, rules.statutory]))
  }

  private init(purpose: String, lists: [String], codes: CodeSet) {
    self.purpose = purpose
    self.lists = lists
    self.codes = codes.codes.sorted { ($0.system.rawValue, $0.code) < ($1.system.rawValue, $1.code) }
    let text = ([purpose] + lists + self.codes.map(\.description)).joined(separator: "\n")
    digest = SHA256Digest.hash(Array(text.utf8))
  }
}
