import Clinical
import Cryptography
import LinkKeys

@testable import Linking

/// One record's identity in a test, and whose it is.
struct TestRecord {
  var source = LinkNodes.Source.hospital
  var number: UInt64 = 0
  var mistyped: UInt64 = 0
  var born: (Int, Int, Int)? = (1980, 3, 14)
  var sex: UInt32 = 2
  var postcode = "LS11 4AP"
  var local: UInt64 = 0

  var identity: LinkIdentity {
    var identity = LinkIdentity()
    identity.number = number
    identity.mistypedNumber = mistyped
    identity.set(birth: born.flatMap { CalendarDate(year: $0.0, month: $0.1, day: $0.2) })
    identity.set(sex: sex)
    identity.set(postcode: postcode)
    identity.local = local
    return identity
  }

  func with(_ change: (inout TestRecord) -> Void) -> TestRecord {
    var other = self
    change(&other)
    return other
  }
}

enum TestLinkage {
  /// Valid, and far from each other.
  static let numbers: [UInt64] = [999_000_001, 999_123_450, 999_555_555].map(number(from:))

  /// The first valid one from these nine digits on.
  private static func number(from first: UInt64) -> UInt64 {
    var nine = first
    while true {
      if let digit = NHSNumber.checkDigit(ofFirstNine: Int(nine)) { return nine * 10 + UInt64(digit) }
      nine += 1
    }
  }

  static func nodes(_ records: [TestRecord]) throws -> LinkNodes {
    let maker = try LinkTokenMaker(root: .random(), linkage: .random())
    var tokens = LinkTokenMaker.Tokens()
    var nodes = LinkNodes()
    for record in records {
      maker.write(record.identity, to: &tokens)
      nodes.add(number: tokens.numberKey, birth: record.identity.birth, source: record.source)
      tokens.eachKey { nodes.set($0, $1) }
    }
    return nodes
  }

  /// By record, the first of its person.
  static func persons(_ records: [TestRecord]) throws -> [Int32] { try Linker(nodes(records)).clusters }
}
