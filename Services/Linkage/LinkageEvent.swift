import Contracts
import Cryptography
import StageKit

/// What one message says of one record.
struct RecordEvent: Sendable {
  enum Content: Sendable {
    case record(nhsNumber: Token16?, demographics: Token16?, withdrawal: Token16)
    case retraction(RetractionReason)
    /// A retraction, for an objection, of a record with a number and with demographics: it never passes, and the
    /// person's records without a number are known by it.
    case exclusion(RetractionReason, demographics: Token16, withdrawal: Token16)
    /// A retraction, for an objection, of a record that shows no number or no demographics: nobody is known by it, and
    /// not by its earlier versions any more.
    case unrecognised(RetractionReason)
  }

  let recordID: Token16
  let version: RecordVersion
  let stamp: Int64
  let source: Source
  let extractID: String
  /// Serialised `Header`, kept so that a reassignment can carry it later.
  let header: [UInt8]
  var content: Content
  /// Of the linkage key that the tokens are made under; nil: there are none that it concerns.
  var keyVersion: Int64?
}

/// What is said of the objections under a withdrawal token, for records of GP practices or of all sources.
struct Erasure: Hashable, Sendable {
  let token: Token16
  let allSources: Bool
  let mark: ObjectionMark
}

extension RecordEvent {
  /// What the header tells, as a retraction; ``setTokens(_:)`` makes a record of it.
  ///
  /// - Throws: what is wrong with the header. PostgreSQL takes no NUL and no invalid UTF-8 in text, so an extract id
  ///   with either would stop the stream instead of one message.
  init(header: UnsafeRawBufferPointer, reason: RetractionReason) throws(ContractError) {
    let view = try HeaderView(header)
    guard
      let recordID = Token16(bytes: view.recordID), let digest = Int64(exactly: view.versionDigest),
      let extractID = String(validating: view.extractID, as: UTF8.self), !extractID.utf8.contains(0)
    else { throw .malformed }
    switch view.source {
    case .gp, .hospital, .community: break
    case .unspecified, .UNRECOGNIZED: throw .missingField
    }
    self.init(
      recordID: recordID, version: RecordVersion(time: view.versionTime, digest: digest), stamp: view.stamp,
      source: view.source, extractID: extractID, header: [UInt8](header), content: .retraction(reason))
  }

  /// Makes a record of a retraction that stands for one.
  /// - Parameter links: serialised `LinkTokens`.
  mutating func setTokens(_ links: UnsafeRawBufferPointer) throws(ContractError) {
    let (nhsNumber, demographics, withdrawal) = try tokens(links)
    content = .record(nhsNumber: nhsNumber, demographics: demographics, withdrawal: withdrawal)
  }

  /// Lets a retraction for an objection say whom it is about.
  /// - Parameter links: serialised `LinkTokens`; empty from a stage that knew none. Without number and demographics it
  ///   says nothing: the identity may have been unreadable.
  mutating func setSuppression(_ links: UnsafeRawBufferPointer) throws(ContractError) {
    guard case .retraction(let reason) = content, reason == .type1 || reason == .type2, !links.isEmpty else { return }
    let (nhsNumber, demographics, withdrawal) = try tokens(links)
    switch (nhsNumber, demographics) {
    case (_?, let demographics?):
      content = .exclusion(reason, demographics: demographics, withdrawal: withdrawal)
    case (_?, nil), (nil, _?): content = .unrecognised(reason)
    case (nil, nil): break
    }
  }

  private mutating func tokens(
    _ links: UnsafeRawBufferPointer
  ) throws(ContractError) -> (nhsNumber: Token16?, demographics: Token16?, withdrawal: Token16) {
    var nhsNumber: Token16?
    var demographics: Token16?
    var withdrawal: Token16?
    var version = StoredTokens.firstVersion
    var reader = WireReader(links)
    while let (field, value) = try reader.next() {
      if case (4, .varint(let number)) = (field, value) { version = max(version, Int64(clamping: number)) }
      guard case .bytes(let bytes) = value, !bytes.isEmpty, 1...3 ~= field else { continue }
      guard let token = Token16(bytes: bytes) else { throw .malformed }
      switch field {
      case 1: nhsNumber = token
      case 2: demographics = token
      default: withdrawal = token
      }
    }
    // Without it an objection could not reach the record.
    guard let withdrawal else { throw .missingField }
    if nhsNumber != nil || demographics != nil { keyVersion = version }
    return (nhsNumber, demographics, withdrawal)
  }
}

extension Erasure {
  /// - Parameters:
  ///   - withdrawal: serialised `Withdrawal`.
  ///   - isInForce: false for a reinstatement.
  init(_ withdrawal: UnsafeRawBufferPointer, isInForce: Bool) throws(ContractError) {
    var token: Token16?
    var allSources = false
    var erased: Int64 = 0
    var statement: Int64 = 0
    var reader = WireReader(withdrawal)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let bytes)): token = Token16(bytes: bytes)
      case (2, .varint(let number)): allSources = number != 0
      case (3, .varint(let number)): erased = Int64(bitPattern: number)
      case (4, .varint(let number)): statement = Int64(bitPattern: number)
      default: break
      }
    }
    guard let token else { throw .missingField }
    self.init(
      token: token, allSources: allSources,
      mark: ObjectionMark(erasedStamp: erased, statementStamp: statement, isInForce: isInForce))
  }
}
