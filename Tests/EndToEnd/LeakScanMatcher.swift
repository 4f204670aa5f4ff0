/// Finds thousands of needles in one pass: every window of five bytes is looked up in a bitmap of the needles' most
/// telling windows, and only where it is there, the needles with that window are compared.
final class NeedleMatcher: Sendable {
  static let window = 5
  private static let bits: UInt64 = 22

  private let needles: [Needle]
  /// Window -> needles that have it, and where in the needle.
  private let candidates: [UInt64: [(needle: Int, offset: Int)]]
  private let bitmap: [UInt64]

  init(_ needles: [Needle]) {
    var candidates: [UInt64: [(needle: Int, offset: Int)]] = [:]
    var bitmap = [UInt64](repeating: 0, count: 1 << Int(Self.bits - 6))
    for (index, needle) in needles.enumerated() {
      precondition(needle.bytes.count >= Self.window, "too short a needle is found everywhere: \(needle.form)")
      let offset = Self.tellingWindow(needle.bytes)
      let key = needle.bytes[offset..<(offset + Self.window)].reduce(0) { $0 << 8 | UInt64($1) }
      candidates[key, default: []].append((index, offset))
      let hash = Self.hash(key)
      bitmap[Int(hash >> 6)] |= 1 << (hash & 63)
    }
    self.needles = needles
    self.candidates = candidates
    self.bitmap = bitmap
  }

  /// The last of the windows with the most different bytes: prefixes are what needles share.
  private static func tellingWindow(_ bytes: [UInt8]) -> Int {
    var best = (offset: 0, different: 0)
    for offset in 0...(bytes.count - window) {
      let different = Set(bytes[offset..<(offset + window)]).count
      if different >= best.different { best = (offset, different) }
    }
    return best.offset
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> UInt64 { (key &* 0x9E37_79B9_7F4A_7C15) >> (64 - bits) }

  /// Forms found, each once.
  func forms(in bytes: UnsafeRawBufferPointer) -> Set<String> {
    guard bytes.count >= Self.window, let base = bytes.baseAddress else { return [] }
    var found: Set<String> = []
    let text = base.assumingMemoryBound(to: UInt8.self)
    bitmap.withUnsafeBufferPointer { bitmap in
      let map = bitmap.baseAddress!
      var key: UInt64 = 0
      var position = 0
      while position < bytes.count {
        key = (key << 8 | UInt64(text[position])) & 0xff_ffff_ffff
        position += 1
        let hash = Self.hash(key)
        if map[Int(hash >> 6)] & (1 << (hash & 63)) != 0, position >= Self.window {
          compare(key, at: position - Self.window, in: bytes, &found)
        }
      }
    }
    return found
  }

  private func compare(_ key: UInt64, at window: Int, in bytes: UnsafeRawBufferPointer, _ found: inout Set<String>) {
    guard let candidates = candidates[key] else { return }
    for (index, offset) in candidates {
      let needle = needles[index]
      let start = window - offset
      let end = start + needle.bytes.count
      guard start >= 0, end <= bytes.count, bytes[start..<end].elementsEqual(needle.bytes) else { continue }
      let before = start > 0 ? bytes[start - 1] : nil
      let after = end < bytes.count ? bytes[end] : nil
      if !Self.touches(needle.boundary, before), !Self.touches(needle.boundary, after) { found.insert(needle.form) }
    }
  }

  private static func touches(_ boundary: NeedleBoundary, _ neighbour: UInt8?) -> Bool {
    guard let neighbour else { return false }
    let isDigit = (48...57).contains(neighbour)
    switch boundary {
    case .none: return false
    case .digits: return isDigit
    case .hexadecimal: return isDigit || (65...70).contains(neighbour & 0xdf)
    case .word: return isDigit || (65...90).contains(neighbour & 0xdf)
    }
  }
}
