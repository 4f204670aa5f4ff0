import Clinical
import Contracts
import Foundation
import SwiftProtobuf

/// Makes messages for ingestion's topics from sound ones, by changing fields and by damaging bytes.
///
/// The same seed makes the same messages.
public struct MessageFuzzer {
  public enum Destination: Sendable { case extracts, objections, practices }

  public struct FuzzMessage: Sendable {
    public let destination: Destination
    public let bytes: [UInt8]

    public init(destination: Destination, bytes: [UInt8]) {
      (self.destination, self.bytes) = (destination, bytes)
    }
  }

  /// Organisations that take part; the messages never touch their enrolments.
  public static let organisations: [(code: String, source: Source)] =
    (1...6).map { ("A8100\($0)", .gp) } + [("RXA", .hospital), ("RXB", .hospital), ("RY1", .community)]

  private var random: FuzzRandom
  private var extracts = 0
  private var submissions = 0
  /// For splicing.
  private var former: [UInt8] = [0x0A, 0x02, 0x10, 0x01]

  public init(seed: UInt64) { random = FuzzRandom(seed: seed) }

  /// What makes the organisations take part.
  public static func enrolments(today: Int32) -> [PracticeEnrolment] {
    organisations.map { organisation in
      PracticeEnrolment.with {
        $0.organisation = organisation.code
        $0.state = .active
        $0.changedAt = 1
        ($0.announcedOn, $0.notifiedOn, $0.activeFrom) = (today - 100, today - 90, today - 30)
      }
    }
  }

  // MARK: Extracts

  /// The messages of one extract, in order. Every second extract is calm: whatever is wrong with its records, it can be
  /// admitted.
  public mutating func extract(records count: Int) -> [FuzzMessage] {
    extracts += 1
    let isCalm = extracts % 2 == 0
    let mutation = RecordMutation(keepsExtract: isCalm)
    let manifest = manifest(records: count)
    var messages: [[UInt8]] = []
    messages.append(encode(opening(manifest, isCalm, mutation), isCalm))
    var entries: UInt64 = 0
    for sequence in 1...count {
      var record = record(manifest, sequence)
      mutation.mutate(&record, &random)
      entries += UInt64(record.entries.count)
      let message = encode(ExtractMessage.with { $0.record = record }, isCalm)
      messages.append(message)
      // Delivered twice.
      if random.isOne(in: 50) { messages.append(message) }
    }
    var closing = manifest
    closing.state = .closed
    if isCalm, random.isOne(in: 2) { closing.expectedEntries = entries }
    if !isCalm { mutation.mutate(&closing, &random) }
    messages.append(encode(ExtractMessage.with { $0.manifest = closing }, isCalm))
    return messages.map { FuzzMessage(destination: .extracts, bytes: $0) }
  }

  private mutating func opening(_ manifest: Manifest, _ isCalm: Bool, _ mutation: RecordMutation) -> ExtractMessage {
    var manifest = manifest
    if !isCalm, random.isOne(in: 4) { mutation.mutate(&manifest, &random) }
    return ExtractMessage.with { $0.manifest = manifest }
  }

  private mutating func manifest(records: Int) -> Manifest {
    let organisation = random.pick(Self.organisations)
    let extract = extracts
    return Manifest.with {
      $0.state = .opened
      $0.extractID = "fuzz-\(extract)"
      $0.organisation = organisation.code
      $0.source = organisation.source
      $0.period = "2026-\(["08", "09", "10"][extract % 3])"
      $0.submittedAt = 1_793_000_000_000_000 + Int64(extract)
      $0.specification = "1"
      $0.expectedRecords = UInt32(records)
    }
  }

