import Kafka
import Logging
import Testing

@testable import StageKit

struct StageConfigurationTests {
  private let least = [
    "CAREDATA_DATABASE_URL": "host=/tmp", "CAREDATA_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
  ]

  private func load(_ more: [String: String] = [:], without missing: String? = nil) async throws -> StageConfiguration {
    var environment = least.merging(more) { _, new in new }
    if let missing { environment[missing] = nil }
    return try await StageConfiguration.load(environment: environment)
  }

  @Test func `two settings are enough`() async throws {
    let configuration = try await load()
    #expect(configuration.databaseURL == "host=/tmp")
    #expect(configuration.layout.prefix == "caredata." && configuration.layout.partitions == 12)
    #expect(configuration.batchMessages == nil && configuration.batchBytes == nil && configuration.backlogBytes == 0)
    #expect(configuration.logLevel == .info && !configuration.supervised)
    #expect(configuration.policyFile == "compose/policy/attributes.yaml" && configuration.postcodesFile.isEmpty)
    #expect(configuration.kafka.properties == ["bootstrap.servers": "localhost:9092"])
  }

  @Test func `every setting is read from its variable`() async throws {
    let configuration = try await load([
      "CAREDATA_KEYS_DIRECTORY": "/keys", "CAREDATA_TOPICS_PREFIX": "trial.", "CAREDATA_TOPICS_PARTITIONS": "3",
      "CAREDATA_HTTP_HOST": "0.0.0.0", "CAREDATA_HTTP_PORT": "8080", "CAREDATA_BATCH_MESSAGES": "10",
      "CAREDATA_BATCH_BYTES": "20", "CAREDATA_BACKLOG_BYTES": "30", "CAREDATA_INCARNATION": "a",
      "CAREDATA_SUPERVISED": "true", "CAREDATA_READY_FILE": "/ready", "CAREDATA_LOG_LEVEL": "debug",
      "CAREDATA_POLICY_FILE": "/policy.yaml", "CAREDATA_POSTCODES_FILE": "/nspl.csv",
    ])
    #expect(configuration.keysDirectory == "/keys" && configuration.layout.prefix == "trial.")
    #expect(configuration.layout.partitions == 3 && configuration.httpHost == "0.0.0.0")
    #expect(configuration.httpPort == 8_080 && configuration.batchMessages == 10 && configuration.batchBytes == 20)
    #expect(configuration.backlogBytes == 30 && configuration.incarnation == "a" && configuration.supervised)
    #expect(configuration.policyFile == "/policy.yaml" && configuration.postcodesFile == "/nspl.csv")
    #expect(configuration.readyFile == "/ready" && configuration.logLevel == .debug)
  }

  @Test(arguments: ["CAREDATA_DATABASE_URL", "CAREDATA_KAFKA_BOOTSTRAP_SERVERS"])
  func `a setting without a default is asked for by its name`(variable: String) async throws {
    let error = try await #require(throws: StageError.self) { _ = try await load(without: variable) }
    #expect(error.code == .configuration)
    #expect(error.description.contains(variable))
    let empty = try await #require(throws: StageError.self) { _ = try await load([variable: ""]) }
    #expect(empty.description.contains(variable))
  }

  @Test func `a national list must be a week old at most, unless the installation says otherwise or has none`()
    async throws
  {
    #expect(try await load().nationalList.maximumDays == 7)
    #expect(try await load(["CAREDATA_NATIONAL_LIST_DAYS": "2"]).nationalList.maximumDays == 2)
    #expect(try await load(["CAREDATA_NATIONAL_LIST_DAYS": "off"]).nationalList.maximumDays == nil)
  }

  @Test func `re-identification is off unless it is switched on`() async throws {
    #expect(try await !load().reidentification)
    #expect(try await !load(["CAREDATA_REIDENTIFICATION": "off"]).reidentification)
    #expect(try await load(["CAREDATA_REIDENTIFICATION": "on"]).reidentification)
  }

  @Test(
    arguments: [
      ("CAREDATA_NATIONAL_LIST_DAYS", "0"), ("CAREDATA_NATIONAL_LIST_DAYS", "never"),
      ("CAREDATA_REIDENTIFICATION", "yes"), ("CAREDATA_REIDENTIFICATION", "ON"),
      ("CAREDATA_LOG_LEVEL", "loud"), ("CAREDATA_TOPICS_PARTITIONS", "0"), ("CAREDATA_CONFIG_FILE", "/nowhere.json"),
    ])
  func `a wrong setting is refused by its name`(variable: String, value: String) async throws {
    let error = try await #require(throws: StageError.self) { _ = try await load([variable: value]) }
    #expect(error.code == .configuration && error.description.contains(variable))
  }

  @Test(
    arguments: [
      ("BOOTSTRAP_SERVERS", "bootstrap.servers"), ("SECURITY_PROTOCOL", "security.protocol"),
      ("SSL_CA_LOCATION", "ssl.ca.location"), ("TOPIC_METADATA_REFRESH_SPARSE", "topic.metadata.refresh.sparse"),
      ("A__B", "a_b"), ("A___B", "a-b"), ("A_B__C___D", "a.b_c-d"),
    ])
  func `a variable names a librdkafka property`(variable: String, property: String) {
    #expect(StageConfiguration.propertyName(variable) == property)
  }

  @Test func `every Kafka variable passes through with its value as it is`() async throws {
    let configuration = try await load([
      "CAREDATA_KAFKA_SESSION_TIMEOUT_MS": "6000", "CAREDATA_KAFKA_CLIENT_ID": "Some.Client_1", "KAFKA_OTHER": "x",
    ])
    #expect(
      configuration.kafka.properties == [
        "bootstrap.servers": "localhost:9092", "session.timeout.ms": "6000", "client.id": "Some.Client_1",
      ])
  }
}

struct StageErrorTests {
  @Test func `exit codes are those that operators are told`() {
    let codes: [StageError.Code] = [
      .configuration, .key, .offsetLost, .broker, .database, .contract, .internal,
    ]
    #expect(codes.map(\.rawValue) == [10, 11, 12, 13, 14, 15, 70])
  }

  @Test func `an unforeseen error shows its type and none of its content`() {
    struct Unforeseen: Error { let patient = "9990000018" }
    let error = StageError.wrapping(Unforeseen())
    #expect(error.code == .internal && error.description == "Unforeseen")
  }

  @Test func `a stage error keeps its code`() {
    #expect(StageError.wrapping(StageError(.key, "no key")).code == .key)
  }
}

struct StreamStartTests {
  @Test func `an offset is lost only where the group has committed one before`() {
    #expect(StreamStart.isLost(committed: nil, hasCommitted: true))
    #expect(!StreamStart.isLost(committed: nil, hasCommitted: false))
    #expect(!StreamStart.isLost(committed: 0, hasCommitted: true))
    #expect(!StreamStart.isLost(committed: 7, hasCommitted: false))
  }
}
