import Foundation
import Glibc

/// What stands in a file of FHIR resources, piece by piece: an entry of a Bundle, a line of NDJSON, or the one resource
/// that is the whole file.
struct FHIRPiece {
  enum Kind: Equatable {
    /// Of a Bundle: `resource` and what surrounds it.
    case entry
    case resource
  }

  let kind: Kind
  /// Entry or line, from 1; nil where the file is one resource.
  let number: Int?
}

/// Reads a file of FHIR resources in constant memory, whatever its size.
///
/// A Bundle is one JSON value that can be larger than memory, so this looks at bytes: it follows braces, brackets and
/// strings just far enough to cut out the entries, and leaves the grammar inside them to the decoder.
final class FHIRFile {
  /// A resource that does not fit is no coded record; images and documents are.
  static let maximumPieceBytes = 1024 * 1024

  let file: String
  let isLines: Bool
  private let descriptor: Int32
  private let input: UnsafeMutablePointer<UInt8>
  private var position = 0
  private var available = 0
  private var isAtEnd = false
  /// The bytes of the piece read last.
  private(set) var piece: [UInt8] = []
  private var number = 0
  /// Of a `.json` file everything outside the entries: the head of a Bundle, or else the resource itself.
  private var head: [UInt8] = []
  private var members = 0
  private var state = State.start

  private enum State { case start, inObject, inEntries, done }
  private static let inputBytes = 256 * 1024

