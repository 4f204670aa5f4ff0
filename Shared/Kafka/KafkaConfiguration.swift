import CRdKafka

/// What a client is made from: librdkafka's own properties, passed through by their own names
/// (librdkafka's CONFIGURATION.md). One configuration serves producers, consumers and administration alike.
///
/// Making a client refuses an unknown property, an invalid value and a value that contradicts what this project
/// promises (`acks`, idempotence, manual commit, the `range` assignor), each by the property's name.
public struct KafkaConfiguration: Sendable {
  /// Takes what librdkafka logs: syslog level (0...7), facility (for example `FAIL`) and text. Called on librdkafka's threads.
  public typealias LogHandler = @Sendable (_ level: Int, _ facility: String, _ text: String) -> Void

  public var properties: [String: String]
  /// Without a handler librdkafka writes to standard error.
  public var log: LogHandler?

  /// - Parameter bootstrapServers: `host:port`, several separated by commas.
  public init(bootstrapServers: String) {
    properties = ["bootstrap.servers": bootstrapServers]
  }

  public subscript(property: String) -> String? {
    get { properties[property] }
    set { properties[property] = newValue }
  }

  /// The settings that serve librdkafka's mock cluster, which the embedded broker runs.
  ///
  /// A fetch there returns one batch per partition and does not wake on new data, so the latency of a hop is
  /// `fetch.wait.max.ms`. A used group is rejoined only after the session timeout; below 6 s it never joins.
  public static func embeddedBroker(bootstrapServers: String) -> KafkaConfiguration {
    var configuration = KafkaConfiguration(bootstrapServers: bootstrapServers)
    configuration.properties.merge([
      "fetch.wait.max.ms": "10",
      "fetch.error.backoff.ms": "50",
      "session.timeout.ms": "6000",
      "heartbeat.interval.ms": "500",
      "linger.ms": "5",
      "compression.codec": "lz4",
      "reconnect.backoff.ms": "50",
      "reconnect.backoff.max.ms": "500",
      "socket.nagle.disable": "true",
    ]) { _, new in new }
    return configuration
  }
}

/// What a kind of client adds to the configuration it is given.
struct ClientProfile {
  let type: rd_kafka_type_t
  /// Cannot be set otherwise: the delivery guarantee rests on them.
  var fixed: [String: String] = [:]
  /// Used unless the configuration says otherwise.
  var defaults: [String: String] = [:]

  /// librdkafka's other names of the fixed properties, which would bypass the check.
  private static let aliases = ["request.required.acks": "acks"]

  /// All properties a client of this profile is made with.
  func resolve(_ configuration: KafkaConfiguration) throws -> [String: String] {
    for (name, value) in configuration.properties {
      guard let required = fixed[Self.aliases[name] ?? name], required != value else { continue }
      if name.hasSuffix("acks"), value == "-1" { continue }
      throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, detail: "property '\(name)' is fixed to '\(required)'")
    }
    return defaults.merging(configuration.properties) { _, given in given }.merging(fixed) { _, required in required }
  }

  /// A librdkafka configuration object; the caller owns it.
  func makeConfiguration(_ configuration: KafkaConfiguration) throws -> OpaquePointer {
    let properties = try resolve(configuration)
    let conf = rd_kafka_conf_new()!
    do {
      // In a fixed order, so that of several faults always the same one is named.
      for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
        try Self.set(conf, name, value)
      }
    } catch {
      rd_kafka_conf_destroy(conf)
      throw error
    }
    return conf
  }

  private static func set(_ conf: OpaquePointer, _ name: String, _ value: String) throws {
    var reason = [CChar](repeating: 0, count: 512)
    switch rd_kafka_conf_set(conf, name, value, &reason, reason.count) {
    case RD_KAFKA_CONF_OK: return
    case RD_KAFKA_CONF_UNKNOWN:
      throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, detail: "unknown property '\(name)'")
    default:
      // librdkafka quotes the value, which can be a secret: its text is shown only for plainly harmless names.
      let secret = ["password", "secret", "key", "pem", "jaas", "sasl", "token"].contains { name.contains($0) }
      let detail = secret ? "invalid value" : text(of: reason)
      throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, detail: "property '\(name)': \(detail)")
    }
  }
}

/// The text of a NUL-terminated C buffer.
func text(of buffer: [CChar]) -> String {
  String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
