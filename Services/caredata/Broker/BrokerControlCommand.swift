/// What the control socket of the embedded broker takes: one command per line, answered by `ok` or `error REASON`.
enum BrokerControlCommand: Equatable, Sendable {
  /// `ping`
  case ping
  /// `down ID`: disconnects the broker's clients and refuses new ones; -1 means all brokers.
  case down(Int32)
  /// `up ID`
  case up(Int32)
  /// `error API_KEY CODE COUNT`: the next requests of that type fail (Kafka protocol numbers; code -195 disconnects).
  case error(request: Int16, code: Int32, count: Int)
  /// `rtt ID MS`: delays every answer.
  case roundTrip(Int32, milliseconds: Int32)
  /// `topic NAME PARTITIONS`
  case topic(EmbeddedTopic)

  init?(line: some StringProtocol) {
    let words = line.split(separator: " ")
    switch (words.first, words.count) {
    case ("ping", 1): self = .ping
    case ("down", 2):
      guard let broker = Int32(words[1]) else { return nil }
      self = .down(broker)
    case ("up", 2):
      guard let broker = Int32(words[1]) else { return nil }
      self = .up(broker)
    case ("error", 4):
      guard let request = Int16(words[1]), let code = Int32(words[2]), let count = Int(words[3]),
        (1...10_000).contains(count)
      else { return nil }
      self = .error(request: request, code: code, count: count)
    case ("rtt", 3):
      guard let broker = Int32(words[1]), let milliseconds = Int32(words[2]), milliseconds >= 0 else { return nil }
      self = .roundTrip(broker, milliseconds: milliseconds)
    case ("topic", 3):
      guard let topic = EmbeddedTopic("\(words[1]):\(words[2])") else { return nil }
      self = .topic(topic)
    default: return nil
    }
  }

  var line: String {
    switch self {
    case .ping: "ping"
    case .down(let broker): "down \(broker)"
    case .up(let broker): "up \(broker)"
    case .error(let request, let code, let count): "error \(request) \(code) \(count)"
    case .roundTrip(let broker, let milliseconds): "rtt \(broker) \(milliseconds)"
    case .topic(let topic): "topic \(topic.name) \(topic.partitions)"
    }
  }
}
