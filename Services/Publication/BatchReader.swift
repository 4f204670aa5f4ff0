import Contracts
import Cryptography
import SwiftProtobuf

/// Why a message is put aside; its record is kept as rejected where its header can be read.
enum ReadingFault: Error, Equatable {
  case contract(ContractError)
  case sectionUnreadable
  case unexpectedKind
  /// Nothing may pass until the key is there.
  case missingKey(String)
}

/// Turns the messages of one batch into a ``FactBatch``.
struct BatchReader {
  private let opener: SectionOpener
  private(set) var batch = FactBatch()
  /// Records of one extract follow each other: its texts are decoded once.
  private var latest: (id: [UInt8], organisation: [UInt8], extract: ExtractReference)?

  init(opener: SectionOpener) {
    self.opener = opener
  }

  /// Takes a value of topic `linked`.
  mutating func linked(_ value: UnsafeRawBufferPointer) throws(ReadingFault) {
    let envelope: EnvelopeView
    do throws(ContractError) { envelope = try EnvelopeView(value) } catch { throw .contract(error) }
    switch envelope.kind {
    case .record: try record(envelope)
    case .retraction, .reassignment:
      do throws(ContractError) {
        batch.records.add(try envelope.kind == .retraction ? retraction(envelope) : reassignment(envelope))
      } catch {
        throw .contract(error)
      }
    case .withdrawal, .reinstatement:
      try objection([UInt8](envelope.withdrawal), isInForce: envelope.kind == .withdrawal)
    case .marker: try marker([UInt8](envelope.marker))
    case .objection, .ledger, .unspecified, .UNRECOGNIZED: throw .unexpectedKind
    }
  }

  /// Takes a value of topic `receipts`; only admissions matter here.
  mutating func receipt(_ value: UnsafeRawBufferPointer) throws(ReadingFault) {
    guard let receipt = try? Receipt(binaryOrJSON: value) else { throw .contract(.malformed) }
    guard receipt.status == .admitted else { return }
    let texts = [receipt.id, receipt.organisation, receipt.period]
    guard !receipt.id.isEmpty, !texts.contains(where: { $0.contains("\0") }) else {
      throw .contract(.missingField)
    }
    batch.admissions[receipt.id] = FactBatch.Admission(
      extract: ExtractReference(
        id: receipt.id, organisation: receipt.organisation, source: Int16(truncatingIfNeeded: receipt.source.rawValue),
        period: receipt.period),
      submittedAt: receipt.submittedAt, digest: Int64(bitPattern: receipt.digest),
      records: Int64(receipt.recordsAdmitted))
  }

  // MARK: - Kinds

  private mutating func record(_ envelope: EnvelopeView) throws(ReadingFault) {
    var change: RecordChange
    do throws(ContractError) {
      change = try self.change(envelope, rank: .record)
    } catch {
      throw .contract(error)
    }
    do throws(ReadingFault) {
      guard change.withdrawalToken != nil, change.personID != nil else { throw .contract(.missingField) }
      change.facts = try facts(envelope)
      change.state = .live
    } catch {
      change.state = .rejected
      batch.records.add(change)
      throw error
    }
    batch.records.add(change)
  }

  private func facts(_ envelope: EnvelopeView) throws(ReadingFault) -> Facts {
    Facts(
      attributes: try opener.open(.attributes, envelope.attributes, header: envelope.header, decode: Attributes.init),
      clinical: try opener.open(.clinical, envelope.clinical, header: envelope.header, decode: ClinicalFacts.init))
  }

  private mutating func retraction(_ envelope: EnvelopeView) throws(ContractError) -> RecordChange {
    switch RetractionReason(rawValue: Int(truncatingIfNeeded: envelope.reason)) {
    case .type1, .type2: try change(envelope, rank: .excluded, state: .excluded)
    case .rejected: try change(envelope, rank: .rejected, state: .rejected)
    default: try change(envelope, rank: .corrected, state: .retracted)
    }
  }

