import Foundation

/// What this machine, or the container that it seems to be, has.
enum MachineMemory {
  /// Bytes.
  static var total: UInt64 {
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].compactMap { path in
      (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
        UInt64($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
    return min(ProcessInfo.processInfo.physicalMemory, limits.min() ?? .max)
  }

  /// What PostgreSQL keeps pages in, in MiB: a quarter, as its manual advises, at least 128 and at most 8,192. It is taken
  /// from the machine as it is needed.
  static func sharedBuffers(of total: UInt64 = total) -> UInt64 { min(max(total / (4 << 20), 128), 8_192) }
}
