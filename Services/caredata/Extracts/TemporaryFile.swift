import Glibc

/// A file for sorted runs: mode 0600 and without a name, so that the kernel frees it when the process ends in whatever
/// way, also by kill -9.
final class TemporaryFile {
  private let descriptor: Int32
  private let directory: String
  /// Bytes written so far.
  private(set) var size = 0
  private let buffer: UnsafeMutableRawBufferPointer
  private var buffered = 0

  init(directory: String, bufferBytes: Int) throws(ExtractInputError) {
    self.directory = directory
    // mkstemp creates with mode 0600; the file is still empty when its name goes.
    var template = Array("\(directory)/caredata-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw ExtractInputError(file: directory, .temporaryFile(String(cString: strerror(errno))))
    }
    buffer = .allocate(byteCount: bufferBytes, alignment: 8)
    guard unlink(template) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw failure() }
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(ExtractInputError) {
    if buffered + bytes.count > buffer.count { try flush() }
    if bytes.count > buffer.count {
      try write(bytes)
    } else if let start = bytes.baseAddress {
      (buffer.baseAddress! + buffered).copyMemory(from: start, byteCount: bytes.count)
      buffered += bytes.count
    }
    size += bytes.count
  }

  func flush() throws(ExtractInputError) {
    try write(UnsafeRawBufferPointer(rebasing: buffer[..<buffered]))
    buffered = 0
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(ExtractInputError) {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(descriptor, start, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Reads up to `target.count` flushed bytes at `offset`; fewer only at the end.
  func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(ExtractInputError) -> Int {
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func failure(_ reason: String? = nil) -> ExtractInputError {
    ExtractInputError(file: directory, .temporaryFile(reason ?? String(cString: strerror(errno))))
  }
}
