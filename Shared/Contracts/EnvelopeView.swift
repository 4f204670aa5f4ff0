/// The fields of an ``Envelope`` as ranges of the received bytes; empty where absent.
public struct EnvelopeView {
  private static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

  public private(set) var kind = Kind.unspecified
  public private(set) var header = none
  public private(set) var identity = none
  public private(set) var clinical = none
  public private(set) var attributes = none
  public private(set) var links = none
  public private(set) var assignment = none
  public private(set) var reason: UInt64 = 0
  public private(set) var objection = none
  public private(set) var withdrawal = none
  public private(set) var marker = none
  public private(set) var routingVersion: UInt64 = 0

  /// Field numbers of `Envelope` in caredata.proto.
  public enum Field {
    public static let kind = 1
    public static let header = 2
    public static let identity = 3
    public static let clinical = 4
    public static let attributes = 5
    public static let links = 6
    public static let assignment = 7
    public static let reason = 8
    public static let objection = 9
    public static let withdrawal = 10
    public static let marker = 11
    public static let routingVersion = 12
  }

  public init(_ bytes: UnsafeRawBufferPointer) throws(ContractError) {
    var reader = WireReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (Field.kind, .varint(let number)): kind = Kind(rawValue: Int(truncatingIfNeeded: number)) ?? .unspecified
      case (Field.header, .bytes(let range)): header = range
      case (Field.identity, .bytes(let range)): identity = range
      case (Field.clinical, .bytes(let range)): clinical = range
      case (Field.attributes, .bytes(let range)): attributes = range
      case (Field.links, .bytes(let range)): links = range
      case (Field.assignment, .bytes(let range)): assignment = range
      case (Field.reason, .varint(let number)): reason = number
      case (Field.objection, .bytes(let range)): objection = range
      case (Field.withdrawal, .bytes(let range)): withdrawal = range
      case (Field.marker, .bytes(let range)): marker = range
      case (Field.routingVersion, .varint(let number)): routingVersion = number
      default: break  // added by a newer contract
      }
    }
    switch kind {
    case .record, .retraction, .reassignment: guard !header.isEmpty else { throw .missingHeader }
    case .objection: guard !objection.isEmpty else { throw .missingField }
    case .withdrawal: guard !withdrawal.isEmpty else { throw .missingField }
    case .marker: guard !marker.isEmpty else { throw .missingField }
    case .ledger: break
    case .reinstatement: break
    case .unspecified, .UNRECOGNIZED: throw .unknownKind
    }
  }
}

extension EnvelopeView {
  /// Whether a message that cannot be used may have told of an objection: any but what says of itself that it is a
  /// record, a reassignment or a marker, and nothing else as far as it can be read. A retraction may be one for an
  /// objection, by which linkage would have known the person's records without a number.
  public static func mayTellOfObjection(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = WireReader(bytes)
    var isKnown = false
    while let (field, value) = try? reader.next() {
      guard case (Field.kind, .varint(let number)) = (field, value) else { continue }
      switch Kind(rawValue: Int(truncatingIfNeeded: number)) {
      case .record, .reassignment, .marker: isKnown = true
      default: return true
      }
    }
    return !isKnown
  }
}

extension Marker {
  /// Adds reasons why nothing may be released at this cut, each once.
  public mutating func hold(for reasons: [String]) {
    for reason in reasons where !heldBy.contains(reason) { heldBy.append(reason) }
  }
}

/// The fields of a serialised ``Header`` that stages decide on, without copying the text fields.
public struct HeaderView {
  private static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

  /// 16 bytes.
  public private(set) var recordID = none
  public private(set) var versionTime: Int64 = 0
  public private(set) var versionDigest: UInt64 = 0
  public private(set) var stamp: Int64 = 0
  public private(set) var number: UInt32 = 0
  public private(set) var extractID = none
  public private(set) var organisation = none
  public private(set) var source = Source.unspecified
  public private(set) var period = none

  public init(_ bytes: UnsafeRawBufferPointer) throws(ContractError) {
    var reader = WireReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): recordID = range
      case (2, .varint(let number)): versionTime = Int64(bitPattern: number)
      case (3, .fixed64(let number)): versionDigest = number
      case (4, .varint(let number)): stamp = Int64(bitPattern: number)
      case (5, .varint(let value)): number = UInt32(truncatingIfNeeded: value)
      case (6, .bytes(let range)): extractID = range
      case (7, .bytes(let range)): organisation = range
      case (8, .varint(let number)): source = Source(rawValue: Int(truncatingIfNeeded: number)) ?? .unspecified
      case (9, .bytes(let range)): period = range
      default: break
      }
    }
    guard recordID.count == 16, !extractID.isEmpty else { throw .missingField }
  }
}
