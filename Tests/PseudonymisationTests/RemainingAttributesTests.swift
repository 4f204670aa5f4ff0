import Clinical
import Contracts
import Specification
import StageKit
import Testing

@testable import Pseudonymisation

struct RemainingAttributesTests {
  private let identity = IdentitySection.with {
    $0.nhsNumber = "9990000018"
    $0.birthDay = -16_436  // 1925-01-01
    $0.sex = 2
    $0.postcode = "LS1 4AP"
    $0.practice = "A81001"
    $0.ethnicCategory = "A"
  }

  private static func places() throws -> PostcodePlaces {
    try PostcodePlaces(
      places: [.init(area: "E01011365", commissioner: "E54000054")],
      postcodes: [.init(try Postcode(validating: "LS1 4AP"), place: 0)])
  }

  private func section(
    _ identity: IdentitySection, period: String = "2026-10", policy: AttributePolicy = .shipped,
    places: PostcodePlaces? = nil
  ) -> AttributesSection {
    let remaining = RemainingAttributes(policy: policy, places: places)
    return Array(period.utf8).withUnsafeBytes { remaining.section(identity, period: $0) }
  }

  @Test func `without a file of postcodes the area is the outward code and nobody is commissioner`() {
    #expect(
      section(identity)
        == .with {
          $0.yearOfBirth = 1935
          $0.sex = 2
          $0.practice = "A81001"
          $0.area = "LS1"
          $0.ethnicCategory = "A"
        })
  }

  @Test func `with one they are those of the postcode, and empty for a postcode that it does not hold`() throws {
    let known = section(identity, places: try Self.places())
    #expect(known.area == "E01011365" && known.commissioner == "E54000054")
    var elsewhere = identity
    elsewhere.postcode = "LS1 4AQ"
    let unknown = section(elsewhere, places: try Self.places())
    #expect(unknown.area.isEmpty && unknown.commissioner.isEmpty && unknown.practice == "A81001")
  }

  @Test(arguments: ["ZZ99 3VZ", ""])
  func `who lives nowhere has no area`(postcode: String) throws {
    var identity = identity
    identity.postcode = postcode
    for places in [nil, try Self.places()] {
      let section = section(identity, places: places)
      #expect(section.area.isEmpty && section.commissioner.isEmpty)
    }
  }

  @Test(arguments: AttributePolicy.Attribute.allCases)
  func `an attribute that the policy does not name is dropped, and no other`(attribute: AttributePolicy.Attribute)
    throws
  {
    let places = try Self.places()
    let all = Set(AttributePolicy.Attribute.allCases)
    let whole = section(identity, policy: .years(.common, .common, attributes: all), places: places)
    let without = section(
      identity, policy: .years(.common, .common, attributes: all.subtracting([attribute])), places: places)
    var expected = whole
    switch attribute {
    case .yearOfBirth: expected.yearOfBirth = 0
    case .sex: expected.sex = 0
    case .practice: expected.practice = ""
    case .area: expected.area = ""
    case .commissioner: expected.commissioner = ""
    case .ethnicCategory: expected.ethnicCategory = ""
    }
    #expect(without == expected && without != whole)
  }

  @Test func `attributes of an unknown person are empty`() {
    #expect(section(IdentitySection()) == AttributesSection())
  }

  @Test func `ages count at the end of each record's own period`() {
    let remaining = RemainingAttributes(policy: .shipped, places: nil)
    let years = ["2026-10", "2027-01", "2026-10", "2036-10"].map { period in
      Array(period.utf8).withUnsafeBytes { remaining.section(identity, period: $0).yearOfBirth }
    }
    #expect(years == [1935, 1936, 1935, 1945])
  }

  @Test func `under a period that is none the year of birth is unknown`() {
    for period in ["", "2026", "2026-13", "\u{fffd}"] {
      let section = section(identity, period: period)
      #expect(section.yearOfBirth == 0 && section.sex == 2)
    }
  }

  @Test func `attributes hold nothing of the number, the day of birth or the full postcode`() throws {
    let bytes: [UInt8] = try section(identity).serializedBytes()
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(!text.contains("9990000018") && !text.contains("4AP"))
    var other = identity
    other.birthDay += 100
    #expect(section(identity) == section(other))
  }
}
