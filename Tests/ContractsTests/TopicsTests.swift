import Contracts
import Testing

struct TopicsTests {
  private let topics = Topic.all(datasets: ["one", "two"])

  @Test func `every topic has a name of its own`() {
    #expect(Set(topics.map(\.name)).count == topics.count)
    #expect(topics.allSatisfy { $0.retentionDays > 0 })
  }

  @Test func `every stage reads something, and what no stage reads leaves the system`() {
    for stage in StageName.allCases { #expect(topics.contains { $0.readers.contains(stage) }) }
    for topic in topics where topic.readers.isEmpty {
      #expect(topic.zone == .published || topic == .rejected(topic.owner!))
    }
  }

  @Test func `nothing identifiable is owned or read behind pseudonymisation`() {
    let behind: [StageName] = [.linkage, .publication]
    for topic in topics where topic.zone == .identifiable {
      #expect(Set(topic.readers).isDisjoint(with: behind))
      #expect(topic.owner.map { !behind.contains($0) && $0 != .pseudonymisation } ?? true)
    }
    for topic in topics where topic.zone == .pseudonymised {
      #expect(Set(topic.readers).isSubset(of: [.linkage, .publication]))
    }
  }

  @Test func `names and groups carry the prefix`() {
    let layout = TopicLayout(prefix: "trial.", partitions: 3)
    #expect(layout.name(.validated) == "trial.validated")
    #expect(layout.group(.objectionFilter) == "trial.objection-filter")
    #expect(layout.readers()["trial.validated"] == ["trial.objection-filter"])
    #expect(layout.readers(datasets: ["one"])["trial.dataset.one"] == nil)
  }

  @Test func `a token goes to the partition of its first four bytes, big-endian`() {
    let layout = TopicLayout(partitions: 16)
    #expect(layout.partition(of: [0, 0, 0, 17] + [UInt8](repeating: 255, count: 12)) == 1)
    #expect(layout.partition(of: [0x01, 0, 0, 0] + [UInt8](repeating: 0, count: 12)) == 0)
    #expect(TopicLayout(partitions: 12).partition(of: [255, 255, 255, 255]) == Int32(UInt32.max % 12))
  }

  @Test func `a text goes to the partition of its FNV-1a hash`() {
    // Published test vectors of the 32-bit FNV-1a hash.
    let layout = TopicLayout(partitions: 1_000_000_007)
    #expect(layout.partition(ofText: "") == Int32(UInt32(0x811c_9dc5) % 1_000_000_007))
    #expect(layout.partition(ofText: "a") == Int32(UInt32(0xe40c_292c) % 1_000_000_007))
    #expect(layout.partition(ofText: "foobar") == Int32(UInt32(0xbf9c_f968) % 1_000_000_007))
  }

  @Test func `tokens and texts spread over all partitions evenly`() {
    let layout = TopicLayout(partitions: 12)
    var generator = SeededGenerator(seed: 5)
    var (tokens, texts) = ([Int](repeating: 0, count: 12), [Int](repeating: 0, count: 12))
    for number in 0..<12_000 {
      tokens[Int(layout.partition(of: generator.bytes(16)))] += 1
      texts[Int(layout.partition(ofText: "A81001-gp-2026-10-\(number)"))] += 1
    }
    #expect(tokens.allSatisfy { (800...1_200).contains($0) })
    #expect(texts.allSatisfy { (800...1_200).contains($0) })
  }
}