  init(file: String) throws(ExtractInputError) {
    descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ExtractInputError(file: file, .csv(.unreadable(String(cString: strerror(errno)))))
    }
    self.file = file
    isLines = file.hasSuffix(".ndjson")
    input = .allocate(capacity: Self.inputBytes)
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    try fill()
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    if available >= 3, mark.indices.allSatisfy({ input[$0] == mark[$0] }) { position = 3 }
  }

  deinit {
    close(descriptor)
    input.deallocate()
  }

  var form: ExtractInputError.Form { isLines ? .lines : .bundle }

  /// The next piece; nil at the end of the file.
  func next() throws(ExtractInputError) -> FHIRPiece? {
    isLines ? try nextLine() : try nextEntry()
  }

  // MARK: - NDJSON

  private func nextLine() throws(ExtractInputError) -> FHIRPiece? {
    while try peek() != nil {
      number += 1
      piece.removeAll(keepingCapacity: true)
      repeat {
        let start = input + position
        let end = memchr(start, Int32(UInt8(ascii: "\n")), available - position)
        let count = end.map { UnsafeRawPointer($0) - UnsafeRawPointer(start) } ?? available - position
        piece.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
        position += end == nil ? count : count + 1
        if piece.count > Self.maximumPieceBytes { throw fault(number, .resourceTooLong(Self.maximumPieceBytes)) }
        if end != nil { break }
      } while try peek() != nil
      if !piece.allSatisfy(Self.isSpace) { return FHIRPiece(kind: .resource, number: number) }
    }
    return nil
  }

  // MARK: - A Bundle or a single resource

  private func nextEntry() throws(ExtractInputError) -> FHIRPiece? {
    if state == .start {
      guard try peekToken() == UInt8(ascii: "{") else { throw fault(nil, .notJSON) }
      _ = try take()
      head = [UInt8(ascii: "{")]
      state = .inObject
    }
    while true {
      switch state {
      case .inEntries:
        if try readEntry() { return FHIRPiece(kind: .entry, number: number) }
        state = .inObject
      case .inObject:
        guard try readMember() else {
          state = .done
          return try readEnd()
        }
      case .start, .done: return nil
      }
    }
  }

  /// Reads one name of the outermost object and its value, which goes to the head; false after the last. Stops before
  /// the first of the entries.
  private func readMember() throws(ExtractInputError) -> Bool {
    var token = try peekToken()
    if token == UInt8(ascii: ","), members > 0 {
      _ = try take()
      token = try peekToken()
    }
    if token == UInt8(ascii: "}") {
      _ = try take()
      head.append(UInt8(ascii: "}"))
      guard try peekToken() == nil else { throw fault(nil, .notJSON) }
      return false
    }
    guard token == UInt8(ascii: "\"") else { throw fault(nil, .notJSON) }
    members += 1
    var name: [UInt8] = []
    try capture(into: &name, of: nil)
    guard try peekToken() == UInt8(ascii: ":") else { throw fault(nil, .notJSON) }
    _ = try take()
    let value = try peekToken()
    if name.elementsEqual("\"entry\"".utf8), value == UInt8(ascii: "[") {
      // A second list would be read as well, so its entries cannot hide.
      _ = try take()
      state = .inEntries
      return true
    }
    if head.count > 1 { head.append(UInt8(ascii: ",")) }
    head += name
    head.append(UInt8(ascii: ":"))
    let before = head.count
    try capture(into: &head, of: nil)
    guard head.count > before else { throw fault(nil, .notJSON) }
    return true
  }

  /// Reads one entry; false after the last.
  private func readEntry() throws(ExtractInputError) -> Bool {
    var token = try peekToken()
    if token == UInt8(ascii: ",") {
      _ = try take()
      token = try peekToken()
    }
    if token == UInt8(ascii: "]") {
      _ = try take()
      return false
    }
    number += 1
    piece.removeAll(keepingCapacity: true)
    try capture(into: &piece, of: number)
    guard piece.first == UInt8(ascii: "{") else { throw fault(number, .notJSON) }
    return true
  }

  /// The head says what the file is. A Bundle ends here; a resource is its only piece.
  private func readEnd() throws(ExtractInputError) -> FHIRPiece? {
    struct Head: Decodable {
      let resourceType: String
      let type: String?

      enum CodingKeys: CodingKey { case resourceType, type }

      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        resourceType = try container.decode(String.self, forKey: .resourceType)
        // Other resources have a `type` too, which may be of any kind.
        type = resourceType == "Bundle" ? try container.decodeIfPresent(String.self, forKey: .type) : nil
      }
    }
    guard let head = try? JSONDecoder().decode(Head.self, from: Data(self.head)) else { throw fault(nil, .notFHIR) }
    guard head.resourceType == "Bundle" else {
      guard number == 0 else { throw fault(nil, .notFHIR) }
      swap(&piece, &self.head)
      return FHIRPiece(kind: .resource, number: nil)
    }
    guard let type = head.type, FHIRNames.bundleTypes.contains(type) else { throw fault(nil, .bundleType) }
    return nil
  }

  // MARK: - Bytes

  /// Copies one JSON value. Brackets of the wrong kind are left for the decoder to find.
  private func capture(into target: inout [UInt8], of number: Int?) throws(ExtractInputError) {
    var depth = 0
    var isString = false
    var isEscaped = false
    while true {
      var index = position
      var isComplete = false
      scan: while index < available {
        let byte = input[index]
        if isString {
          index += 1
          if isEscaped {
            isEscaped = false
          } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
          } else if byte == UInt8(ascii: "\"") {
            isString = false
            isComplete = depth == 0
          }
        } else {
          switch byte {
          case UInt8(ascii: "\""): isString = true
          case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
          case UInt8(ascii: "}"), UInt8(ascii: "]"):
            isComplete = depth <= 1
            depth -= 1
            if depth < 0 { break scan }
          case UInt8(ascii: ",") where depth == 0, UInt8(ascii: ":") where depth == 0:
            isComplete = true
            break scan
          case 0x20 where depth == 0, 0x09 where depth == 0, 0x0A where depth == 0, 0x0D where depth == 0:
            isComplete = true
            break scan
          default: break
          }
          index += 1
        }
        if isComplete { break }
      }
      target.append(contentsOf: UnsafeBufferPointer(start: input + position, count: index - position))
      position = index
      if target.count > Self.maximumPieceBytes { throw fault(number, .resourceTooLong(Self.maximumPieceBytes)) }
      if isComplete { return }
      try fill()
      if isAtEnd { throw fault(number, .notJSON) }
    }
  }

  /// The next byte that is no space, without taking it; nil at the end.
  private func peekToken() throws(ExtractInputError) -> UInt8? {
    while let byte = try peek() {
      guard Self.isSpace(byte) else { return byte }
      position += 1
    }
    return nil
  }

  private func peek() throws(ExtractInputError) -> UInt8? {
    if position == available { try fill() }
    return isAtEnd ? nil : input[position]
  }

  private func take() throws(ExtractInputError) -> UInt8? {
    let byte = try peek()
    if byte != nil { position += 1 }
    return byte
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  private func fill() throws(ExtractInputError) {
    position = 0
    available = 0
    while true {
      let count = read(descriptor, input, Self.inputBytes)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw ExtractInputError(file: file, .csv(.unreadable(String(cString: strerror(errno))))) }
      available = count
      isAtEnd = count == 0
      return
    }
  }

  private func fault(_ number: Int?, _ fault: ExtractInputError.Fault) -> ExtractInputError {
    ExtractInputError(file: file, row: number, column: nil, fault, form: form)
  }
}
