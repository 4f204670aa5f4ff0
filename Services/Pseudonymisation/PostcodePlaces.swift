import Clinical

/// Small area and commissioner of every postcode, in 8 bytes per postcode.
///
/// Sorted numbers: 37 bits are the postcode, the others say which of the different places it has.
struct PostcodePlaces: Sendable {
  /// Codes; empty: none.
  struct Place: Hashable, Sendable {
    var area = ""
    var commissioner = ""
  }

  private static let bits: UInt64 = 27
  static let greatestNumber = 1 << Int(bits)

  private let places: [Place]
  private let index: [UInt64]

  /// A postcode stands in the file with different places.
  struct Contradiction: Error {}

  /// - Parameters:
  ///   - places: at most ``greatestNumber``.
  ///   - postcodes: in any order, with the index of their place.
  init(places: [Place], postcodes: [Entry]) throws(Contradiction) {
    precondition(places.count <= Self.greatestNumber)
    var index = postcodes.map(\.number)
    // The files of the Office for National Statistics are sorted already.
    if zip(index, index.dropFirst()).contains(where: { $0 >= $1 }) {
      index.sort()
      var unique = 0
      for number in index where unique == 0 || number != index[unique - 1] {
        if unique > 0, number >> Self.bits == index[unique - 1] >> Self.bits { throw Contradiction() }
        index[unique] = number
        unique += 1
      }
      index.removeSubrange(unique...)
    }
    self.places = places
    self.index = index
  }

  struct Entry {
    fileprivate let number: UInt64

    init(_ postcode: Postcode, place: Int) { number = postcode.packed << bits | UInt64(place) }
  }

  var count: Int { index.count }

  /// Of the index and the places, without what the allocator adds.
  var bytes: Int { index.count * MemoryLayout<UInt64>.stride + places.count * MemoryLayout<Place>.stride }

  /// Nil: not in the file.
  subscript(postcode: Postcode) -> Place? {
    let wanted = postcode.packed << Self.bits
    return index.withUnsafeBufferPointer { index in
      var (first, end) = (0, index.count)
      while first < end {
        let middle = (first + end) / 2
        if index[middle] < wanted { first = middle + 1 } else { end = middle }
      }
      guard first < index.count, index[first] >> Self.bits == postcode.packed else { return nil }
      return places[Int(index[first] & (1 << Self.bits - 1))]
    }
  }
}
