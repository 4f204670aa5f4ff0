import Foundation

/// Serves the control socket of an embedded broker from a thread of its own.
final class EmbeddedBrokerControlServer: Sendable {
  /// A client that says nothing for so long is left, since the next one waits behind it.
  private static let idleSeconds = 2

  private let path: String
  private let listener: UnixSocket

  init(_ broker: EmbeddedBroker, path: String) throws {
    self.path = path
    let listener = try UnixSocket.listen(path)
    self.listener = listener
    Thread.detachNewThread {
      while let connection = listener.accept() {
        connection.limitWaiting(seconds: Self.idleSeconds)
        while let line = connection.readLine() {
          connection.write(line: Self.answer(line, broker))
        }
      }
    }
  }

  /// Stops listening and removes the socket.
  func close() {
    unlink(path)
    listener.shutDown()
  }

  static func answer(_ line: String, _ broker: EmbeddedBroker) -> String {
    guard let command = BrokerControlCommand(line: line) else { return "error unknown command" }
    do {
      try broker.perform(command)
      return "ok"
    } catch {
      return "error \(error)"
    }
  }
}

/// The other end of the control socket.
struct EmbeddedBrokerControl: Sendable {
  struct Refused: Error, CustomStringConvertible {
    let command: String
    let answer: String

    var description: String { "embedded broker, '\(command)': \(answer)" }
  }

  let path: String

  /// - Throws: ``UnixSocketError`` when no broker listens, ``Refused`` when it does not carry the command out.
  func send(_ command: BrokerControlCommand) throws {
    let socket = try UnixSocket.connect(path)
    socket.limitWaiting(seconds: 10)
    socket.write(line: command.line)
    let answer = socket.readLine() ?? "no answer"
    guard answer == "ok" else { throw Refused(command: command.line, answer: answer) }
  }
}
