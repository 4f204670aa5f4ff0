import Foundation

/// Whether a process needs more and more memory the longer it runs.
///
/// Caches, pools and the allocator grow at first; what counts is whether the memory still grows afterwards. The lowest
/// of the samples of a part is taken, so that a batch in hand does not count.
public struct ResidentMemory: Sendable {
  /// Of the run, left out.
  public static let warmUp = 0.3
  /// What the last fifth may need more than the first fifth after the warm-up.
  public let bound: Int
  public private(set) var samples: [Int] = []

  public init(bound: Int) { self.bound = bound }

  public mutating func sample(_ bytes: Int) { samples.append(bytes) }

  /// Whether this process runs nothing else meanwhile (`CAREDATA_TESTS_ALONE`); else its memory says nothing of one test.
  public static var isAlone: Bool { ProcessInfo.processInfo.environment["CAREDATA_TESTS_ALONE"] != nil }

  /// Bytes a process holds in memory (`VmRSS`); nil when it is gone.
  public static func of(_ pid: Int32) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) else { return nil }
    let fields = text.split(separator: " ")
    return fields.count > 1 ? Int(fields[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
  }

  /// Nil while there are too few samples to say.
  public var growth: Int? {
    let steady = Array(samples.dropFirst(Int(Double(samples.count) * Self.warmUp)))
    let part = steady.count / 5
    guard part >= 2, let before = steady.prefix(part).min(), let after = steady.suffix(part).min() else { return nil }
    return after - before
  }

  public var fault: String? {
    guard let growth else { return "too few samples of the memory: \(samples.count)" }
    return growth > bound ? "the memory has grown by \(growth >> 10) kB, more than \(bound >> 10) kB" : nil
  }
}
