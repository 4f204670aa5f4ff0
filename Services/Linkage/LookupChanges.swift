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
  ///   - renamed: others of whom only the person has another name.
  init(
    before: [StoredCombination], after: [StoredCombination], renamed: [(before: Standing, after: Standing)] = []
  ) {
    let hasher = SHA256Hasher()
    var (former, next) = (Self.entries(before, hasher), Self.entries(after, hasher))
    for (before, after) in renamed where before.person != after.person {
      former.insert(before.entry(hasher))
      next.insert(after.entry(hasher))
    }
    added = next.subtracting(former).sorted { $0.token < $1.token }
    removed = former.subtracting(next).sorted { $0.token < $1.token }
  }

  private static func entries(_ combinations: [StoredCombination], _ hasher: SHA256Hasher) -> Set<LookupEntry> {
    var entries = Set<LookupEntry>(minimumCapacity: combinations.count * 8)
    for stored in combinations { stored.eachEntry(hasher) { entries.insert($0) } }
    return entries
  }
}

extension Standing {
  /// By which the person is found.
  func entry(_ hasher: SHA256Hasher) -> LookupEntry {
    LookupEntry(token: PersonID.of(smallestRecordID: person, hasher).high, holder: .combination(cluster))
  }
}

extension StoredCombination {
  /// Every entry by which it is found; one may come twice.
  func eachEntry(_ hasher: SHA256Hasher, _ body: (LookupEntry) -> Void) {
    combination.eachEntry(id: id, isTrusted: standing.isTrusted, body)
    body(standing.entry(hasher))
  }
}
