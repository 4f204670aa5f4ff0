/// Distinct NHS numbers of the test range 999 000 0000 to 999 999 9999, which is never issued.
struct SyntheticNHSNumbers {
  /// One body in eleven has no valid check digit.
  static let available = 909_000

  /// The six digits after 999.
  private let bodies: [UInt32]

  init(seed: UInt64, count: Int) {
    precondition(count <= Self.available, "the test range holds about \(Self.available) numbers")
    var random = SplitMix64(seed: seed, .numbers, 0)
    // Steps of a number coprime to a million visit every body once.
    var step = 0
    while step % 2 == 0 || step % 5 == 0 { step = random.within(100_000...999_999) }
    var body = random.below(1_000_000)
    var bodies: [UInt32] = []
    bodies.reserveCapacity(count)
    while bodies.count < count {
      body = (body + step) % 1_000_000
      // 9999999999 passes the check but stands for "several matches".
      if body != 999_999, Self.checkDigit(body) != nil { bodies.append(UInt32(body)) }
    }
    self.bodies = bodies
  }

  subscript(_ index: Int) -> String {
    let body = Int(bodies[index])
    return Self.text(body, Self.checkDigit(body) ?? 0)
  }

  /// The number with a check digit that cannot be right.
  func wrong(_ index: Int, _ random: inout SplitMix64) -> String {
    let body = Int(bodies[index])
    return Self.text(body, ((Self.checkDigit(body) ?? 0) + random.within(1...9)) % 10)
  }

  private static func text(_ body: Int, _ check: Int) -> String { String(9_990_000_000 + body * 10 + check) }

  /// 11 − (Σ digit · weight 10…2) mod 11, where 11 is 0 and 10 has no number.
  private static func checkDigit(_ body: Int) -> Int? {
    var sum = 9 * (10 + 9 + 8)
    var rest = body
    for weight in 2...7 {
      sum += rest % 10 * weight
      rest /= 10
    }
    let check = 11 - sum % 11
    return check == 10 ? nil : check % 11
  }
}

/// Postcodes of the right form in an area that does not exist (LX), and references that differ from source to source.
enum SyntheticCodes {
  static func postcode(outward: Int, _ random: inout SplitMix64) -> String {
    "LX\(outward) \(random.below(10))\(letter(&random))\(letter(&random))"
  }

  /// The letters that end a postcode: not C, I, K, M, O or V.
  private static let letters = Array("ABDEFGHJLNPQRSTUWXYZ")

  private static func letter(_ random: inout SplitMix64) -> Character { random.pick(letters) }

  /// A different order of the same people in every organisation: multipliers coprime to ten million keep it unique.
  static func reference(_ letter: Character, person: Int, organisation: Int) -> String {
    let number = (person * 7_368_787 + organisation * 3_141_593 + 1_234_567) % 10_000_000
    return "\(letter)\(String(number + 10_000_000).dropFirst())"
  }
}
