import Foundation

/// A bar on a terminal, nothing where the output is a file or a pipe.
struct ProgressBar {
  private let label: String
  private let total: Int
  private let isShown = isatty(2) == 1
  private var shown = -1

  init(_ label: String, total: Int) {
    self.label = label
    self.total = max(total, 1)
  }

  mutating func update(_ done: Int) {
    let percent = done * 100 / total
    guard isShown, percent != shown else { return }
    shown = percent
    let filled = percent * 30 / 100
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    print("\r\(label) \(bar) \(percent) %", terminator: "", to: &standardError)
  }

  func finish() {
    if isShown { print("\r\u{1B}[K", terminator: "", to: &standardError) }
  }
}

struct StandardError: TextOutputStream {
  mutating func write(_ string: String) { FileHandle.standardError.write(Data(string.utf8)) }
}

nonisolated(unsafe) var standardError = StandardError()  // stateless
