import Glibc

/// Reads a CSV file (RFC 4180, UTF-8, a byte order mark allowed) row by row in constant memory.
///
/// Lines end in CR LF or LF; a quoted value may hold commas, line ends and doubled quotes. Anything the RFC leaves open
/// (a quote inside an unquoted value, text after a closing quote, a lone CR) is a fault, because two readers could
/// understand it differently.
public final class CSVReader {
  /// An unclosed quote would otherwise swallow the rest of the file into memory. The length of a value fits into 16 bits,
  /// in which the sort keeps it.
  public static let maximumRowBytes = Int(UInt16.max)
  public static let maximumColumns = 1024

  public let file: String
  /// The number of the row read last; the header is row 1.
  public private(set) var row = 0
  /// The line on which the row read last begins: another number than the row's behind a value with line ends.
  public private(set) var line = 0
  public private(set) var fieldCount = 0

  /// Negative when the bytes were given.
  private let descriptor: Int32
  private let input: UnsafeMutablePointer<UInt8>
  private var position = 0
  private var available = 0
  private var atEnd = false
  private var nextLine = 1
  /// The values of the row without quotes, one after the other; value i ends at `ends[i]`.
  private let text: UnsafeMutablePointer<UInt8>
  private let ends: UnsafeMutablePointer<Int32>

  private static let inputBytes = 256 * 1024

  public init(file: String) throws(CSVError) {
    descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CSVError(file: file, .unreadable(String(cString: strerror(errno)))) }
    self.file = file
    input = .allocate(capacity: Self.inputBytes)
    text = .allocate(capacity: Self.maximumRowBytes + 1)
    ends = .allocate(capacity: Self.maximumColumns)
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    try fill()
    skipByteOrderMark()
  }

  /// Reads what has been read from a file already; `file` is its name in errors.
  public init(_ bytes: [UInt8], file: String) {
    descriptor = -1
    self.file = file
    input = .allocate(capacity: max(bytes.count, 1))
    text = .allocate(capacity: Self.maximumRowBytes + 1)
    ends = .allocate(capacity: Self.maximumColumns)
    bytes.withUnsafeBufferPointer { if let start = $0.baseAddress { input.update(from: start, count: $0.count) } }
    available = bytes.count
    atEnd = bytes.isEmpty
    skipByteOrderMark()
  }

  private func skipByteOrderMark() {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    if available >= 3, mark.indices.allSatisfy({ input[$0] == mark[$0] }) { position = 3 }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    input.deallocate()
    text.deallocate()
    ends.deallocate()
  }

  /// The value of a column of the current row without surrounding spaces; valid until the next row is read.
  public func field(_ index: Int) -> UnsafeRawBufferPointer {
    var start = index == 0 ? 0 : Int(ends[index - 1])
    var end = Int(ends[index])
    while start < end, text[start] == UInt8(ascii: " ") { start += 1 }
    while end > start, text[end - 1] == UInt8(ascii: " ") { end -= 1 }
    return UnsafeRawBufferPointer(start: text + start, count: end - start)
  }

  /// Reads the next row; false at the end of the file.
  public func next() throws(CSVError) -> Bool {
    if position == available { try fill() }
    if atEnd { return false }
    row += 1
    line = nextLine
    fieldCount = 0
    try readRow()
    return true
  }

  private enum State {
    case fieldStart, unquoted, quoted, quoteInQuoted, carriageReturn
  }

  private func readRow() throws(CSVError) {
    var state = State.fieldStart
    var length = 0
    while true {
      if position == available {
        try fill()
        if atEnd { return try endOfFile(state, length) }
      }
      let stop = min(available, position + Self.maximumRowBytes + 1 - length)
      if position == stop { throw fault(.rowTooLong(Self.maximumRowBytes)) }
      var index = position
      defer { position = index }
      while index < stop {
        let byte = input[index]
        index += 1
        switch state {
        case .unquoted where byte > UInt8(ascii: ","), .quoted where byte != UInt8(ascii: "\""):
          text[length] = byte
          length += 1
        case .quoted: state = .quoteInQuoted
        case .quoteInQuoted where byte == UInt8(ascii: "\""):
          text[length] = byte
          length += 1
          state = .quoted
        case .carriageReturn:
          guard byte == UInt8(ascii: "\n") else { throw fault(.strayCarriageReturn) }
          return try endRow(length)
        default:
          switch byte {
          case UInt8(ascii: ","):
            try endField(length)
            state = .fieldStart
          case UInt8(ascii: "\n"): return try endRow(length)
          case UInt8(ascii: "\r"): state = .carriageReturn
          case UInt8(ascii: "\"") where state == .fieldStart: state = .quoted
          case UInt8(ascii: "\"") where state == .unquoted: throw fault(.strayQuote)
          default:
            if state == .quoteInQuoted { throw fault(.textAfterQuote) }
            text[length] = byte
            length += 1
            state = .unquoted
          }
        }
      }
    }
  }

  private func endOfFile(_ state: State, _ length: Int) throws(CSVError) {
    switch state {
    case .quoted: throw fault(.unclosedQuote)
    case .carriageReturn: throw fault(.strayCarriageReturn)
    case .fieldStart, .unquoted, .quoteInQuoted: try endRow(length)
    }
  }

  private func endField(_ length: Int) throws(CSVError) {
    guard fieldCount < Self.maximumColumns else { throw fault(.tooManyColumns(Self.maximumColumns)) }
    ends[fieldCount] = Int32(length)
    fieldCount += 1
  }

  private func endRow(_ length: Int) throws(CSVError) {
    try endField(length)
    let bytes = UnsafeRawBufferPointer(start: text, count: length)
    // Line ends outside quotes are not part of the text.
    nextLine += 1 + lineFeeds(bytes)
    if memchr(text, 0, length) != nil { throw fault(.zeroByte) }
    if !isASCII(bytes), !isUTF8() { throw fault(.notUTF8) }
  }

  private func lineFeeds(_ bytes: UnsafeRawBufferPointer) -> Int {
    var count = 0
    var rest = bytes
    while let start = rest.baseAddress, let found = memchr(start, 0x0A, rest.count) {
      count += 1
      rest = UnsafeRawBufferPointer(rebasing: rest[(start.distance(to: found) + 1)...])
    }
    return count
  }

  private func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var all: UInt64 = 0
    var index = 0
    while index + 8 <= bytes.count {
      all |= bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      index += 8
    }
    while index < bytes.count {
      all |= UInt64(bytes[index])
      index += 1
    }
    return all & 0x8080_8080_8080_8080 == 0
  }

  private func isUTF8() -> Bool {
    (0..<fieldCount).allSatisfy { String(validating: field($0), as: UTF8.self) != nil }
  }

  private func fill() throws(CSVError) {
    position = 0
    available = 0
    guard descriptor >= 0 else {
      atEnd = true
      return
    }
    while true {
      let count = read(descriptor, input, Self.inputBytes)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw CSVError(file: file, .unreadable(String(cString: strerror(errno)))) }
      available = count
      atEnd = count == 0
      return
    }
  }

  private func fault(_ fault: CSVError.Fault) -> CSVError {
    CSVError(file: file, row: row, line: line, fault)
  }
}
