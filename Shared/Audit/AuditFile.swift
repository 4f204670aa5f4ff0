import Glibc

/// The file of a log and the head beside it, locked from opening to `close`.
///
/// The lock lies on the open file, so it holds between processes as between threads, and a crash releases it.
struct AuditFile: ~Copyable {
  enum Access {
    /// Makes the file when there is none.
    case append
    case read
  }

  private let path: String
  private let descriptor: Int32

  /// Waits for whoever appends at the moment.
  init(_ path: String, _ access: Access) throws(AuditError) {
    self.path = path
    var flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    flags |= access == .append ? O_RDWR | O_APPEND | O_CREAT : O_RDONLY
    descriptor = open(path, flags, 0o600)
    guard descriptor >= 0 else {
      throw errno == ENOENT && access == .read
        ? AuditError(.file, "there is no audit log at \(path)") : Self.failure(path, "cannot be opened")
    }
    do throws(AuditError) {
      try Self.check(descriptor, path)
      while flock(descriptor, access == .append ? LOCK_EX : LOCK_SH) != 0 {
        guard errno == EINTR else { throw Self.failure(path, "cannot be locked") }
      }
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Bytes.
  func size() throws(AuditError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "cannot be examined") }
    return Int(status.st_size)
  }

  /// Up to `count` bytes from `offset`; fewer only at the end.
  func read(_ count: Int, at offset: Int) throws(AuditError) -> [UInt8] {
    try Self.read(descriptor, path, count, at: offset)
  }

  /// On disk when it returns; else the file has the length it had.
  func append(_ bytes: [UInt8], to size: Int) throws(AuditError) {
    guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      let failure = Self.failure(path, "cannot be written")
      _ = ftruncate(descriptor, off_t(size))
      throw failure
    }
    if size == 0 { try Self.synchronizeFolder(of: path) }
  }

  func cut(to size: Int) throws(AuditError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure(path, "cannot be written") }
  }

  // MARK: - The head beside it

  private var headPath: String { path + ".head" }

  /// Nil: there is none.
  func head() throws(AuditError) -> [UInt8]? {
    let file = open(headPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw Self.failure(headPath, "cannot be opened")
    }
    defer { close(file) }
    try Self.check(file, headPath)
    return try Self.read(file, headPath, 200, at: 0)
  }

  /// The old one or the new one, whole, whatever happens meanwhile.
  func store(_ head: AuditHead) throws(AuditError) {
    let unfinished = headPath + ".new"
    let file = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw Self.failure(unfinished, "cannot be made") }
    defer { close(file) }
    let bytes = head.file
    guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, rename(unfinished, headPath) == 0 else {
      throw Self.failure(headPath, "cannot be written")
    }
    try Self.synchronizeFolder(of: path)
  }

  // MARK: - System calls

  /// Who may read the log learns who asked for whom; who may write it could forge it.
  private static func check(_ descriptor: Int32, _ path: String) throws(AuditError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be examined") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw AuditError(.file, "\(path) is no regular file") }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o7777, radix: 8)
      throw AuditError(.file, "\(path) is open to group or others (mode \(mode)); close it to them: chmod 600")
    }
  }

  private static func read(
    _ descriptor: Int32, _ path: String, _ count: Int, at offset: Int
  ) throws(AuditError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let part = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + filled, count - filled, off_t(offset + filled))
      }
      if part < 0, errno == EINTR { continue }
      guard part >= 0 else { throw failure(path, "cannot be read") }
      if part == 0 { break }
      filled += part
    }
    return Array(bytes.prefix(filled))
  }

  /// Else a file that has just been made may be gone after a loss of power.
  private static func synchronizeFolder(of path: String) throws(AuditError) {
    let end = path.lastIndex(of: "/")
    let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(folder, "cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(folder, "cannot be written") }
  }

  private static func failure(_ path: String, _ problem: String) -> AuditError {
    AuditError(.file, "\(path) \(problem): \(String(cString: strerror(errno)))")
  }
}
