import Cryptography

/// What linkage knows of a record's person: every token, and where they come from. Records that have all of it in common are
/// compared once.
public struct Combination: Hashable, Sendable {
  public let source: LinkNodes.Source
  public let birth: LinkNodes.Birth
  /// Token of the NHS number; nil: none that is valid.
  public let number: Token16?
  /// Of each pass key its number (one byte) and its token (16 bytes), that of the demographics first.
  public let passKeys: [UInt8]
  /// The one under which objections reach the records.
  public let withdrawal: Token16

  public static let entryLength = 1 + PassKey.length

  public init(
    source: LinkNodes.Source, birth: LinkNodes.Birth, number: Token16?, passKeys: [UInt8], withdrawal: Token16
  ) {
    self.source = source
    self.birth = birth
    self.number = number
    self.passKeys = passKeys
    self.withdrawal = withdrawal
  }

  /// Token of date of birth, sex and postcode; nil: at least one of them is missing.
  public var demographics: Token16? {
    guard passKeys.first == PassKey.demographics.rawValue else { return nil }
    return passKeys.withUnsafeBytes { Token16(bytes: UnsafeRawBufferPointer(rebasing: $0[1..<Self.entryLength])) }
  }

  /// Every pass with the first eight bytes of its token. A pass that is not known here is left out.
  public func eachKey(_ body: (PassKey, UInt64) -> Void) {
    passKeys.withUnsafeBytes { bytes in
      for start in stride(from: 0, through: bytes.count - Self.entryLength, by: Self.entryLength) {
        guard let pass = PassKey(rawValue: bytes[start]) else { continue }
        body(pass, UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 1, as: UInt64.self)))
      }
    }
  }

  /// Whether it says enough for all records that have it in common to be of one person: a number, an id at an organisation,
  /// or date of birth, sex and postcode. Of others every record is compared for itself.
  public var isSpecific: Bool {
    if number != nil { return true }
    var isSpecific = false
    eachKey { pass, _ in isSpecific = isSpecific || pass == .local || pass == .demographics }
    return isSpecific
  }

  /// First bytes of its number's token, the same for all combinations with this number; nil: it has none.
  public var place: UInt64? { number.map { Self.place($0.high) } }

  /// Not negative where it is read as a signed integer.
  private static func place(_ bytes: UInt64) -> UInt64 { bytes & UInt64(Int64.max) }

  /// By what it is looked up: its place, or as many bytes that tell it from others without a number, and eight bytes that
  /// tell it from others there.
  ///
  /// - Parameter recordID: of the record that has it.
  public func digest(of recordID: Token16, _ hasher: SHA256Hasher) -> Token16 {
    hasher.update([source.rawValue, birth.rawValue, number == nil ? 0 : 1])
    number?.withUnsafeBytes { hasher.update($0) }
    withdrawal.withUnsafeBytes { hasher.update($0) }
    passKeys.withUnsafeBytes { hasher.update($0) }
    if !isSpecific { recordID.withUnsafeBytes { hasher.update($0) } }
    let digest = hasher.finish().withUnsafeBytes {
      Token16(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(Token16.byteCount)))!
    }
    return Token16(high: place ?? Self.place(digest.high), low: digest.low)
  }

  // MARK: Who can change whose person

  /// First bytes of the tokens under which it is found by those that it can concern.
  ///
  /// Where its number is trusted these are the keys that lead to a trusted number, since two such are never joined and no
  /// other step asks for it. Left out are keys that cannot be equal unless another of these, or the number, is.
  ///
  /// - Parameter isTrusted: see ``Linker/isTrusted``.
  public func keys(isTrusted: Bool) -> [UInt64] {
    var keys: [UInt64] = []
    keys.reserveCapacity(16)
    var demographics: UInt64?
    eachKey { pass, key in
      guard pass.isPlace(isTrusted: isTrusted, hasNumber: number != nil) else { return }
      switch pass {
      // What was taken back is known by these only, and those without a trusted number are asked for by it.
      case .demographics where isTrusted: demographics = key
      case .birthPostcode where isTrusted:
        demographics = nil
        keys.append(key)
      default: keys.append(key)
      }
    }
    return keys + (demographics.map { [$0] } ?? [])
  }

  /// By these it looks for others; see ``keys(isTrusted:)``. It asks for demographics also where it is not found by them:
  /// of records stored long ago not every key is known.
  public func keysAsked(isTrusted: Bool) -> [UInt64] { isTrusted ? keysToNumbers : keys(isTrusted: false) }

  /// All keys that can lead to a trusted number.
  public var keysToNumbers: [UInt64] {
    var keys: [UInt64] = []
    eachKey { pass, key in if pass.isPlace(isTrusted: true, hasNumber: number != nil) { keys.append(key) } }
    return keys
  }

  /// Keys by which those are found that can have answered at a step; a few others as well.
  public func places(of step: LinkPass) -> [UInt64] {
    var keys: [UInt64] = []
    eachKey { pass, key in
      let counts =
        switch step {
        case .local: pass == .local
        case .demographics: pass == .demographics || pass == .birthPostcode
        case .unitNearlyAlone: pass == .birthSexOutward
        case .monthNearlyAlone, .dayNearlyAlone: pass == .yearSexPostcode
        default: step.keys.contains(pass)
        }
      if counts, pass.isPlace(isTrusted: false, hasNumber: number != nil) { keys.append(key) }
    }
    return keys
  }
}

extension PassKey {
  fileprivate func isPlace(isTrusted: Bool, hasNumber: Bool) -> Bool {
    switch self {
    case .local, .demographics, .birthPostcode, .birthSexAreaInward, .birthSexDistrictInward, .birthSexOutwardUnit,
      .yearSwappedSexPostcode:
      true
    // Of trusted numbers, and guesses at them.
    case .numberBirthSex: isTrusted || !hasNumber
    case .numberYearMonth, .numberYearDay, .numberMonthDay, .numberYearSwapped, .numberYearSex, .numberSex,
      .numberSexPostcode, .localSex, .localYearMonth, .localYearDay, .localMonthDay:
      false
    // Those that have one of these in common have date of birth, sex and district, or year, sex and postcode as well.
    case .birthSexSectorLast, .birthSexSectorFirst, .yearDaySexPostcode, .yearMonthSexPostcode: false
    case .decadeMonthDaySexPostcode, .lastDigitMonthDaySexPostcode, .yearSexPostcode, .birthSexOutward: !isTrusted
    }
  }
}

extension LinkNodes {
  public mutating func add(_ combination: Combination) {
    add(number: combination.number?.high, birth: combination.birth, source: combination.source)
    combination.eachKey { set($0, $1) }
  }
}
