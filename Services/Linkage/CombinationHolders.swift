import Cryptography

/// Which combinations come and go with a batch, and the smallest record id of each that it changes.
struct CombinationHolders {
  /// After the batch, where a record came to the combination or left it and one has it still.
  private(set) var smallest: [Token16: Token16] = [:]
  /// No record had them before.
  private(set) var appeared: [Token16] = []
  /// No record has them any more.
  private(set) var disappeared: Set<Token16> = []

  init(_ states: RecordStates, reading source: some LinkageSource) throws {
    var gained: [Token16: Token16] = [:]
    var lost: [Token16: [Token16]] = [:]
    for (id, observation) in states.current {
      let before = states.stored[id]?.combination
      guard observation.combination != before else { continue }
      if let before { lost[before, default: []].append(id) }
      if let after = observation.combination { gained[after] = min(id, gained[after] ?? id) }
    }
    for (digest, id) in gained {
      smallest[digest] = id
      if states.combinations[digest] == nil { appeared.append(digest) }
    }
    // Only where the smallest has left it has to be asked who is left.
    var bereft: [Token16] = []
    for digest in Set(gained.keys).union(lost.keys) {
      guard let stored = states.combinations[digest]?.standing else { continue }
      if lost[digest]?.contains(stored.smallest) ?? false {
        bereft.append(digest)
      } else {
        smallest[digest] = min(stored.smallest, gained[digest] ?? stored.smallest)
      }
    }
    guard !bereft.isEmpty else { return }
    var rest = gained
    for observation in try source.observations(combinations: bereft) where states.current[observation.recordID] == nil {
      let digest = observation.combination!
      rest[digest] = min(observation.recordID, rest[digest] ?? observation.recordID)
    }
    // Those of the batch that had it before and still have it.
    for (id, observation) in states.current {
      guard let digest = observation.combination, lost[digest] != nil else { continue }
      rest[digest] = min(id, rest[digest] ?? id)
    }
    for digest in bereft {
      smallest[digest] = rest[digest]
      if rest[digest] == nil { disappeared.insert(digest) }
    }
  }
}
