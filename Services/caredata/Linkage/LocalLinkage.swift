import Cryptography
import LinkKeys
import Linking

/// Links records within this process: the tokens that pseudonymisation makes, under keys that nobody keeps, and the
/// decision that linkage takes.
struct LocalLinkage {
  /// By record, the same number for the same person.
  let persons: [Int32]
  /// By record, the step by which it joined others.
  let passes: [LinkPass?]
  /// Records that several persons answered.
  let ambiguous: Int
  /// NHS numbers of several persons.
  let disputed: Int

  init(_ records: EvaluationRecords) throws {
    let maker = try LinkTokenMaker(root: .random(), linkage: .random())
    var tokens = LinkTokenMaker.Tokens()
    var nodes = LinkNodes()
    nodes.reserve(records.identities.count)
    for sourced in records.identities {
      maker.write(sourced.identity, to: &tokens)
      nodes.add(number: tokens.numberKey, birth: sourced.identity.birth, source: sourced.source)
      tokens.eachKey { nodes.set($0, $1) }
    }
    let linker = Linker(nodes)
    var count = [Int32](repeating: 0, count: nodes.count)
    for place in records.places { count[Int(place)] += 1 }
    persons = records.places.map { linker.clusters[Int($0)] }
    passes = records.places.map { linker.passes[Int($0)] ?? (count[Int($0)] > 1 ? .number : nil) }
    ambiguous = linker.ambiguous.reduce(0) { $0 + Int(count[$1.node]) }
    disputed = linker.disputed
  }

  /// By record, the id of its person: that of the smallest record id.
  func personIDs(_ names: [String]) -> [Token16] {
    let hasher = SHA256Hasher()
    var smallest: [Int32: Token16] = [:]
    for (name, person) in zip(names, persons) {
      let id = Self.recordID(name, hasher)
      smallest[person] = min(id, smallest[person] ?? id)
    }
    let ids = smallest.mapValues { PersonID.of(smallestRecordID: $0, hasher) }
    return persons.map { ids[$0]! }
  }

  /// A record id as linkage has it, or the digest of what the file calls the record.
  private static func recordID(_ name: String, _ hasher: SHA256Hasher) -> Token16 {
    if name.utf8.count == 32, let high = UInt64(name.prefix(16), radix: 16),
      let low = UInt64(name.suffix(16), radix: 16)
    {
      return Token16(high: high, low: low)
    }
    hasher.update(Array(name.utf8))
    return hasher.finish().withUnsafeBytes { Token16(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(16)))! }
  }
}
