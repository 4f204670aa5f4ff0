import Cryptography
import Linking
import Postgres

@testable import Linkage

/// What combinations are found by, as it is stored.
enum StoredLookup {
  /// Whether every combination is found by what its tokens say, and by nothing else, and every person has one cluster.
  static func isConsistent(_ index: LinkageIndex) throws -> Bool {
    let ids = try index.database.query("select combination from standing")
    let source = PostgresLinkageSource(database: index.database)
    let stored = try source.combinations(ids: (0..<ids.count).map { ids.int($0, 0) })
    let hasher = SHA256Hasher()
    var expected: Set<LookupEntry> = []
    for combination in stored { combination.eachEntry(hasher) { expected.insert($0) } }
    let rows = try index.database.query("select token, holder from lookup")
    let found = (0..<rows.count).map {
      LookupEntry(token: UInt64(bitPattern: rows.int($0, 0)), holder: Holder(stored: rows.int($0, 1)))
    }
    return Set(found) == expected && found.count == expected.count && stored.count == ids.count
      && stored.allSatisfy { $0.digest == $0.combination.digest(of: $0.standing.smallest, hasher) }
      && Set(stored.map(\.standing.cluster)).count == Set(stored.map(\.standing.person)).count
      && Dictionary(grouping: stored.map(\.standing), by: \.person).values.allSatisfy { members in
        Set(members.map(\.cluster)).count == 1 && members.contains { $0.id == $0.cluster }
      }
  }
}
