/// A bound on what a producer may be ahead of the consumers of its topics.
///
/// An in-memory broker keeps only so many bytes per partition and then drops the oldest, read or not. `send` blocks
/// while a partition holds more than the limit beyond the committed offset of the slowest group that reads its topic.
public struct BacklogLimit: Sendable {
  public var bytesPerPartition: Int
  /// Topic -> the consumer groups that read it. A topic without groups is not limited.
  public var groups: [String: [String]]

  public init(bytesPerPartition: Int, groups: [String: [String]]) {
    self.bytesPerPartition = bytesPerPartition
    self.groups = groups
  }
}

/// How many bytes of one partition lie beyond its slowest reader, as far as one producer can tell.
///
/// Offsets between the producer's own, and those before its first, belong to other producers or to its own past: they
/// count with the size of the message that showed the gap.
struct PartitionBacklog {
  /// A batch of its own header and framing is the most a message takes beside its key, value and headers (Kafka record batch,
  /// version 2: 61 bytes and the record's varints). So the limit also bounds the number of batches.
  static let bytesPerMessage = 70

  /// Consecutive offsets whose messages are taken to be of one size.
  private struct Run {
    var start: Int64
    var end: Int64
    var bytes: Int
  }

  private let runBytes: Int
  private var runs: [Run] = []
  private var committed: Int64 = 0
  private var unacknowledged = 0
  private var acknowledged = 0

  /// - Parameter limit: Bytes; a run is closed at a 64th of it, which bounds the memory and the error of a run.
  init(limit: Int) {
    runBytes = max(limit / 64, 1)
  }

  var bytes: Int { unacknowledged + acknowledged }

  /// A message that alone exceeds the limit has room when nothing else is waiting.
  func hasRoom(for size: Int, limit: Int) -> Bool {
    bytes == 0 || bytes + size + Self.bytesPerMessage <= limit
  }

  mutating func sent(_ size: Int) {
    unacknowledged += size + Self.bytesPerMessage
  }

  mutating func failed(_ size: Int) {
    unacknowledged -= size + Self.bytesPerMessage
  }

  /// - Parameter offset: Where the broker put the message; negative when it did not say.
  mutating func acknowledged(_ size: Int, at offset: Int64) {
    let size = size + Self.bytesPerMessage
    unacknowledged -= size
    let expected = runs.last?.end ?? committed
    let offset = offset < 0 ? expected : offset
    // Read and committed before its acknowledgement was seen here.
    guard offset >= expected else { return }
    if offset > expected { append(Run(start: expected, end: offset, bytes: Int(offset - expected) * size)) }
    append(Run(start: offset, end: offset + 1, bytes: size))
  }

  /// - Parameter offset: The slowest group's next offset; 0 when a group has not committed.
  mutating func committed(_ offset: Int64) {
    committed = offset
    let first = runs.firstIndex { $0.end > offset } ?? runs.endIndex
    runs.removeFirst(first)
    if let run = runs.first, run.start < offset {
      runs[0].bytes = Int(Double(run.bytes) * Double(run.end - offset) / Double(run.end - run.start))
      runs[0].start = offset
    }
    acknowledged = runs.reduce(0) { $0 + $1.bytes }
  }

  private mutating func append(_ run: Run) {
    acknowledged += run.bytes
    if let last = runs.last, last.bytes + run.bytes <= runBytes {
      runs[runs.count - 1].end = run.end
      runs[runs.count - 1].bytes += run.bytes
    } else {
      runs.append(run)
    }
  }
}
