import Foundation

/// A failed system call of the control socket.
struct UnixSocketError: Error, CustomStringConvertible {
  let description: String

  init(_ doing: String, _ path: String, code: Int32 = errno) {
    description = "\(doing) control socket \(path): \(String(cString: strerror(code)))"
  }
}

/// A stream socket in the file system that carries lines of text.
final class UnixSocket: Sendable {
  /// A line longer than this is no command.
  private static let lineLimit = 1024

  let descriptor: Int32

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    Foundation.close(descriptor)
  }

  static func connect(_ path: String) throws -> UnixSocket {
    let socket = try open(path)
    try socket.withAddress(path) { address, length in
      guard Foundation.connect(socket.descriptor, address, length) == 0 else {
        throw UnixSocketError("connecting to", path)
      }
    }
    return socket
  }

  /// Listens at `path`, for this user only. A socket left behind by a dead process is replaced.
  static func listen(_ path: String) throws -> UnixSocket {
    let socket = try open(path)
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
    // Before it is bound, so that at no moment another user can connect.
    fchmod(socket.descriptor, 0o600)
    try socket.withAddress(path) { address, length in
      guard bind(socket.descriptor, address, length) == 0, Foundation.listen(socket.descriptor, 16) == 0 else {
        throw UnixSocketError("listening on", path)
      }
    }
    return socket
  }

  /// - Returns: `nil` when the socket was shut down.
  func accept() -> UnixSocket? {
    while true {
      let connection = Foundation.accept(descriptor, nil, nil)
      if connection >= 0 { return UnixSocket(connection) }
      if errno != EINTR && errno != ECONNABORTED { return nil }
    }
  }

  /// Makes pending and later reads and accepts return at once.
  func shutDown() {
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Reads fail after so long without data.
  func limitWaiting(seconds: Int) {
    var timeout = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
  }

  /// The next line without its end; `nil` at the end of the stream, after too long a wait and for too long a line.
  func readLine() -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while line.count < Self.lineLimit {
      let count = recv(descriptor, &byte, 1, 0)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    return nil
  }

  /// - Returns: Whether the peer took it.
  @discardableResult
  func write(line: String) -> Bool {
    var bytes = Array(line.utf8)[...]
    bytes.append(UInt8(ascii: "\n"))
    while !bytes.isEmpty {
      // A peer that has gone must not raise SIGPIPE.
      let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      bytes = bytes.dropFirst(count)
    }
    return true
  }

  private static func open(_ path: String) throws -> UnixSocket {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw UnixSocketError("opening", path) }
    return UnixSocket(descriptor)
  }

  private func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < capacity else { throw UnixSocketError("naming", path, code: ENAMETOOLONG) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    try withUnsafePointer(to: &address) { address in
      try address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
