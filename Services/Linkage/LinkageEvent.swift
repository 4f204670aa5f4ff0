import Contracts
import Cryptography
import Linking
import StageKit

/// What one message says of one record.
struct RecordEvent: Sendable {
  enum Content: Sendable {
    case record(Combination)
    case retraction(RetractionReason)
    /// A retraction for an objection, of a record whose identity is known: it never passes, and takes part when persons
    /// are decided.
    case exclusion(RetractionReason, Combination)
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
    content = .record(try combination(links))
  }

  /// Lets a retraction for an objection say whom it is about.
  /// - Parameter links: serialised `LinkTokens`; empty from a stage that knew none. Without number and pass keys it says
  ///   nothing: the identity may have been unreadable.
  mutating func setSuppression(_ links: UnsafeRawBufferPointer) throws(ContractError) {
    guard case .retraction(let reason) = content, reason == .type1 || reason == .type2, !links.isEmpty else { return }
    let combination = try combination(links)
    if combination.number != nil || !combination.passKeys.isEmpty { content = .exclusion(reason, combination) }
  }

  private mutating func combination(_ links: UnsafeRawBufferPointer) throws(ContractError) -> Combination {
    var number: Token16?
    var withdrawal: Token16?
    var passKeys: [UInt8] = []
    var birth = LinkNodes.Birth.unknown
    var version = StoredTokens.firstVersion
    var reader = WireReader(links)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (4, .varint(let made)): version = max(version, Int64(clamping: made))
      case (5, .bytes(let bytes)):
        guard bytes.count.isMultiple(of: Combination.entryLength) else { throw .malformed }
        passKeys.append(contentsOf: bytes)
      case (6, .varint(let kind)): birth = UInt8(exactly: kind).flatMap(LinkNodes.Birth.init(rawValue:)) ?? .unknown
      case (1...3, .bytes(let bytes)) where !bytes.isEmpty:
        guard let token = Token16(bytes: bytes) else { throw .malformed }
        switch field {
        case 1: number = token
        case 2: passKeys.insert(contentsOf: [PassKey.demographics.rawValue] + token.bytes, at: 0)
        default: withdrawal = token
        }
      default: break
      }
    }
    // Without it an objection could not reach the record.
    guard let withdrawal, let source = LinkNodes.Source(source) else { throw .missingField }
    if number != nil || !passKeys.isEmpty { keyVersion = version }
    return Combination(source: source, birth: birth, number: number, passKeys: passKeys, withdrawal: withdrawal)
  }
}

extension LinkNodes.Source {
  init?(_ source: Source) {
    switch source {
    case .gp: self = .gp
    case .hospital: self = .hospital
    case .community: self = .community
    case .unspecified, .UNRECOGNIZED: return nil
    }
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
