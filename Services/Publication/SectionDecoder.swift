import Contracts

/// The entries of a `ClinicalSection` as parallel columns, and the registration dates. Days count from 1970-01-01.
struct ClinicalFacts: Equatable, Sendable {
  /// Stands for "no date" in the day columns: below every day, so that "undated or not after X" is one comparison.
  static let undated = Int32.min

  var systems: [Int16] = []
  var codes: [String] = []
  var days: [Int32] = []
  var endDays: [Int32] = []
  var encounters: [Int32] = []
  var positions: [Int32] = []
  /// Places, from 1 on, of the entries whose days carry their month only: the first of it stands for all of them.
  var monthOnly: [Int32] = []
  var registeredFrom: Int32?
  var registeredTo: Int32?

  init() {}

  /// - Throws: ``ContractError/malformed`` on bytes that are no `ClinicalSection` or hold what no column can.
  init(_ bytes: UnsafeRawBufferPointer) throws(ContractError) {
    var reader = WireReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let entry)): try append(entry)
      case (2, .varint(let number)): registeredFrom = try Self.date(number)
      case (3, .varint(let number)): registeredTo = try Self.date(number)
      default: break
      }
    }
  }

  private mutating func append(_ entry: UnsafeRawBufferPointer) throws(ContractError) {
    var reader = WireReader(entry)
    var (system, encounter, position) = (Int16(0), Int32(0), Int32(0))
    var (day, endDay) = (Self.undated, Self.undated)
    var code = ""
    var isMonthOnly = false
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .varint(let number)):
        guard let known = Int16(exactly: number) else { throw .malformed }
        system = known
      case (2, .bytes(let bytes)): code = try StoredText.decode(bytes)
      case (3, .varint(let number)): day = try Self.date(number)
      case (4, .varint(let number)): endDay = try Self.date(number)
      case (7, .varint(let number)): encounter = Int32(truncatingIfNeeded: number)
      case (8, .varint(let number)): position = Int32(truncatingIfNeeded: number)
      case (9, .varint(let number)): isMonthOnly = number != 0
      default: break
      }
    }
    systems.append(system)
    codes.append(code)
    days.append(day)
    endDays.append(endDay)
    encounters.append(encounter)
    positions.append(position)
    if isMonthOnly { monthOnly.append(Int32(systems.count)) }
  }

  /// Years 1 to 9999, which every date type downstream holds.
  private static let dates: ClosedRange<Int32> = -719_162...2_932_896

  private static func date(_ number: UInt64) throws(ContractError) -> Int32 {
    let day = Int32(zigzag: number)
    guard dates.contains(day) else { throw .malformed }
    return day
  }
}

/// An `AttributesSection`.
struct Attributes: Equatable, Sendable {
  /// 0: unknown.
  var yearOfBirth: Int16 = 0
  /// 0 not known, 1 male, 2 female, 9 not specified.
  var sex: Int16 = 0
  var practice = ""
  /// Small area of the postcode, or its outward part where pseudonymisation has no lookup; empty: none.
  var area = ""
  var ethnicCategory = ""
  /// Integrated care board of the postcode; empty: none.
  var commissioner = ""

  init() {}

  /// - Throws: ``ContractError/malformed`` on bytes that are no `AttributesSection` or hold what no column can.
  init(_ bytes: UnsafeRawBufferPointer) throws(ContractError) {
    var reader = WireReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .varint(let number)): yearOfBirth = try Self.small(number)
      case (2, .varint(let number)): sex = try Self.small(number)
      case (3, .bytes(let bytes)): practice = try StoredText.decode(bytes)
      case (4, .bytes(let bytes)): area = try StoredText.decode(bytes)
      case (5, .bytes(let bytes)): ethnicCategory = try StoredText.decode(bytes)
      case (6, .bytes(let bytes)): commissioner = try StoredText.decode(bytes)
      default: break
      }
    }
  }

  private static func small(_ number: UInt64) throws(ContractError) -> Int16 {
    guard let value = Int16(exactly: number) else { throw .malformed }
    return value
  }
}

/// Text that PostgreSQL can hold.
enum StoredText {
  /// - Throws: ``ContractError/malformed`` on ill-formed UTF-8 and on NUL, at either of which a whole batch would fail.
  static func decode(_ bytes: UnsafeRawBufferPointer) throws(ContractError) -> String {
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
    return text
  }
}
