import Clinical
import LinkKeys

/// What a source has written down of one person on one occasion.
public struct FaultyRecord: Sendable {
  public enum Source: Int, CaseIterable, Sendable {
    case gp
    case hospital
    case community

    public var name: String { "\(self)" }
  }

  /// Whose it is.
  public let person: Int
  public let source: Source
  public let organisation: Int
  /// May fail its check digit; nil: left out.
  public var number: UInt64?
  public var born: CalendarDate?
  /// 1 male, 2 female.
  public var sex: Int
  /// Without its space.
  public var postcode: [UInt8]
  /// Patient id at the organisation.
  public var local: Int

  /// What linkage compares.
  public var identity: LinkIdentity {
    var identity = LinkIdentity()
    if let number { identity.set(tenDigits: number) }
    identity.set(birth: born)
    identity.set(sex: UInt32(sex))
    identity.set(postcode: String(decoding: postcode, as: UTF8.self))
    // Local ids are different everywhere, and none is 0.
    identity.local = UInt64(local + 1) &* 0x9E37_79B9_7F4A_7C15
    return identity
  }

  public static let columns =
    "record_id,source,nhs_number,date_of_birth,sex,postcode,local_id,organisation,person"

  /// One line of a CSV file with ``columns``.
  ///
  /// - Parameter isCensus: leaves out every number and local id.
  public func line(_ id: Int, isCensus: Bool = false) -> String {
    let number = isCensus ? "" : self.number.map { String(repeating: "0", count: 10 - "\($0)".count) + "\($0)" } ?? ""
    let postcode = String(decoding: self.postcode, as: UTF8.self)
    let local = isCensus ? "" : "\(local)"
    return "r\(id),\(source.name),\(number),\(born?.iso ?? ""),\(sex),\(postcode),\(local),O\(organisation),\(person)"
  }
}
