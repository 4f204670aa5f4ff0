import Cryptography
import Foundation
import Logging
import Metrics
import ServiceLifecycle

/// Entry point of the five services: configuration, logs, health, signals, the loop, and an exit code that says why.
public enum StageMain<S: Stage> {
  public static func run() async -> Never {
    ProcessSecrecy.begin()
    do {
      let configuration = try await StageConfiguration.load()
      try await serve(configuration)
      exit(0)
    } catch {
      let failure = StageError.wrapping(error)
      FileHandle.standardError.write(Data("caredata \(S.name.rawValue): \(failure)\n".utf8))
      exit(failure.code.rawValue)
    }
  }

  static func serve(_ settings: StageConfiguration) async throws {
    var configuration = settings
    let level = configuration.logLevel
    LoggingSystem.bootstrap { label in
      var handler = JSONLogHandler(label: label)
      handler.logLevel = level
      return handler
    }
    let registry = PrometheusRegistry()
    MetricsSystem.bootstrap(registry)
    let logger = Logger(label: S.name.rawValue)
    configuration.kafka.log = { level, facility, text in
      logger.log(level: level <= 3 ? .warning : .debug, "\(text)", metadata: ["facility": "\(facility)"])
    }
    let health = Health(readyFile: configuration.readyFile)
    let stopping = StopFlag()
    let loop = LoopService<S>(
      configuration: configuration, logger: logger, metrics: StageMetrics(stage: S.name, factory: registry),
      health: health, stopping: stopping)
    let server = HealthServer(
      host: configuration.httpHost, port: configuration.httpPort, health: health, registry: registry
    ) { port in
      logger.info("listening", metadata: ["port": "\(port)"])
    }
    var group = ServiceGroupConfiguration(
      services: [
        .init(service: server),
        .init(service: loop, successTerminationBehavior: .gracefullyShutdownGroup),
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    // Escalates to a hard exit when the drain takes longer than operators are told.
    group.maximumGracefulShutdownDuration = .seconds(20)
    if configuration.supervised {
      // Ctrl-C in the terminal goes to its whole process group; the supervisor decides who stops when.
      setsid()
      stopWhenStandardInputEnds(stopping)
    }
    try await ServiceGroup(configuration: group).run()
  }

  /// A supervisor holds the other end of standard input; when it dies, even by SIGKILL, its children drain and leave.
  private static func stopWhenStandardInputEnds(_ stopping: StopFlag) {
    let thread = Thread {
      while let data = try? FileHandle.standardInput.read(upToCount: 1), !data.isEmpty {}
      stopping.set()
    }
    thread.start()
  }
}

/// The loop as a service: its own thread, stopped by graceful shutdown.
private struct LoopService<S: Stage>: Service {
  let configuration: StageConfiguration
  let logger: Logger
  nonisolated(unsafe) let metrics: StageMetrics  // handed to the loop's thread and used there only
  let health: Health
  let stopping: StopFlag

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let thread = Thread {
          do {
            try StageLoop<S>(
              configuration: configuration, logger: logger, metrics: metrics, health: health, stopping: stopping
            ).run()
            continuation.resume()
          } catch is Interrupted {
            continuation.resume()
          } catch {
            logger.critical("stopping", metadata: ["reason": "\(StageError.wrapping(error))"])
            continuation.resume(throwing: error)
          }
        }
        thread.name = S.name.rawValue
        thread.stackSize = 8 << 20
        thread.start()
      }
    } onGracefulShutdown: {
      stopping.set()
    }
  }
}
