import Contracts
import Foundation
import Postgres

/// Objections that the filter holds before its first record comes: those of a nation, and of some of the people whose
/// records are measured.
struct ObjectionsHeld {
  /// One in so many of the people with records objects to every source.
  static let everyOther = 20

  let total: Int
  let layout: TopicLayout

  /// Fills table `subject`; whoever objects among `tokens` counts towards the total, the rest are people without
  /// records.
  func fill(_ tokens: [[UInt8]], _ connection: Connection) throws {
    let objectors = stride(from: 0, to: tokens.count, by: Self.everyOther).map { tokens[$0] }
    try connection.execute("set search_path to objection_filter")
    let columns = "partition, token, type1, type2, erased_from_gp, erased_from_all, gp_stamp, all_stamp"
    try connection.query(
      """
      insert into subject (\(columns))
      select p, t, false, true, 0, 1, 0, 1 from unnest($1::bigint[]::int[], $2::bytea[]) as o(p, t)
      """,
      [.intArray(objectors.map { Int64(layout.partition(of: $0)) }), .bytesArray(objectors)])
    // Sixteen bytes that look like any token; three in four on the national list, the others at their practice only.
    try connection.query(
      """
      insert into subject (\(columns))
      select (('x' || left(h, 8))::bit(32)::bigint % $2)::int, decode(h, 'hex'), n % 4 = 0, n % 4 <> 0, 1, 1, 1, 1
      from (select n, md5(n::text) as h from generate_series(1, $1) n) s
      """, [.int(Int64(max(total - objectors.count, 0))), .int(Int64(layout.partitions))])
    try connection.execute("analyze subject")
  }

  /// The share of these messages that an objection holds back.
  static func share(_ entries: [Recording.Entry], tokens: [[UInt8]]) -> Double {
    let objectors = Set(stride(from: 0, to: tokens.count, by: everyOther).map { tokens[$0] })
    return Double(entries.count { objectors.contains($0.key) }) / Double(max(entries.count, 1))
  }
}

/// What holding them takes.
struct HoldingFigures {
  var objections: Int
  /// Of the records measured, held back.
  var share: Double
  /// From the start of the process until it is ready; joining the group takes most of it.
  var startSeconds: Double
  /// Of which reading the objections.
  var loadMilliseconds: Int
  /// Bytes, at their greatest.
  var peakMemory: Int

  var text: String {
    """
    objection filter with \(objections) objections held, \(String(format: "%.1f %%", share * 100)) of the records held \
    back: started in \(String(format: "%.1f", startSeconds)) s, of which \(loadMilliseconds) ms to load them; greatest \
    memory \(peakMemory >> 20) MB
    """
  }

  /// `VmHWM`: the most that a process has ever had in memory, in bytes; 0 when it is gone.
  static func peakMemory(of pid: Int32) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }.map { $0 << 10 } ?? 0
  }

  /// As the service logged it last.
  static func loadMilliseconds(log path: String) -> Int {
    struct Line: Decodable {
      let message: String
      let milliseconds: String?
    }
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let lines = text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    return lines.last { $0.message == "objections loaded" }?.milliseconds.flatMap { Int($0) } ?? 0
  }
}
