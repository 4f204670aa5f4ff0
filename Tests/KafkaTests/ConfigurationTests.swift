import Kafka
import Testing

struct ConfigurationTests {
  private func refusal(_ name: String, _ value: String) -> KafkaError? {
    var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
    configuration[name] = value
    configuration.log = { _, _, _ in }
    return kafkaError { _ = try Producer(configuration) }
  }

  @Test func `an unknown property is refused by name`() {
    let error = refusal("linger.minutes", "1")
    #expect(error?.detail == "unknown property 'linger.minutes'")
    #expect(error?.isFatal == true)
  }

  @Test func `an invalid value is refused by the property's name`() {
    #expect(refusal("linger.ms", "soon")?.detail.contains("'linger.ms'") == true)
  }

  @Test func `an invalid value of a secret property is not shown`() {
    let error = refusal("enable.sasl.oauthbearer.unsecure.jwt", "hunter2")
    #expect(error?.detail.contains("hunter2") == false)
  }

  @Test(arguments: [
    ("acks", "1"), ("request.required.acks", "0"), ("enable.idempotence", "false"),
  ])
  func `what delivery rests on cannot be set otherwise`(name: String, value: String) {
    #expect(refusal(name, value)?.detail.contains("'\(name)' is fixed to") == true)
  }

  @Test(arguments: [("acks", "all"), ("acks", "-1"), ("message.timeout.ms", "60000"), ("session.timeout.ms", "7000")])
  func `librdkafka's properties pass through, those of other kinds of client too`(name: String, value: String) throws {
    var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
    configuration[name] = value
    configuration.log = { _, _, _ in }
    _ = try Producer(configuration)
  }

  @Test func `automatic commit is refused`() {
    var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
    configuration["enable.auto.commit"] = "true"
    let error = kafkaError { _ = try BatchConsumer(configuration, group: "g", topics: ["t"], delegate: nil) }
    #expect(error?.detail == "property 'enable.auto.commit' is fixed to 'false'")
  }
}
