/// The values of a cell's dimensions by their numbers, in the order of the definition.
struct CellKey: Hashable {
  /// A definition has no more dimensions.
  static let capacity = 8

  private var values: SIMD8<Int32> = .zero

  subscript(dimension: Int) -> Int32 {
    get { values[dimension] }
    set { values[dimension] = newValue }
  }

  func hash(into hasher: inout Hasher) {
    let words = unsafeBitCast(values, to: SIMD4<UInt64>.self)
    for word in 0..<4 { hasher.combine(words[word]) }
  }
}
