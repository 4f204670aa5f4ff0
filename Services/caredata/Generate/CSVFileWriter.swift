import Clinical
import Glibc

/// A row being written; values that need quotes get them (RFC 4180).
struct CSVRow {
  private(set) var bytes: [UInt8] = []
  private var isFirst = true

  mutating func add(_ value: String) {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    isFirst = false
    let needsQuotes = value.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 < 0x20 }
    guard needsQuotes else { return bytes.append(contentsOf: value.utf8) }
    bytes.append(UInt8(ascii: "\""))
    for byte in value.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  mutating func add(_ value: CalendarDate?) { add(value?.iso ?? "") }

  mutating func end() {
    bytes.append(UInt8(ascii: "\n"))
    isFirst = true
  }
}

/// Writes a CSV file whose rows are shuffled block by block, as rows of a patient lie anywhere in a real file.
final class CSVFileWriter {
  private static let rowsPerBlock = 8192

  let file: String
  /// Rows written, without the header.
  private(set) var rows = 0
  private let descriptor: Int32
  private var order: SplitMix64
  private var block = CSVRow()
  private var ends: [Int] = [0]

  init(file: String, columns: [String], order: SplitMix64) throws(GenerateError) {
    self.file = file
    self.order = order
    descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw GenerateError(file: file) }
    var header = CSVRow()
    for column in columns { header.add(column) }
    header.end()
    try write(header.bytes)
  }

  deinit {
    close(descriptor)
  }

  func row(_ fill: (inout CSVRow) -> Void) throws(GenerateError) {
    fill(&block)
    block.end()
    ends.append(block.bytes.count)
    rows += 1
    if ends.count > Self.rowsPerBlock { try finish() }
  }

  /// Writes the rows that wait in the block.
  func finish() throws(GenerateError) {
    var places = Array(0..<(ends.count - 1))
    order.shuffle(&places)
    var shuffled: [UInt8] = []
    shuffled.reserveCapacity(block.bytes.count)
    for place in places { shuffled.append(contentsOf: block.bytes[ends[place]..<ends[place + 1]]) }
    try write(shuffled)
    block = CSVRow()
    ends = [0]
  }

  private func write(_ bytes: [UInt8]) throws(GenerateError) {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw GenerateError(file: file) }
      done += count
    }
  }
}

/// A file or folder of the region cannot be written.
struct GenerateError: Error, Equatable, CustomStringConvertible {
  let description: String

  init(file: String, reason: String? = nil) {
    description = "\(file): \(reason ?? String(cString: strerror(errno)))"
  }
}
