import Foundation

/// An exclusive lock on a directory, held as long as any process has its descriptor open: by the owner and, after
/// the owner was killed, by what still cleans up for it.
struct DirectoryLock {
  let descriptor: Int32

  /// Waits for what cleans up after a killed owner; a living owner is an error.
  static func acquire(_ directory: String) throws -> DirectoryLock {
    let path = "\(directory)/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw PrivatePostgresError(description: "cannot open \(path): \(lastSystemError())")
    }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      var text = [UInt8](repeating: 0, count: 20)
      let length = pread(descriptor, &text, text.count, 0)
      let owner = pid_t(String(decoding: text.prefix(max(0, length)), as: UTF8.self)) ?? 0
      if owner > 0, Foundation.kill(owner, 0) == 0 || errno == EPERM {
        close(descriptor)
        throw PrivatePostgresError(description: "\(directory) is in use by process \(owner)")
      }
      while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
    }
    let owner = Array("\(getpid())".utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, owner, owner.count, 0) == owner.count else {
      close(descriptor)
      throw PrivatePostgresError(description: "cannot write \(path): \(lastSystemError())")
    }
    return DirectoryLock(descriptor: descriptor)
  }

  func release() { close(descriptor) }
}
