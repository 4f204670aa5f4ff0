import Contracts
import Cryptography
import Linking

/// Which records without an NHS number are taken for those of a person who objects.
///
/// An objection is known under a person's number, and a record without one comes under a token of its own. It is
/// withdrawn where a record that is excluded, or would be if it came now, shares with it a key that leads to a number: date
/// of birth, sex and postcode, or all of it but what may be mistyped; an id at an organisation; a number of which its own
/// is a mistyping; or where such a key leads there over other records without a number. The other record may be live, as
/// when an objection to general practice data leaves a hospital's, and of one that was taken back its demographics count.
/// Where keys lead to several numbers, one that objects is enough: better a twin's record too few than an objector's too
/// many; so what comes later can add to what is suppressed and takes nothing from it, and the order does not matter. Once
/// the objection has ended, only what was stamped before its end is covered.
struct Suppression {
  private struct Reach {
    var isInForce = false
    var erasedStamp = Int64.min

    mutating func widen(_ mark: ObjectionMark?) {
      guard let mark else { return }
      isInForce = isInForce || mark.isInForce
      erasedStamp = max(erasedStamp, mark.erasedStamp)
    }

    func covers(_ stamp: Int64) -> Bool { isInForce || stamp <= erasedStamp }
  }

  private var gp: [Int: Reach] = [:]
  private var all: [Int: Reach] = [:]
  /// By digest of a combination without a number, the group of those that keys lead to each other.
  private var groups: [Token16: Int] = [:]

  /// - Parameters:
  ///   - nodes: see ``beside(_:)``.
  ///   - marks: of their withdrawal tokens, and the witnesses'.
  ///   - witnesses: what was taken back.
  init(_ nodes: [AffectedCombinations.Node], witnesses: [Observation.Traces], marks: ErasureMarks) {
    guard !marks.isEmpty else { return }
    let holders = group(nodes)
    for node in nodes {
      for group in groups(of: node, holders) { widen(group, node.combination.withdrawal, marks) }
    }
    for traces in witnesses {
      if let group = holders[traces.demographics.high] { widen(group, traces.withdrawal, marks) }
    }
  }

  /// By key of those without a number, their group.
  private mutating func group(_ nodes: [AffectedCombinations.Node]) -> [UInt64: Int] {
    var parents: [Int] = []
    func root(_ group: Int) -> Int {
      var group = group
      while parents[group] != group { group = parents[group] }
      return group
    }
    var holders: [UInt64: Int] = [:]
    for node in nodes where node.combination.number == nil {
      let own = parents.count
      parents.append(own)
      groups[node.digest] = own
      for key in node.combination.keysToNumbers {
        if let other = holders[key] { parents[root(other)] = root(own) }
        holders[key] = own
      }
    }
    groups = groups.mapValues(root)
    return holders.mapValues(root)
  }

  private func groups(of node: AffectedCombinations.Node, _ holders: [UInt64: Int]) -> Set<Int> {
    if let group = groups[node.digest] { return [group] }
    return Set(node.combination.keysToNumbers.compactMap { holders[$0] })
  }

  private mutating func widen(_ group: Int, _ token: Token16, _ marks: ErasureMarks) {
    if let mark = marks.mark(token, allSources: false) { gp[group, default: Reach()].widen(mark) }
    if let mark = marks.mark(token, allSources: true) { all[group, default: Reach()].widen(mark) }
  }

  /// Those without a number, and those that share such a key with one of them.
  static func beside(_ nodes: [AffectedCombinations.Node]) -> [AffectedCombinations.Node] {
    guard nodes.contains(where: { $0.combination.number == nil }) else { return [] }
    var keys: Set<UInt64> = []
    for node in nodes where node.combination.number == nil { keys.formUnion(node.combination.keysToNumbers) }
    return nodes.filter { $0.combination.number == nil || !keys.isDisjoint(with: $0.combination.keysToNumbers) }
  }

  /// Digests of combinations of which records may be covered.
  var reached: [Token16] { groups.filter { gp[$0.value] != nil || all[$0.value] != nil }.map(\.key) }

  /// False for everything but a live record without a number.
  func covers(_ observation: Observation) -> Bool {
    guard observation.state == .live, let group = observation.combination.flatMap({ groups[$0] }) else { return false }
    if let reach = all[group], reach.covers(observation.stamp) { return true }
    guard observation.source == .gp, let reach = gp[group] else { return false }
    return reach.covers(observation.stamp)
  }
}
