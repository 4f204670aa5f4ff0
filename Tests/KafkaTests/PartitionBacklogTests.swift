import Testing

@testable import Kafka

struct PartitionBacklogTests {
  private static let size = 100 - PartitionBacklog.bytesPerMessage

  private func backlog(acknowledging offsets: Range<Int64>, limit: Int = 1000) -> PartitionBacklog {
    var backlog = PartitionBacklog(limit: limit)
    for offset in offsets {
      backlog.sent(Self.size)
      backlog.acknowledged(Self.size, at: offset)
    }
    return backlog
  }

  @Test func `what is sent counts until it is committed`() {
    var backlog = backlog(acknowledging: 0..<9)
    backlog.sent(Self.size)
    #expect(backlog.bytes == 1000)
    #expect(!backlog.hasRoom(for: Self.size, limit: 1000))
    backlog.acknowledged(Self.size, at: 9)
    #expect(backlog.bytes == 1000)
    backlog.committed(4)
    #expect(backlog.bytes == 600)
    #expect(backlog.hasRoom(for: Self.size, limit: 1000))
    backlog.committed(10)
    #expect(backlog.bytes == 0)
  }

  @Test func `a failed delivery no longer counts`() {
    var backlog = PartitionBacklog(limit: 1000)
    backlog.sent(Self.size)
    backlog.failed(Self.size)
    #expect(backlog.bytes == 0)
  }

  @Test func `messages of other producers count by the gap they leave`() {
    var backlog = backlog(acknowledging: 0..<1)
    backlog.sent(Self.size)
    backlog.acknowledged(Self.size, at: 5)
    #expect(backlog.bytes == 600)
    backlog.committed(3)
    #expect(backlog.bytes == 300)
  }

  @Test func `messages from before this producer count until the reader's offset is known`() {
    var backlog = backlog(acknowledging: 50..<51)
    #expect(backlog.bytes == 5100)
    backlog.committed(50)
    #expect(backlog.bytes == 100)
  }

  @Test func `a message read before its acknowledgement was seen does not count`() {
    var backlog = PartitionBacklog(limit: 1000)
    backlog.sent(Self.size)
    backlog.committed(8)
    backlog.acknowledged(Self.size, at: 7)
    #expect(backlog.bytes == 0)
  }

  @Test func `a run that is partly read counts by its share`() {
    var backlog = backlog(acknowledging: 0..<64, limit: 64 * 6400)
    backlog.committed(16)
    #expect(backlog.bytes == 4800)
  }

  @Test func `a message larger than the limit passes alone`() {
    var backlog = PartitionBacklog(limit: 1000)
    #expect(backlog.hasRoom(for: 5000, limit: 1000))
    backlog.sent(10)
    #expect(!backlog.hasRoom(for: 5000, limit: 1000))
  }
}
