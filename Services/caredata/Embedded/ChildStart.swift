import Foundation

/// Starts of child processes, one at a time.
///
/// Foundation closes in a child the descriptors that it has listed before the start. What another thread opens in
/// between, the child inherits for life: the pipe or the socket by which Foundation notices the end of that thread's
/// own child then stays open, and whoever waits for it waits for both.
enum ChildStart {
  private static let lock = NSLock()

  /// - Parameter body: makes the pipes of a child and starts it; does not wait for it.
  static func alone<T>(_ body: () throws -> T) rethrows -> T {
    try lock.withLock(body)
  }
}