  private mutating func reassignment(_ envelope: EnvelopeView) throws(ContractError) -> RecordChange {
    var change = try change(envelope, rank: .record)
    guard change.personID != nil else { throw .missingField }
    change.order = .none
    change.isCounted = false
    change.stamp = 0
    change.withdrawalToken = nil
    return change
  }

  private mutating func objection(_ bytes: [UInt8], isInForce: Bool) throws(ReadingFault) {
    guard let withdrawal = try? Withdrawal(serializedBytes: bytes) else { throw .contract(.malformed) }
    guard let token = Token16(bytes: [UInt8](withdrawal.token)) else { throw .contract(.missingField) }
    batch.add(
      .init(token: token, allSources: withdrawal.allSources),
      ObjectionMark(
        erasedStamp: withdrawal.erasedStamp, statementStamp: withdrawal.stamp, isInForce: isInForce))
  }

  private mutating func marker(_ bytes: [UInt8]) throws(ReadingFault) {
    guard let marker = try? Marker(serializedBytes: bytes) else { throw .contract(.malformed) }
    guard !marker.cutID.isEmpty, !marker.cutID.contains("\0"), marker.partitions > 0 else {
      throw .contract(.missingField)
    }
    guard !(marker.heldBy + [marker.regime]).contains(where: { $0.contains("\0") }) else {
      throw .contract(.malformed)
    }
    batch.add(
      FactBatch.MarkerTag(
        cutID: marker.cutID, validatedPartition: Int64(marker.validatedPartition),
        pseudonymisedPartition: Int64(marker.pseudonymisedPartition), partitions: Int64(marker.partitions)),
      heldBy: marker.heldBy.map { $0.isEmpty ? "no reason given" : $0 }, regime: marker.regime)
  }

  // MARK: - Parts

  /// Everything but the facts.
  private mutating func change(
    _ envelope: EnvelopeView, rank: VersionOrder.Rank, state: RecordState = .stub
  ) throws(ContractError) -> RecordChange {
    let header = try HeaderView(envelope.header)
    guard let recordID = Token16(bytes: header.recordID) else { throw .missingField }
    let assignment = try AssignmentView(envelope.assignment)
    return RecordChange(
      recordID: recordID,
      order: VersionOrder(
        time: header.versionTime, digest: Int64(bitPattern: header.versionDigest), rank: rank),
      isCounted: header.number > 0, stamp: header.stamp, extract: try extract(header), state: state,
      withdrawalToken: try Self.withdrawalToken(envelope.links), personID: assignment.personID,
      assignment: assignment.number, rank: assignment.rank, facts: nil)
  }

  private mutating func extract(_ header: HeaderView) throws(ContractError) -> ExtractReference {
    if let latest, latest.id.elementsEqual(header.extractID), latest.organisation.elementsEqual(header.organisation) {
      return latest.extract
    }
    let extract = ExtractReference(
      id: try StoredText.decode(header.extractID), organisation: try StoredText.decode(header.organisation),
      source: Int16(truncatingIfNeeded: header.source.rawValue), period: try StoredText.decode(header.period))
    latest = ([UInt8](header.extractID), [UInt8](header.organisation), extract)
    return extract
  }

  private static func withdrawalToken(_ links: UnsafeRawBufferPointer) throws(ContractError) -> Token16? {
    var reader = WireReader(links)
    while let (field, value) = try reader.next() {
      if case (3, .bytes(let bytes)) = (field, value) { return Token16(bytes: bytes) }
    }
    return nil
  }
}

/// The fields of a serialised `Assignment`; number and rank 0 and no person where it is absent.
private struct AssignmentView {
  var personID: Token16?
  var number: Int64 = 0
  var rank: Int16 = 0

  init(_ bytes: UnsafeRawBufferPointer) throws(ContractError) {
    var reader = WireReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let bytes)): personID = Token16(bytes: bytes)
      case (2, .varint(let value)): number = Int64(bitPattern: value)
      case (3, .varint(let value)): rank = Int16(clamping: value)
      default: break
      }
    }
    if personID == nil { (number, rank) = (0, 0) }
  }
}
