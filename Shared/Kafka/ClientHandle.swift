import CRdKafka
import Glibc

/// Owns one `rd_kafka_t`; the last reference destroys it.
///
/// Unchecked: librdkafka's handle may be used from any thread, and the context is only reached from callbacks that
/// librdkafka runs inside calls of the one thread the client belongs to. Its log handler is Sendable.
final class ClientHandle: @unchecked Sendable {
  let pointer: OpaquePointer
  let context: ClientContext
  private var isAbandoned = false

  init(_ profile: ClientProfile, _ configuration: KafkaConfiguration, configure: (OpaquePointer) -> Void = { _ in })
    throws
  {
    let conf = try profile.makeConfiguration(configuration)
    context = ClientContext(log: configuration.log)
    rd_kafka_conf_set_opaque(conf, Unmanaged.passUnretained(context).toOpaque())
    rd_kafka_conf_set_log_cb(conf, forwardLog)
    configure(conf)
    var reason = [CChar](repeating: 0, count: 512)
    guard let pointer = withSignalsBlocked({ rd_kafka_new(profile.type, conf, &reason, reason.count) }) else {
      rd_kafka_conf_destroy(conf)
      throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, detail: "making a client: \(text(of: reason))")
    }
    self.pointer = pointer
  }

  deinit {
    if isAbandoned { return }
    // Important: The callbacks hold `context` unretained. Destroying waits for librdkafka's threads, so that none of
    // them runs when `context` goes, after this body.
    rd_kafka_destroy(pointer)
  }

  /// Never destroys the client, since that would wait without end; its threads stay for the life of the process.
  func abandon() {
    isAbandoned = true
    _ = Unmanaged.passRetained(context)
  }

  /// The fatal error librdkafka has raised on this client, if any.
  var fatalError: KafkaError? {
    var reason = [CChar](repeating: 0, count: 512)
    let code = rd_kafka_fatal_error(pointer, &reason, reason.count)
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    let name = rd_kafka_err2name(code).map { String(cString: $0) } ?? "UNKNOWN"
    return KafkaError(RD_KAFKA_RESP_ERR__FATAL, detail: "the client has failed with \(name): \(text(of: reason))")
  }
}

/// What librdkafka's callbacks reach through the opaque pointer.
final class ClientContext {
  let log: KafkaConfiguration.LogHandler?
  let deliveries = DeliveryLedger()
  weak var consumer: BatchConsumer?

  init(log: KafkaConfiguration.LogHandler?) {
    self.log = log
  }

  static func of(_ opaque: UnsafeMutableRawPointer?) -> ClientContext? {
    opaque.map { Unmanaged<ClientContext>.fromOpaque($0).takeUnretainedValue() }
  }
}

private func forwardLog(
  _ handle: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) {
  guard let facility, let text else { return }
  // One configuration serves all kinds of clients: that each ignores the other kinds' properties is intended.
  if strcmp(facility, "CONFWARN") == 0 { return }
  guard let handle, let log = ClientContext.of(rd_kafka_opaque(handle))?.log else {
    return rd_kafka_log_print(handle, level, facility, text)
  }
  log(Int(level), String(cString: facility), String(cString: text))
}

/// Runs `body` with all signals blocked: the threads that librdkafka starts inside inherit the mask, and the process's
/// signals go on arriving at the threads that await them.
package func withSignalsBlocked<Result>(_ body: () throws -> Result) rethrows -> Result {
  var all = sigset_t()
  var previous = sigset_t()
  sigfillset(&all)
  pthread_sigmask(SIG_SETMASK, &all, &previous)
  defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
  return try body()
}
