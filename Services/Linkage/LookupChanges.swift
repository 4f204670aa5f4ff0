import Cryptography
import Linking

/// By what combinations are found that changed, came or went.
struct LookupChanges {
  /// In the order of tokens.
  let added: [LookupEntry]
  let removed: [LookupEntry]

  /// - Parameters:
  ///   - before: as they are stored; of each number all combinations that have it, or none.
  ///   - after: the same as they are to be.
  init(before: [StoredCombination], after: [StoredCombination]) {
    let hasher = SHA256Hasher()
    let (former, next) = (Self.entries(before, hasher), Self.entries(after, hasher))
    added = next.subtracting(former).sorted { $0.token < $1.token }
    removed = former.subtracting(next).sorted { $0.token < $1.token }
  }

  private static func entries(_ combinations: [StoredCombination], _ hasher: SHA256Hasher) -> Set<LookupEntry> {
    var entries = Set<LookupEntry>(minimumCapacity: combinations.count * 8)
    for stored in combinations { stored.eachEntry(hasher) { entries.insert($0) } }
    return entries
  }
}

extension StoredCombination {
  func eachEntry(_ hasher: SHA256Hasher, _ body: (LookupEntry) -> Void) {
    combination.eachEntry(
      id: id, isTrusted: isTrusted, person: PersonID.of(smallestRecordID: person, hasher), cluster: cluster, body)
  }
}
