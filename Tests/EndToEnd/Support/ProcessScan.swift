import Foundation

/// Finds the processes that belong to a state folder by what they were started with: every one of them has the folder,
/// or the place of its PostgreSQL cluster, in its arguments, its environment or as its working directory.
enum ProcessScan {
  static func processes(of state: String) -> [pid_t: String] {
    var marks = [state]
    if let cluster = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(state)/postgres/cluster") {
      marks.append(cluster)
    }
    var found: [pid_t: String] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = pid_t(name), pid != getpid() else { continue }
      let arguments = text("/proc/\(name)/cmdline")
      let everything = [
        arguments, text("/proc/\(name)/environ"),
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")) ?? "",
      ]
      if marks.contains(where: { mark in everything.contains { $0.contains(mark) } }), isAlive(pid) {
        found[pid] = arguments.replacingOccurrences(of: "\0", with: " ")
      }
    }
    return found
  }

  private static func text(_ path: String) -> String {
    (FileManager.default.contents(atPath: path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Whether there is such a process; one that has ended and is not yet collected by its parent does not count.
  static func isAlive(_ pid: pid_t) -> Bool {
    let fields = text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    return fields.first.map { !"ZX".contains($0) } ?? false
  }
}
