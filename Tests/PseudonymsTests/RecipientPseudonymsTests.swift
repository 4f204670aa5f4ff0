import Cryptography
import Testing

@testable import Pseudonyms

/// SplitMix64.
private struct SeededGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite struct RecipientPseudonymsTests {
  private let root = try! SecretKey(bytes: Array(0..<32))
  private let counting = Token16(bytes: Array(0..<16))!
  private let zero = Token16(high: 0, low: 0)

  private func pseudonyms(_ recipient: String, _ purpose: String) throws -> RecipientPseudonyms {
    try RecipientPseudonyms(root: root, recipient: recipient, purpose: purpose)
  }

  /// Ids that differ in one bit only, and random ones.
  private var persons: [Token16] {
    var generator = SeededGenerator(state: 20_261_123)
    return (0..<64).flatMap { [Token16(high: 1 << $0, low: 0), Token16(high: 0, low: 1 << $0)] }
      + (0..<2_000).map { _ in Token16(high: generator.next(), low: generator.next()) }
  }

  /// Made with Python's hmac and the openssl program.
  @Test(arguments: [
    (
      "NHS Lincolnshire ICB", "diabetes pathway", "adddd72e9605a77ce50dc0ccea83211f",
      "036ea5e28dbe4f5a2c46ad3f524671ab"
    ),
    (
      "NHS Lincolnshire ICB", "stroke pathway", "c7d357fa538197d06fdd7264fea0672d", "f9e07c0d08e4b53fb0d439fc29183e0c"
    ),
    (
      "University of Leeds", "diabetes pathway", "b0b45fbaafc1b9357605a901a1a0cbab", "077763c9e7c188d3dfe105367fa48a30"
    ),
  ])
  func `pseudonyms are what they were when the derivation was made`(
    recipient: String, purpose: String, ofCounting: String, ofZero: String
  ) throws {
    let pseudonyms = try pseudonyms(recipient, purpose)
    #expect(pseudonyms.pseudonym(of: counting).hex == ofCounting)
    #expect(pseudonyms.pseudonym(of: zero).hex == ofZero)
  }

  @Test func `two recipients, and two purposes of one, share nothing of the same persons`() throws {
    let persons = persons
    let names = [("A", "p"), ("A", "q"), ("B", "p"), ("B", "q")]
    let lists = try names.map { name in try persons.map(pseudonyms(name.0, name.1).pseudonym) }
    for list in lists { #expect(Set(list).count == Set(persons).count) }
    for left in lists.indices {
      for right in lists.indices where left < right {
        #expect(Set(lists[left]).isDisjoint(with: lists[right]))
        // Nor a half, nor a fixed difference by which one could be made of the other.
        #expect(Set(lists[left].map(\.high)).isDisjoint(with: lists[right].map(\.high)))
        #expect(Set(lists[left].map(\.low)).isDisjoint(with: lists[right].map(\.low)))
        let differences = zip(lists[left], lists[right]).map { $0.high ^ $1.high }
        #expect(Set(differences).count == Set(persons).count)
      }
      #expect(Set(lists[left]).isDisjoint(with: persons))
    }
    // The same comparison sees it where two do share their persons.
    let same = try persons.map(pseudonyms("A", "p").pseudonym)
    #expect(!Set(lists[0]).isDisjoint(with: same))
  }

  @Test func `who holds the root key can turn them back, and nobody else`() throws {
    let (own, other) = (try pseudonyms("A", "p"), try pseudonyms("A", "q"))
    let stranger = try RecipientPseudonyms(root: .random(), recipient: "A", purpose: "p")
    for person in persons.prefix(1_000) {
      let pseudonym = own.pseudonym(of: person)
      #expect(own.person(of: pseudonym) == person)
      #expect(other.person(of: pseudonym) != person && stranger.person(of: pseudonym) != person)
    }
  }

  @Test func `recipient and purpose do not run into each other`() throws {
    let names = [("A", "B C"), ("A B", "C"), ("AB", "C"), ("A", "BC"), ("C", "A B"), ("A", "b c")]
    let all = try names.map { try pseudonyms($0.0, $0.1).pseudonym(of: counting) }
    #expect(Set(all).count == names.count)
  }

  @Test func `a name that is blank or has spaces at its ends is refused`() {
    for bad in ["", " ", " A", "A ", "A\n"] {
      #expect(throws: PseudonymsError.self) { try pseudonyms(bad, "p") }
      #expect(throws: PseudonymsError.self) { try pseudonyms("A", bad) }
    }
  }
}
