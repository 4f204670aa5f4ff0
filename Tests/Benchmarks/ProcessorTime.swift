import Foundation
import Postgres

/// Processor time from /proc/PID/stat, in seconds; its unit is a clock tick, 10 ms as a rule.
enum ProcessorTime {
  private static let tick = 1 / Double(sysconf(Int32(_SC_CLK_TCK)))

  /// User and system time of a process; 0 when it is gone.
  static func of(_ pid: Int32, withEndedChildren: Bool = false) -> Double {
    guard let fields = fields(pid) else { return 0 }
    let ticks = fields[11] + fields[12] + (withEndedChildren ? fields[13] + fields[14] : 0)
    return Double(ticks) * tick
  }

  /// Of this process's children that have ended and been waited for.
  static func ofEndedChildren() -> Double {
    fields(getpid()).map { Double($0[13] + $0[14]) * tick } ?? 0
  }

  /// Children of a process.
  static func children(of parent: Int32) -> [Int32] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap(Int32.init).filter { fields($0)?[1] == Int(parent) }
  }

  static func parent(of pid: Int32) -> Int32? { fields(pid).map { Int32($0[1]) } }

  /// The fields after the command name, which may hold anything; `state` comes first and reads as 0.
  private static func fields(_ pid: Int32) -> [Int]? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ").map { Int($0) ?? 0 }
    return fields.count > 14 ? fields : nil
  }
}

/// The private PostgreSQL cluster as processes: the postmaster, its workers and all sessions but our own.
final class ClusterTime {
  private let connection: Connection
  private let own: Int32
  private let postmaster: Int32

  init(_ databaseURL: String) throws {
    connection = try Connection(databaseURL)
    own = Int32(try connection.query("select pg_backend_pid()::bigint").int(0, 0))
    guard let parent = ProcessorTime.parent(of: own) else { throw BenchmarkError("the PostgreSQL cluster is not here") }
    postmaster = parent
  }

  deinit { connection.close() }

  /// Seconds of all processes but ours, with those that have ended.
  func total() -> Double {
    ProcessorTime.children(of: postmaster).filter { $0 != own }.reduce(
      ProcessorTime.of(postmaster, withEndedChildren: true)
    ) { $0 + ProcessorTime.of($1) }
  }

  /// Seconds of the present sessions by application name, and of the rest as "workers and ended sessions".
  func bySession() throws -> [String: Double] {
    let rows = try connection.query(
      "select pid::bigint, application_name from pg_stat_activity where pid <> $1::bigint and datname is not null",
      [.int(Int64(own))])
    var times: [String: Double] = [:]
    for row in 0..<rows.count {
      times[rows.text(row, 1), default: 0] += ProcessorTime.of(Int32(rows.int(row, 0)))
    }
    times["workers and ended sessions"] = total() - times.values.reduce(0, +)
    return times
  }

  func query(_ sql: String) throws -> Int64 { try connection.query(sql).int(0, 0) }

  func makeDatabase(_ name: String) throws { try connection.execute("create database \(name)") }

  func dropDatabase(_ name: String) throws { try connection.execute("drop database if exists \(name) with (force)") }
}
