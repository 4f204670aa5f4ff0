import Contracts
import Foundation
import Kafka
import Postgres
import StageKit

/// When no message under a former linkage key can come any more.
///
/// Pseudonymisation takes a new key before each batch. Once it has committed everything that lay before it when the key
/// was new, whatever it writes is under that key; and once linkage has read all that was written until then, nothing under
/// a former key is on its way.
struct LinkageStragglers {
  private enum Step {
    case writing(until: [TopicPartition: Int64])
    case reading(until: [TopicPartition: Int64])
  }

  private let target: Installation
  private let admin: Admin
  private var step: Step

  /// Call when the new key is in the ring.
  init(_ target: Installation) throws {
    self.target = target
    admin = try Admin(target.kafka)
    step = .writing(until: try Self.ends(of: .permitted, target, admin))
  }

  /// What has to happen first; nil: nothing.
  mutating func waits() throws -> String? {
    if case .writing(let ends) = step {
      guard try isBehind(.pseudonymisation, .permitted, ends) else {
        return "pseudonymisation to finish what it read under the former key"
      }
      step = .reading(until: try Self.ends(of: .pseudonymised, target, admin))
    }
    guard case .reading(let ends) = step, try !isBehind(.linkage, .pseudonymised, ends) else { return nil }
    return "linkage to read what was written under the former key"
  }

  /// Waits until nothing has to happen first.
  ///
  /// - Returns: what still has to after so long.
  mutating func wait(seconds: Double) throws -> String? {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while let wait = try waits() {
      guard ContinuousClock.now < deadline else { return wait }
      usleep(200_000)
    }
    return nil
  }

  private func isBehind(_ stage: StageName, _ topic: Topic, _ ends: [TopicPartition: Int64]) throws -> Bool {
    let committed = try admin.committedOffsets(
      group: target.layout.group(stage), topics: [target.layout.name(topic)])
    return ends.allSatisfy { committed[$0.key, default: 0] >= $0.value }
  }

  private static func ends(of topic: Topic, _ target: Installation, _ admin: Admin) throws -> [TopicPartition: Int64] {
    let name = target.layout.name(topic)
    var ends: [TopicPartition: Int64] = [:]
    for partition in 0..<Int32(target.layout.partitions) {
      let high = try admin.watermarks(topic: name, partition: partition).high
      if high > 0 { ends[TopicPartition(topic: name, partition: partition)] = high }
    }
    return ends
  }
}
