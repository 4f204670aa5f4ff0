import Clinical
import FaultyRecords
import Fuzzing
import LinkKeys
import Testing

@testable import Linking

/// Who is one person does not depend on the order of the records, nor on which others are asked about with them.
struct OrderTests {
  private static let seed: UInt64 = 4_711

  /// A few thousand people in one district, with every kind of mistake.
  private static let records: [TestRecord] = FaultyRecords(seed: seed, people: 1_500).map { record in
    var result = TestRecord(source: LinkNodes.Source(rawValue: UInt8(record.source.rawValue + 1))!)
    (result.number, result.mistyped) = (record.identity.number, record.identity.mistypedNumber)
    result.born = record.born.map { ($0.year, $0.month, $0.dayOfMonth) }
    result.sex = UInt32(record.sex)
    result.postcode = String(decoding: record.postcode, as: UTF8.self)
    result.local = UInt64(record.local)
    return result
  }

  private typealias Decision = ([TestRecord]) throws -> [Int32]

  /// Persons as sets of places in the original order.
  private func persons(_ order: [Int], _ decide: Decision) throws -> Set<Set<Int>> {
    let clusters = try decide(order.map { Self.records[$0] })
    return Set(Dictionary(grouping: order.indices, by: { clusters[$0] }).values.map { Set($0.map { order[$0] }) })
  }

  /// How many of 20 random orders give other persons than the first.
  private func ordersThatDiffer(_ decide: Decision) throws -> Int {
    var random = FuzzRandom(seed: Self.seed)
    let first = try persons(Array(Self.records.indices), decide)
    return try (0..<20).count { _ in
      try persons(Self.records.indices.shuffled(using: &random), decide) != first
    }
  }

  @Test func `twenty random orders give the same persons`() throws {
    print("seed \(Self.seed), \(Self.records.count) records")
    #expect(try ordersThatDiffer(TestLinkage.persons) == 0)
    #expect(try persons(Array(Self.records.indices), TestLinkage.persons).contains { $0.count > 3 })
  }

  @Test func `records that share no key, directly or over others, can be asked about apart`() throws {
    let nodes = try TestLinkage.nodes(Self.records)
    let roots = Self.blocks(nodes)
    let blocks = Dictionary(grouping: Self.records.indices, by: { roots[$0] }).values
    let whole = try persons(Array(Self.records.indices), TestLinkage.persons)
    #expect(blocks.count > 100)
    #expect(try blocks.reduce(into: Set<Set<Int>>()) { $0.formUnion(try persons($1, TestLinkage.persons)) } == whole)
  }

  /// By node, the smallest that it shares a key with.
  private static func blocks(_ nodes: LinkNodes) -> [Int] {
    var sets = DisjointSets(nodes.count)
    var holders: [UInt64: Int] = [:]
    func hold(_ key: UInt64, _ node: Int) {
      guard key != 0 else { return }
      if let other = holders[key] { sets.join(node, other) } else { holders[key] = node }
    }
    for node in 0..<nodes.count {
      hold(nodes.numbers[node], node)
      for pass in PassKey.allCases { hold(nodes.key(node, pass), node) }
    }
    for guess in nodes.guesses { hold(guess.key, Int(guess.node)) }
    return (0..<nodes.count).map { sets.root($0) }
  }

  /// The planted fault: each record goes to the first person that its number or its demographics are known of.
  @Test func `a greedy attachment is found`() throws {
    let greedy: Decision = { records in
      let nodes = try TestLinkage.nodes(records)
      var numbers: [UInt64: Int32] = [:]
      var demographics: [UInt64: Int32] = [:]
      return (0..<nodes.count).map { node in
        let (number, key) = (nodes.numbers[node], nodes.key(node, .demographics))
        let person = (number == 0 ? nil : numbers[number]) ?? (key == 0 ? nil : demographics[key]) ?? Int32(node)
        if number != 0, numbers[number] == nil { numbers[number] = person }
        if key != 0, demographics[key] == nil { demographics[key] = person }
        return person
      }
    }
    #expect(try ordersThatDiffer(greedy) == 20)
  }
}
