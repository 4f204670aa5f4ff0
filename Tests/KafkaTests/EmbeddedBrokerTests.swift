import Foundation
import Kafka
import Testing

@testable import caredata

@Suite(.onThreadOfItsOwn) struct EmbeddedBrokerTests {
  @Test(arguments: [
    BrokerControlCommand.ping, .down(1), .up(-1), .error(request: 0, code: -195, count: 3),
    .roundTrip(1, milliseconds: 20), .topic(EmbeddedTopic(name: "caredata.linked", partitions: 12)),
  ])
  func `a control command reads as it is written`(command: BrokerControlCommand) {
    #expect(BrokerControlCommand(line: command.line) == command)
  }

  @Test(arguments: ["", "pong", "down", "down x", "error 0 7", "error 0 7 0", "rtt 1 -1", "topic a/b 1", "topic a 0"])
  func `what is no control command is refused`(line: String) {
    #expect(BrokerControlCommand(line: line) == nil)
  }

  @Test(arguments: ["t", "t:", ":1", "t:0", "t:1001", "a b:1", "..:1", String(repeating: "x", count: 250) + ":1"])
  func `what is no topic is refused`(text: String) {
    #expect(EmbeddedTopic(text) == nil)
  }

  @Test func `the control socket is this user's alone and carries commands out`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/control"
    let test = try TestBroker("t:1")
    let server = try EmbeddedBrokerControlServer(test.broker, path: path)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)

    let control = EmbeddedBrokerControl(path: path)
    try control.send(.ping)
    try control.send(.topic(EmbeddedTopic(name: "u", partitions: 3)))
    #expect(try Admin(test.configuration).partitionCount(topic: "u") == 3)
    #expect(throws: EmbeddedBrokerControl.Refused.self) { try control.send(.down(9)) }
    server.close()
    #expect(throws: UnixSocketError.self) { try control.send(.ping) }
  }

  @Test func `a control socket left behind is replaced, and a path too long is named`() throws {
    let directory = try TemporaryDirectory()
    let test = try TestBroker()
    let path = directory.path + "/control"
    let abandoned = try UnixSocket.listen(path)
    abandoned.shutDown()
    _ = try EmbeddedBrokerControlServer(test.broker, path: path)
    try EmbeddedBrokerControl(path: path).send(.ping)
    let long = directory.path + "/" + String(repeating: "x", count: 120)
    #expect(throws: UnixSocketError.self) { try EmbeddedBrokerControlServer(test.broker, path: long) }
  }

  @Test func `each start is an incarnation of its own, told in the state file`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/broker.json"
    #expect(try EmbeddedBrokerState.read(path) == nil)
    let first = EmbeddedBrokerState(try EmbeddedBroker(topics: []))
    let second = EmbeddedBrokerState(try EmbeddedBroker(topics: []))
    try first.write(path)
    try second.write(path)
    #expect(first.incarnation != second.incarnation)
    #expect(second.incarnation.count == 32)
    first.remove(path)
    #expect(try EmbeddedBrokerState.read(path) == second)
    second.remove(path)
    #expect(try EmbeddedBrokerState.read(path) == nil)
  }

  @Test func `three brokers survive the loss of one`() throws {
    let broker = try EmbeddedBroker(topics: [EmbeddedTopic(name: "t", partitions: 3)], brokers: 3)
    #expect(broker.bootstrapServers.split(separator: ",").count == 3)
    var configuration = KafkaConfiguration.embeddedBroker(bootstrapServers: broker.bootstrapServers)
    configuration.log = { _, _, _ in }
    let producer = try Producer(configuration)
    try producer.send(topic: "t", partition: 0, key: [], value: [1])
    try producer.flush()
    try broker.perform(.down(1))
    try broker.perform(.up(1))
    for partition in 0..<3 { try producer.send(topic: "t", partition: Int32(partition), key: [], value: [2]) }
    try producer.flush()
  }
}
