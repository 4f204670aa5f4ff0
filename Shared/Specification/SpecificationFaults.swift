/// One thing wrong in a specification file or code list.
public struct SpecificationFault: Error, Hashable, Comparable, Sendable, CustomStringConvertible {
  public let file: String
  public let line: Int?
  public let reason: String
  /// What would put it right, where that is known.
  public let hint: String?

  public init(file: String, line: Int?, _ reason: String, hint: String? = nil) {
    self.file = file
    self.line = line
    self.reason = reason
    self.hint = hint
  }

  public var description: String {
    "\(file)\(line.map { ", line \($0)" } ?? ""): \(reason)\(hint.map { "; \($0)" } ?? "")"
  }

  public static func < (left: Self, right: Self) -> Bool {
    (left.file, left.line ?? 0, left.reason) < (right.file, right.line ?? 0, right.reason)
  }
}

/// Everything wrong with a specification or code list, by file and line, each once.
public struct SpecificationFaults: Error, Equatable, Sendable, CustomStringConvertible {
  public let faults: [SpecificationFault]

  public init(_ faults: some Sequence<SpecificationFault>) { self.faults = Set(faults).sorted() }

  public var description: String { faults.map(\.description).joined(separator: "\n") }
}
