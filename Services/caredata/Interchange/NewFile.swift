import Foundation

/// A new file, readable by its owner only, that is there as a whole or not at all and never replaces another.
final class NewFile {
  let path: String
  private let unfinished: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []

  init(_ path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else { throw ClientError("\(path) is there already") }
    self.path = path
    let url = URL(fileURLWithPath: path)
    unfinished = url.deletingLastPathComponent().path + "/.\(url.lastPathComponent).\(getpid())"
    descriptor = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw ClientError("\(path) cannot be written: \(String(cString: strerror(errno)))") }
  }

  deinit {
    close(descriptor)
    unlink(unfinished)
  }

  func write(_ bytes: [UInt8]) throws {
    buffer += bytes
    if buffer.count >= 1 << 16 { try flush() }
  }

  func finish() throws {
    try flush()
    // A link never replaces what is there.
    guard fsync(descriptor) == 0, link(unfinished, path) == 0 else { throw failure() }
  }

  private func flush() throws {
    var done = 0
    while done < buffer.count {
      let count = buffer[done...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      done += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func failure() -> ClientError {
    ClientError("\(path) cannot be written: \(String(cString: strerror(errno)))")
  }
}
