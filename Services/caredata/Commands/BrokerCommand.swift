import ArgumentParser
import Foundation

struct BrokerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "broker",
    abstract: "Run the embedded broker: in memory, on this machine, for trying out and tests.",
    discussion: """
      Listens on a random port of 127.0.0.1 and writes its address to the state file. It forgets everything when it
      stops and keeps 5 MB per partition, read or not. SIGTERM or Ctrl-C stops it. `caredata up` starts it for you.
      """)

  @Option(help: ArgumentHelp("A file of topics, one NAME:PARTITIONS per line; # begins a comment.", valueName: "file"))
  var topics: String?

  @Option(name: .customLong("topic"), help: ArgumentHelp("A topic; may be repeated.", valueName: "name:partitions"))
  var namedTopics: [EmbeddedTopic] = []

  @Option(help: ArgumentHelp("Where to write address, incarnation and process id, as JSON.", valueName: "file"))
  var stateFile: String

  @Option(help: ArgumentHelp("A Unix socket for faults on demand, for tests.", valueName: "path"))
  var controlSocket: String?

  @Option(help: ArgumentHelp("Number of brokers.", valueName: "count"))
  var brokers = 1

  @Flag(help: "Stop when standard input ends, so that this process does not outlive the one that started it.")
  var stopWithParent = false

  func validate() throws {
    guard (1...3).contains(brokers) else { throw ValidationError("--brokers is 1 to 3.") }
  }

  func run() throws {
    let broker = try EmbeddedBroker(topics: fileTopics() + namedTopics, brokers: brokers)
    let control = try controlSocket.map { try EmbeddedBrokerControlServer(broker, path: $0) }
    defer { control?.close() }
    let state = EmbeddedBrokerState(broker)
    let stop = StopRequest(whenInputEnds: stopWithParent)
    try state.write(stateFile)
    defer { state.remove(stateFile) }
    stop.wait()
  }

  private func fileTopics() throws -> [EmbeddedTopic] {
    guard let topics else { return [] }
    let text = try String(contentsOfFile: topics, encoding: .utf8)
    return try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
      let entry = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
      if entry.isEmpty { return nil }
      guard let topic = EmbeddedTopic(entry) else {
        throw ValidationError("\(topics), line \(index + 1): '\(entry)' is not NAME:PARTITIONS.")
      }
      return topic
    }
  }
}

extension EmbeddedTopic: ExpressibleByArgument {
  init?(argument: String) {
    self.init(argument)
  }
}

/// SIGTERM, SIGINT or, if asked for, the end of standard input.
private final class StopRequest {
  private let requested = DispatchSemaphore(value: 0)
  private var sources: [any DispatchSourceSignal] = []

  init(whenInputEnds: Bool) {
    for number in [SIGTERM, SIGINT] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [requested] in requested.signal() }
      source.resume()
      sources.append(source)
    }
    guard whenInputEnds else { return }
    Thread.detachNewThread { [requested] in
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || count < 0 && errno != EINTR { break }
      }
      requested.signal()
    }
  }

  func wait() {
    requested.wait()
  }
}
