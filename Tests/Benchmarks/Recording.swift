import Contracts
import Foundation
import Kafka
import SwiftProtobuf

/// Everything that went from stage to stage in the pipeline run, as it lies in the broker: the real input of each.
final class Recording {
  struct Entry {
    let partition: Int32
    let key: [UInt8]
    let value: [UInt8]
  }

  private(set) var entries: [Topic: [Entry]] = [:]

  static let topics = [
    Topic.extracts, .objections, .practices, .validated, .permitted, .pseudonymised, .linked,
  ]

  init(_ environment: [String: String]) throws {
    let kafka = kafkaConfiguration(environment)
    let layout = TopicLayout(partitions: partitions(environment))
    let admin = try Admin(kafka)
    for topic in Self.topics {
      var expected: Int64 = 0
      for partition in 0..<Int32(layout.partitions) {
        let (low, high) = try admin.watermarks(topic: layout.name(topic), partition: partition)
        guard low == 0 else {
          throw BenchmarkError("\(topic.name) has outgrown the broker; take fewer --patients")
        }
        expected += high
      }
      entries[topic] = try read(layout.name(topic), count: Int(expected), kafka)
    }
  }

  /// Entries of a record as the connectors sent it, on average.
  func entriesPerRecord() throws -> Double {
    let records = try (entries[.extracts] ?? []).compactMap { entry -> PatientRecord? in
      if case .record(let record) = try ExtractMessage(serializedBytes: entry.value).content { record } else { nil }
    }
    return Double(records.map(\.entries.count).reduce(0, +)) / Double(max(records.count, 1))
  }

  private func read(_ topic: String, count: Int, _ kafka: KafkaConfiguration) throws -> [Entry] {
    let reader = try TopicReader(kafka, topic: topic, from: .beginning)
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    var misses = 0
    while entries.count < count, misses < 10 {
      let batch = try reader.poll(timeoutMilliseconds: 500)
      misses = batch.isEmpty ? misses + 1 : 0
      for message in batch.messages {
        entries.append(Entry(partition: message.partition, key: Array(message.key), value: Array(message.value)))
      }
    }
    guard entries.count == count else { throw BenchmarkError("\(topic) could not be read back") }
    return entries
  }

  /// The input of a stage whose cost does not depend on what it has seen before, repeated up to a size per partition.
  func repeated(_ topic: Topic, bytesPerPartition: Int) -> [Entry] {
    let records = (entries[topic] ?? []).filter {
      $0.value.withUnsafeBytes { (try? EnvelopeView($0))?.kind } == .record
    }
    var sizes: [Int32: Int] = [:]
    var repeated: [Entry] = []
    var hasGrown = true
    while hasGrown {
      hasGrown = false
      for entry in records {
        let size = sizes[entry.partition, default: 0] + entry.value.count + 100
        if size > bytesPerPartition { continue }
        sizes[entry.partition] = size
        repeated.append(entry)
        hasGrown = true
      }
    }
    return repeated
  }
}

/// Client settings as the services have them.
func kafkaConfiguration(_ environment: [String: String]) -> KafkaConfiguration {
  var kafka = KafkaConfiguration.embeddedBroker(bootstrapServers: environment["CAREDATA_KAFKA_BOOTSTRAP_SERVERS"] ?? "")
  // What goes wrong is thrown; librdkafka's remarks about the mock cluster would only stand between the figures.
  kafka.log = { _, _, _ in }
  return kafka
}

func partitions(_ environment: [String: String]) -> Int {
  environment["CAREDATA_TOPICS_PARTITIONS"].flatMap { Int($0) } ?? 12
}
