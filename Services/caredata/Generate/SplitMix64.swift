/// The SplitMix64 generator (Steele, Lea, Flood 2014), with draws of its own: those of the standard library may change
/// between versions, and a seed must give the same bytes for ever.
struct SplitMix64 {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// An independent stream for one purpose of one numbered thing, so that files can be made in any order.
  init(seed: UInt64, _ purpose: Purpose, _ number: Int) {
    var mixer = SplitMix64(seed: seed ^ purpose.rawValue &* 0xD6E8_FEB8_6659_FD93)
    state = mixer.next() ^ UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    state = next()
  }

  enum Purpose: UInt64 {
    case numbers = 1
    case person
    case identity
    case events
    case spells
    case contacts
    case objections
    case order
    case canaries
    case registration
    case medicines
    case deaths
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number from 0 to `bound` - 1. The bias is below 2^-32 for the bounds used here.
  mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

  mutating func chance(perMille: Int) -> Bool { below(1000) < perMille }

  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// The place of a weight, as likely as the weight.
  mutating func place(weights: [Int]) -> Int {
    var rest = below(weights.reduce(0, +))
    for (place, weight) in weights.enumerated() {
      if rest < weight { return place }
      rest -= weight
    }
    return weights.count - 1
  }

  /// Fisher–Yates.
  mutating func shuffle<T>(_ values: inout [T]) {
    for place in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(place, below(place + 1)) }
  }
}
