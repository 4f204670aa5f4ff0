import Contracts
import Kafka

/// Everything that a topic holds at this moment, without a group.
enum TopicSnapshot {
  static func read(_ installation: Installation, _ topic: Topic, _ body: (Kafka.Message) throws -> Void) throws {
    let name = installation.layout.name(topic)
    let reader = try TopicReader(installation.kafka, topic: name, from: .beginning)
    try read(reader, installation, name, body)
  }

  /// Reads on from where the reader stands to the present end.
  static func read(
    _ reader: TopicReader, _ installation: Installation, _ topic: String, _ body: (Kafka.Message) throws -> Void
  ) throws {
    let admin = try Admin(installation.kafka)
    var ends: [Int32: Int64] = [:]
    for partition in 0..<Int32(try admin.partitionCount(topic: topic) ?? 0) {
      let (low, high) = try admin.watermarks(topic: topic, partition: partition)
      if high > low { ends[partition] = high }
    }
    let deadline = ContinuousClock.now + .seconds(120)
    while !ends.isEmpty {
      for message in try reader.poll(timeoutMilliseconds: 500).messages {
        if let end = ends[message.partition], message.offset + 1 >= end { ends[message.partition] = nil }
        try body(message)
      }
      guard ContinuousClock.now < deadline else { throw ClientError("\(topic) cannot be read to its end") }
    }
  }

  /// One message at its coordinates; nil when it is no longer there.
  static func message(_ installation: Installation, topic: String, partition: Int32, offset: Int64) throws -> [UInt8]? {
    let (low, high) = try Admin(installation.kafka).watermarks(topic: topic, partition: partition)
    guard low <= offset, offset < high else { return nil }
    let place = TopicPartition(topic: topic, partition: partition)
    let reader = try TopicReader(installation.kafka, topic: topic, offsets: [place: offset])
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
      for message in try reader.poll(maxMessages: 1, timeoutMilliseconds: 500).messages {
        return message.offset == offset ? [UInt8](message.value) : nil
      }
    }
    return nil
  }
}
