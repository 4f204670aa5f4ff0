import Clinical
import Contracts
import Cryptography
import Foundation
import Kafka
import StageKit

/// Sends one extract: the opening manifest, its records numbered 1..., the closing manifest.
final class ExtractSender {
  let extractID: String
  private let installation: Installation
  private let producer: Producer
  private let topic: String
  private let manifest: Manifest
  private let sealer: SealedBoxSealer?
  private let submittedAt: Int64
  private var sequence: UInt32 = 0
  private var isOpen = false

  init(
    _ installation: Installation, organisation: String, source: Source, period: Period, summary: ExtractSummary,
    specification: String = "1", sealer: SealedBoxSealer? = nil, submittedAt: Date = .now
  ) throws {
    self.installation = installation
    self.sealer = sealer
    producer = try installation.producer()
    topic = installation.layout.name(.extracts)
    let microseconds = submittedAt.microseconds
    self.submittedAt = microseconds
    let suffix = hexadecimal(randomBytes(4))
    let id = "\(organisation)-\(ExtractSource(source).rawValue)-\(period.text)-\(microseconds)-\(suffix)"
    extractID = id
    manifest = Manifest.with {
      $0.extractID = id
      $0.organisation = organisation
      $0.source = source
      $0.period = period.text
      $0.submittedAt = microseconds
      $0.specification = specification
      $0.expectedRecords = UInt32(summary.records)
      $0.rejectedByConnector = summary.rejected.mapValues(UInt32.init)
      $0.expectedEntries = UInt64(summary.entries)
      $0.leftOutByConnector = summary.findings.mapValues(UInt64.init)
    }
  }

  func open() throws {
    isOpen = true
    try send(.opened)
  }

  func send(_ record: PatientRecord) throws {
    sequence += 1
    var record = record
    record.extractID = extractID
    record.sequence = sequence
    record.organisation = manifest.organisation
    record.source = manifest.source
    record.period = manifest.period
    record.submittedAt = submittedAt
    record.specification = manifest.specification
    let name = Array("\(manifest.organisation)/\(record.patientRef)".utf8)
    let key = Array(SHA256Digest.hash(name).prefix(16))
    var message = ExtractMessage.with { $0.record = record }
    if let sealer {
      let content: [UInt8] = try message.serializedBytes()
      message.sealed = Data(try sealer.seal(content, associated: SealedSubmission.extract.associated))
    }
    try producer.send(
      topic: topic, partition: installation.layout.partition(of: key), key: key,
      value: try message.serializedBytes(), headers: headers("extract.record", id: "\(extractID)/\(sequence)"))
  }

  /// Waits until the broker has everything, then closes.
  func close() throws {
    try producer.flush()
    try send(.closed)
    try producer.flush()
    isOpen = false
    producer.close()
  }

  /// Tells ingestion to forget what was sent; nothing to do when nothing was.
  func abandon() {
    guard isOpen else { return }
    isOpen = false
    try? send(.abandoned)
    try? producer.flush()
    producer.close()
  }

  private func send(_ state: Manifest.State) throws {
    var manifest = manifest
    manifest.state = state
    let message = ExtractMessage.with { $0.manifest = manifest }
    try producer.send(
      topic: topic, partition: installation.layout.partition(ofText: extractID), key: Array(extractID.utf8),
      value: try message.serializedBytes(), headers: headers("extract.manifest", id: "\(extractID)/\(state)"))
  }

  private func headers(_ type: String, id: String) -> [(String, String)] {
    CloudEvents.headers(
      type: type, source: "/connector/\(manifest.organisation)", id: id,
      time: Date(timeIntervalSince1970: Double(submittedAt) / 1e6), contentType: "application/protobuf")
  }
}

extension ExtractSource {
  init(_ source: Source) {
    switch source {
    case .hospital: self = .hospital
    case .community: self = .community
    default: self = .gp
    }
  }
}
