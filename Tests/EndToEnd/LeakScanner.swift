/// An identifier found where none may be. Says form and place, never the identifier.
struct Leak: Hashable, CustomStringConvertible {
  let place: String
  let form: String
  var description: String { "\(form) in \(place)" }
}

/// Looks for identifiers in anything that is bytes: a key, a value, a header, a column of a row, a file.
final class LeakScanner: Sendable {
  private let needles: LeakNeedles
  private let matcher: NeedleMatcher
  /// Deeper messages than these there are none.
  private static let depth = 6

  init(_ identifiers: SubmittedIdentifiers) {
    needles = LeakNeedles(identifiers)
    matcher = NeedleMatcher(needles.substrings)
  }

  func leaks(in bytes: UnsafeRawBufferPointer, at place: @autoclosure () -> String) -> [Leak] {
    var forms = matcher.forms(in: bytes)
    field(bytes, Self.depth, &forms)
    if forms.isEmpty { return [] }
    return forms.sorted().map { Leak(place: place(), form: $0) }
  }

  func leaks(in bytes: [UInt8], at place: @autoclosure () -> String) -> [Leak] {
    bytes.withUnsafeBytes { leaks(in: $0, at: place()) }
  }

  private func field(_ bytes: UnsafeRawBufferPointer, _ depth: Int, _ forms: inout Set<String>) {
    if bytes.count <= 10, let form = needles.fields[Array(bytes)] { forms.insert(form) }
    guard depth > 0, let fields = Self.fields(bytes) else { return }
    for field in fields {
      switch field {
      case .number(let number): if let form = needles.numbers[number] { forms.insert(form) }
      case .bytes(let bytes): self.field(bytes, depth - 1, &forms)
      }
    }
  }

  private enum Field {
    case number(UInt64)
    case bytes(UnsafeRawBufferPointer)
  }

  /// The fields of a Protobuf message of any schema; `nil` where the bytes are none from the first to the last.
  private static func fields(_ bytes: UnsafeRawBufferPointer) -> [Field]? {
    guard bytes.count > 1 else { return nil }
    var fields: [Field] = []
    var position = 0
    func varint() -> UInt64? {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while position < bytes.count, shift < 64 {
        let byte = bytes[position]
        position += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    func fixed(_ count: Int) -> UInt64? {
      guard position + count <= bytes.count else { return nil }
      defer { position += count }
      return (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1) }
    }
    while position < bytes.count {
      guard let tag = varint(), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return nil }
      switch tag & 7 {
      case 0:
        guard let number = varint() else { return nil }
        fields.append(.number(number))
      case 1:
        guard let number = fixed(8) else { return nil }
        fields.append(.number(number))
      case 2:
        guard let count = varint(), count <= UInt64(bytes.count - position) else { return nil }
        fields.append(.bytes(UnsafeRawBufferPointer(rebasing: bytes[position..<(position + Int(count))])))
        position += Int(count)
      case 5:
        guard let number = fixed(4) else { return nil }
        fields.append(.number(number))
      default: return nil
      }
    }
    return fields
  }
}
