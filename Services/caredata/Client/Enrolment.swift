import Clinical
import Contracts
import Foundation
import Kafka
import StageKit

/// Changes of enrolments, published on the compacted topic `practices` and confirmed by ingestion.
struct Enrolment {
  let target: Installation
  let gate: PracticeGate

  init(_ target: Installation) {
    self.target = target
    gate = PracticeGate(noticeDays: target.configuration.noticeDays)
  }

  /// The newest enrolment of every organisation.
  func all() throws -> [String: PracticeEnrolment] {
    var newest: [String: PracticeEnrolment] = [:]
    try TopicSnapshot.read(target, .practices) { message in
      guard let enrolment = try? PracticeEnrolment(binaryOrJSON: message.value) else { return }
      if let known = newest[enrolment.organisation], known.changedAt > enrolment.changedAt { return }
      newest[enrolment.organisation] = enrolment
    }
    return newest
  }

  /// Makes the changes one after the other for each organisation; returns once ingestion has stored them all.
  ///
  /// Nothing is published unless every organisation may make every change.
  /// - Returns: the enrolments they have now, in the order given.
  @discardableResult
  func change(_ organisations: [String], _ changes: [PracticeGate.Change]) throws -> [PracticeEnrolment] {
    let held = try all()
    var published: [PracticeEnrolment] = []
    var last: [PracticeEnrolment] = []
    for code in organisations {
      var enrolment = held[code]
      for change in changes {
        let now = max(Date.now.microseconds, (enrolment?.changedAt ?? 0) + 1)
        do throws(PracticeGate.Refusal) {
          enrolment = try gate.enrolment(of: code, after: enrolment, change, on: CalendarDate.today.day, at: now)
        } catch {
          throw ClientError("\(code): \(text(error, enrolment))")
        }
        published.append(enrolment!)
      }
      last.append(enrolment!)
    }
    try publish(published)
    return last
  }

  /// Takes organisations of a made-up region the whole way, as if their patients had been told long enough ago.
  @discardableResult
  func enrolMadeUp(_ organisations: [String]) throws -> [PracticeEnrolment] {
    try change(
      organisations, [.announce(wave: "trial"), .notify(on: CalendarDate.today.day - gate.noticeDays), .activate])
  }

  private func publish(_ enrolments: [PracticeEnrolment]) throws {
    let waiter = try ReceiptWaiter(target)
    let producer = try target.producer()
    defer { producer.close() }
    for enrolment in enrolments {
      let code = enrolment.organisation
      try producer.send(
        topic: target.layout.name(.practices), partition: target.layout.partition(ofText: code), key: Array(code.utf8),
        value: try enrolment.serializedBytes(),
        headers: CloudEvents.headers(
          type: "practice.enrolment", source: "/operator", id: enrolment.id, time: .now,
          contentType: "application/protobuf"))
    }
    try producer.flush()
    let receipts = try waiter.receipts(for: Set(enrolments.map(\.id)), timeout: .seconds(60))
    for receipt in receipts.values where receipt.status == .enrolmentRefused {
      let reason = PracticeGate.Refusal(rawValue: receipt.reason).map { text($0, nil) } ?? receipt.reason
      throw ClientError("\(receipt.organisation): ingestion refuses: \(reason)")
    }
  }

  /// Waits until everything of a withdrawn organisation is retracted.
  func waitForErasure(_ enrolments: [PracticeEnrolment], timeout: Duration) throws -> [Receipt] {
    let waiter = try ReceiptWaiter(target, from: .beginning)
    let receipts = try waiter.receipts(for: Set(enrolments.map(\.id)), timeout: timeout) { $0.status == .erased }
    return enrolments.compactMap { receipts[$0.id] }
  }

  private func text(_ refusal: PracticeGate.Refusal, _ enrolment: PracticeEnrolment?) -> String {
    switch refusal {
    case .notAnnounced: return "is not announced; start with `caredata practices announce`"
    case .alreadyAnnounced: return "is already announced"
    case .notNotified: return "its patients have not been told; `caredata practices notify --on DATE`"
    case .noticePeriodNotOver:
      guard let ready = enrolment.flatMap(gate.readyDay) else { return "the notice period is not over" }
      return "its notice period of \(gate.noticeDays) days is over on \(Day.text(ready))"
    case .notActive: return "is not active"
    case .alreadyActive: return "has been active already"
    case .withdrawn: return "has been withdrawn; it may be announced anew"
    case .datesInconsistent: return "its dates do not follow one another"
    }
  }
}

extension PracticeEnrolment {
  /// Under which its receipt comes.
  var id: String { "\(organisation)@\(changedAt)" }
}
