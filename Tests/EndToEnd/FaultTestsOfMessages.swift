import Contracts
import Foundation
import Kafka
import Testing

extension WholeSystem {
  @Suite struct MalformedMessageTests {
    /// Each stage's main input.
    private static let inputs: [(StageName, Topic)] = [
      (.ingestion, .extracts), (.objectionFilter, .validated), (.pseudonymisation, .permitted),
      (.linkage, .pseudonymised), (.publication, .linked),
    ]

    @Test func `a malformed message goes to the rejected topic of its stage and the stream goes on`() throws {
      let region = try Region.shared.get()
      let baseline = try WholeSystem.baseline.get()
      let outcome = try withSystem { system in
        let planted = try plant(in: system)
        for (stage, expected) in planted {
          var found: [RunningSystem.Record] = []
          try awaited("the rejections of \(stage.rawValue)", seconds: 30) {
            found = try system.records(in: .rejected(stage))
            return found.count >= expected.count
          }
          #expect(Set(try found.map(coordinates)) == expected, "\(stage.rawValue)")
          for record in found { #expect(!record.value.contains { $0 >= 0x80 }, "the content must stay behind") }
        }
        try system.resolveRejectedObjections()
        // Every partition has one in front of what follows.
        try system.submit(region)
        try system.awaitBalance(extracts: region.organisations.count)
        return try system.outcome()
      }
      #expect(outcome == baseline)
    }

    /// A message that is no Protobuf in each partition of each input. Returns their coordinates.
    private func plant(in system: RunningSystem) throws -> [StageName: Set<String>] {
      let layout = try system.layout()
      let producer = try Producer(try system.kafka())
      defer { producer.close() }
      let admin = try Admin(try system.kafka())
      var planted: [StageName: Set<String>] = [:]
      for (stage, topic) in Self.inputs {
        let name = layout.name(topic)
        for partition in 0..<Int32(layout.partitions) {
          let offset = try admin.watermarks(topic: name, partition: partition).high
          try producer.send(
            topic: name, partition: partition, key: [UInt8](repeating: 7, count: 16), value: [0xff, 0xfe, 0xfd])
          planted[stage, default: []].insert("\(name)/\(partition)/\(offset) malformed")
        }
      }
      try producer.flush()
      return planted
    }

    /// From the body; key and headers must say the same.
    private func coordinates(_ record: RunningSystem.Record) throws -> String {
      let rejection = try Rejection(json: record.value)
      #expect(String(decoding: record.key, as: UTF8.self) == rejection.place)
      let headers = record.headers.mapValues { String(decoding: $0, as: UTF8.self) }
      #expect(headers["dlq.source.topic"] == rejection.topic)
      #expect(headers["dlq.source.partition"] == "\(rejection.partition)")
      #expect(headers["dlq.source.offset"] == "\(rejection.offset)")
      #expect(headers["dlq.code"] == rejection.code)
      return "\(rejection.place) \(rejection.code)"
    }
  }
}
