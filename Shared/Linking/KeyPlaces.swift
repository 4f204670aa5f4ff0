/// Numbers keys in the order in which they come. Keys are tokens, so their bits are as good as a hash.
struct KeyPlaces {
  private var keys: [UInt64]
  private var places: [Int32]
  private let mask: Int
  private var count: Int32 = 0

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    keys = [UInt64](repeating: 0, count: size)
    places = [Int32](repeating: -1, count: size)
    mask = size - 1
  }

  /// - Precondition: not more different keys than `capacity`.
  mutating func place(of key: UInt64) -> Int {
    let slot = slot(of: key)
    if places[slot] < 0 {
      (keys[slot], places[slot]) = (key, count)
      count += 1
    }
    return Int(places[slot])
  }

  func known(_ key: UInt64) -> Int? {
    let place = places[slot(of: key)]
    return place < 0 ? nil : Int(place)
  }

  private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: key) & mask
    while places[slot] >= 0, keys[slot] != key { slot = (slot + 1) & mask }
    return slot
  }
}
