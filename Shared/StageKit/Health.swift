import FlyingFox
import Foundation
import ServiceLifecycle
import Synchronization

/// What the loop tells the outside about itself. Liveness is progress of the loop; readiness is that partitions are
/// held and the dependencies answer.
public final class Health: Sendable {
  private struct State {
    var lastProgress = ContinuousClock.now
    var waitingFor: String? = "starting"
    var paused: String?
  }

  private let state = Mutex(State())
  private let readyFile: String

  /// - Parameter readyFile: exists while the stage is ready; empty for none.
  init(readyFile: String = "") {
    self.readyFile = readyFile
  }

  /// Longest time between two turns of the loop that still counts as alive.
  static let patience = Duration.seconds(120)

  func progress() { state.withLock { $0.lastProgress = .now } }

  /// - Parameter reason: what is missing, `nil` when nothing is.
  func waiting(for reason: String?) {
    let wasReady = state.withLock { state in
      defer { state.waitingFor = reason }
      state.lastProgress = .now
      return state.waitingFor == nil
    }
    guard !readyFile.isEmpty, wasReady != (reason == nil) else { return }
    if reason == nil { _ = FileManager.default.createFile(atPath: readyFile, contents: nil) } else { unlink(readyFile) }
  }

  /// - Parameter reason: why a stage that is ready holds something back, `nil` when it does not.
  func paused(_ reason: String?) { state.withLock { $0.paused = reason } }

  var readyText: String { state.withLock { $0.paused.map { "ready; paused: \($0)" } ?? "ready" } }
  var isAlive: Bool { state.withLock { ContinuousClock.now - $0.lastProgress < Self.patience } }
  var reasonNotReady: String? { state.withLock { $0.waitingFor } }
}

/// `/livez`, `/readyz` and `/metrics`.
struct HealthServer: Service {
  let host: String
  let port: Int
  let health: Health
  let registry: PrometheusRegistry
  let listening: @Sendable (UInt16) -> Void

  func run() async throws {
    let server = HTTPServer(address: try .inet(ip4: host, port: UInt16(port)), logger: .disabled)
    await server.appendRoute("GET /livez") { [health] _ in
      health.isAlive ? Self.text(.ok, "alive") : Self.text(.serviceUnavailable, "the loop has stopped turning")
    }
    await server.appendRoute("GET /readyz") { [health] _ in
      health.reasonNotReady.map { Self.text(.serviceUnavailable, "waiting for \($0)") }
        ?? Self.text(.ok, health.readyText)
    }
    await server.appendRoute("GET /metrics") { [registry] _ in
      HTTPResponse(
        statusCode: .ok, headers: [.contentType: "text/plain; version=0.0.4"], body: Data(registry.render().utf8))
    }
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        group.addTask { [listening] in
          try await server.waitUntilListening()
          if case .ip4(_, let port) = await server.listeningAddress { listening(port) }
        }
        do { try await group.waitForAll() } catch is CancellationError {}
      }
    } onGracefulShutdown: {
      Task { await server.stop(timeout: 1) }
    }
  }

  private static func text(_ status: HTTPStatusCode, _ body: String) -> HTTPResponse {
    HTTPResponse(statusCode: status, headers: [.contentType: "text/plain"], body: Data((body + "\n").utf8))
  }
}
