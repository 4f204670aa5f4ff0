/// Damages bytes: of Protobuf as links and broken encoders do, of text as other people's software does.
public enum ByteMutation {
  /// - Parameter other: another message, for splicing.
  public static func mutate(_ bytes: [UInt8], _ other: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(3) { mutate(once: &bytes, other, &random) }
    return bytes
  }

  private static func mutate(once bytes: inout [UInt8], _ other: [UInt8], _ random: inout FuzzRandom) {
    guard !bytes.isEmpty else {
      bytes = [UInt8(truncatingIfNeeded: random.next())]
      return
    }
    let place = random.below(bytes.count)
    let end = min(bytes.count, place + 1 + random.below(32))
    switch random.below(12) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes[place] = random.pick([0, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())])
    case 2: bytes.removeLast(bytes.count - place)
    case 3: bytes = Array(bytes[..<place]) + other.dropFirst(random.below(other.count + 1))
    case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 5: bytes.removeSubrange(place..<end)
    // A number in more bytes than it needs, and in more than there can be.
    case 6 where bytes[place] < 0x80: bytes.replaceSubrange(place...place, with: [bytes[place] | 0x80, 0x80, 0x80, 0])
    case 6, 7: bytes.insert(contentsOf: [UInt8](repeating: 0xFF, count: 1 + random.below(12)), at: place)
    // Groups, closed and not.
    case 8: bytes.insert(contentsOf: [UInt8](repeating: 0x0B, count: 1 + random.below(300)), at: place)
    case 9: bytes.insert(contentsOf: [0x0B, 0x13, 0x14, 0x0C], at: place)
    // Another wire type of the same field.
    case 10: bytes[place] = bytes[place] & 0xF8 | UInt8(random.below(8))
    default:
      bytes.insert(
        contentsOf: random.pick([[0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF8], [0xEF, 0xBB, 0xBF], [0]]), at: place)
    }
  }
}

/// Damages texts by their grammar: JSON and what is made of it.
public enum JSONMutation {
  public static func mutate(_ text: String, _ random: inout FuzzRandom) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0...random.below(2) { mutate(once: &bytes, &random) }
    return bytes
  }

  private static let pieces: [String] = [
    "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1e999", "-0", "1E-999999", "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"", "\"\\x\"", "99999999999999999999999999", "0.1e", "\u{FEFF}", "/**/", "NaN", "Infinity", "\"\u{1}\"",
    "{\"a\":{\"a\":{\"a\":{}}}}", "\r\n", "\u{2028}",
  ]

  private static func mutate(once bytes: inout [UInt8], _ random: inout FuzzRandom) {
    let structure = bytes.indices.filter { "{}[],:\"".utf8.contains(bytes[$0]) }
    guard let first = structure.first else { return }
    let place = random.isOne(in: 20) ? first : random.pick(structure)
    switch random.below(8) {
    case 0: bytes.insert(contentsOf: random.pick(pieces).utf8, at: place)
    case 1: bytes.replaceSubrange(place...place, with: random.pick(pieces).utf8)
    case 2: bytes.remove(at: place)
    // Deeper than any stack should follow.
    case 3:
      let depth = 1 + random.below(3_000)
      let open = UInt8(ascii: random.isOne(in: 2) ? "[" : "{")
      bytes.insert(contentsOf: [UInt8](repeating: open, count: depth), at: min(place + 1, bytes.count))
    // The same key twice, with its value or another one's.
    case 4:
      let other = random.pick(structure)
      bytes.insert(contentsOf: bytes[min(place, other)..<max(place, other)].prefix(400), at: max(place, other))
    case 5: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(40)))
    case 6: bytes.removeLast(bytes.count - place)
    // A value replaced by one of another kind.
    default:
      let end = bytes[place...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? bytes.count
      if let colon = bytes[place..<end].firstIndex(of: UInt8(ascii: ":")) {
        bytes.replaceSubrange((colon + 1)..<end, with: random.pick(pieces).utf8)
      }
    }
  }
}