  private mutating func record(_ manifest: Manifest, _ sequence: Int) -> PatientRecord {
    let person = random.below(20_000)
    let number = Self.number(person)
    var entries: [Entry] = []
    for _ in 0..<random.below(6) {
      let (system, code) = HostileValues.codes[random.below(12)]
      let day = Int32(20_650 + random.below(100))
      entries.append(
        Entry.with {
          ($0.system, $0.code, $0.day) = (system, code, day)
          $0.encounter = UInt32(person % 4)
        })
    }
    return PatientRecord.with {
      $0.extractID = manifest.extractID
      $0.sequence = UInt32(sequence)
      $0.organisation = manifest.organisation
      $0.source = manifest.source
      $0.period = manifest.period
      $0.submittedAt = manifest.submittedAt
      $0.specification = manifest.specification
      // The canary is what a patient's own number in a system looks like: it must not be found anywhere.
      $0.patientRef = "\(HostileValues.canary)-\(sequence)-\(person)"
      $0.nhsNumber = number
      $0.dateOfBirth = "19\(10 + person % 90)-0\(1 + person % 9)-1\(person % 10)"
      $0.sex = person % 2 == 0 ? "1" : "2"
      $0.postcode = "LS\(1 + person % 9) \(person % 10)AP"
      $0.registeredFrom = "2001-04-01"
      $0.entries = entries
    }
  }

  /// A valid number of the range that is never issued, or of few persons none.
  private static func number(_ person: Int) -> String {
    let nine = 999_000_000 + person
    return NHSNumber.checkDigit(ofFirstNine: nine).map { "\(nine)\($0)" } ?? ""
  }

  // MARK: Objections and enrolments

  public mutating func objections(_ count: Int) -> [FuzzMessage] {
    submissions += 1
    let id = "objections-\(submissions)"
    let mutation = RecordMutation(keepsExtract: false)
    let isList = random.isOne(in: 2)
    let messages = (1...count).map { sequence in
      var message = ObjectionMessage()
      let number = Self.number(random.below(20_000))
      if random.isOne(in: 5) {
        var pair = Supersession.with {
          ($0.submissionID, $0.sequence, $0.expected) = (id, UInt32(sequence), UInt32(count))
          $0.superseded = number
          $0.current = Self.number(random.below(20_000))
        }
        if random.isOne(in: 3) { mutation.mutate(&pair, &random) }
        message.supersession = pair
      } else {
        var objection = Objection.with {
          ($0.submissionID, $0.sequence, $0.expected) = (id, UInt32(sequence), UInt32(count))
          ($0.nhsNumber, $0.type, $0.decision) = (number, .objectionType2, .dissent)
          $0.origin = isList ? "national" : "patient"
        }
        if random.isOne(in: 2) { mutation.mutate(&objection, &random) }
        message.objection = objection
      }
      return FuzzMessage(destination: .objections, bytes: encode(message, false))
    }
    guard isList else { return messages }
    var list = NationalList.with {
      ($0.submissionID, $0.expected, $0.drawnAt) = (id, UInt32(count), 1_790_000_000_000_000 + Int64(submissions))
      ($0.whole, $0.confirmed) = (random.isOne(in: 2), random.isOne(in: 2))
    }
    if random.isOne(in: 3) { mutation.mutate(&list, &random) }
    let message = ObjectionMessage.with { $0.nationalList = list }
    return messages + [FuzzMessage(destination: .objections, bytes: encode(message, false))]
  }

  public mutating func enrolments(_ count: Int) -> [FuzzMessage] {
    let mutation = RecordMutation(keepsExtract: false)
    return (0..<count).map { _ in
      var enrolment = PracticeEnrolment.with {
        $0.organisation = "Z9900\(random.below(10))"
        $0.state = random.pick([.announced, .notifying, .active, .suspended, .withdrawn])
        $0.changedAt = Int64(random.below(1_000_000))
        ($0.announcedOn, $0.notifiedOn, $0.activeFrom) = (20_000, 20_010, 20_100)
        ($0.suspendedOn, $0.withdrawnOn) = (20_200, 20_300)
      }
      if random.isOne(in: 2) { mutation.mutate(&enrolment, &random) }
      return FuzzMessage(destination: .practices, bytes: encode(enrolment, false))
    }
  }

  // MARK: Bytes

  private mutating func encode(_ message: some SwiftProtobuf.Message, _ isCalm: Bool) -> [UInt8] {
    let isDamaged = !isCalm && random.isOne(in: 4)
    if random.isOne(in: 8), let text = try? message.jsonString() {
      return isDamaged ? JSONMutation.mutate(text, &random) : Array(text.utf8)
    }
    let bytes: [UInt8] = (try? message.serializedBytes()) ?? []
    defer { former = bytes.count < 10_000 ? bytes : former }
    return isDamaged ? ByteMutation.mutate(bytes, former, &random) : bytes
  }
}
