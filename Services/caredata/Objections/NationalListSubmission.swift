import Clinical
import Contracts
import Cryptography
import Foundation
import Kafka
import StageKit

/// Sends a national list, or what the check service has answered for some numbers, and waits until it is judged.
struct NationalListSubmission {
  /// Distinct, and none in both.
  var dissents: [ListedNumber]
  var withdrawn: [ListedNumber] = []
  /// Microseconds since 1970-01-01T00:00:00Z: the moment whose decisions it shows.
  var drawnAt: Int64
  /// Whoever is not among the dissents does not object.
  var isWhole: Bool
  var isConfirmed: Bool

  func run(_ target: Installation, timeout: Duration) throws -> Receipt {
    let waiter = try ReceiptWaiter(target)
    let producer = try target.producer()
    defer { producer.close() }
    let submission = "national-" + randomName()
    let topic = target.layout.name(.objections)
    try forEachMessage(of: submission) { message, type, id in
      try producer.send(
        topic: topic, partition: target.layout.partition(ofText: id), key: Array(id.utf8),
        value: try message.serializedBytes(),
        headers: CloudEvents.headers(
          type: type, source: "/connector/national", id: id, time: .now, contentType: "application/protobuf"))
      if type == Self.headerType { try producer.flush() }
    }
    try producer.flush()
    let receipts = try waiter.receipts(for: [submission], timeout: timeout) {
      $0.status == .nationalListInForce || $0.status == .nationalListRefused
    }
    return receipts[submission]!
  }

  static let headerType = "national-list"

  /// The header first: should the rest never come, it tells what the objections were a part of.
  ///
  /// - Parameter send: takes a message, its type and its id.
  func forEachMessage(
    of submission: String, _ send: (ObjectionMessage, String, String) throws -> Void
  ) rethrows {
    let total = UInt32(dissents.count + withdrawn.count)
    let header = ObjectionMessage.with {
      $0.nationalList.submissionID = submission
      $0.nationalList.expected = total
      $0.nationalList.drawnAt = drawnAt
      $0.nationalList.whole = isWhole
      $0.nationalList.confirmed = isConfirmed
    }
    try send(header, Self.headerType, submission)
    let day = CalendarDate(microseconds: drawnAt).day
    var sequence: UInt32 = 0
    for (decision, numbers) in [(ObjectionDecision.dissent, dissents), (.withdrawn, withdrawn)] {
      for number in numbers {
        sequence += 1
        let message = ObjectionMessage.with {
          $0.objection.submissionID = submission
          $0.objection.sequence = sequence
          $0.objection.expected = total
          $0.objection.nhsNumber = number.digits
          $0.objection.type = .objectionType2
          $0.objection.decision = decision
          $0.objection.day = day
          $0.objection.origin = "national"
        }
        try send(message, "objection", "\(submission)/\(sequence)")
      }
    }
  }
}

/// What became of a national list, in words.
enum NationalListAnswer {
  static func text(_ receipt: Receipt, isWhole: Bool, dissents: Int) -> String {
    guard receipt.status == .nationalListRefused else {
      let people = "\(dissents) \(dissents == 1 ? "person objects" : "people object")"
      return isWhole
        ? "the national list of \(DrawnTime.text(receipt.drawnAt)) is in force: \(people) (submission \(receipt.id))"
        : "the answer is in force: \(people) of those asked (submission \(receipt.id))"
    }
    let subject = isWhole ? "the national list" : "the answer"
    let consequence =
      receipt.reason == "older_than_the_list_in_force"
      ? "What that list says counts"
      : "The objections \(isWhole ? "on" : "in") it hold already; nobody is reinstated, and the list in force stays the one before"
    return "\(subject) is refused: \(reason(receipt.reason))\n\(consequence) (submission \(receipt.id))."
  }

  private static func reason(_ code: String) -> String {
    let confirm = "If it is right nevertheless, send it with --confirm."
    switch code {
    case "list_empty": return "nobody is on it. \(confirm)"
    case "list_more_than_1_percent_smaller": return "it is more than 1 % smaller than the list before. \(confirm)"
    case "answer_ends_more_than_1_percent":
      return "it would end more than 1 % of the objections of those asked: it may merely repeat the request. \(confirm)"
    case "drawn_in_the_future": return "it is said to be drawn in the future."
    case "older_than_the_list_in_force": return "a list that was drawn later is in force."
    default: return code
    }
  }
}

/// When a list was drawn.
enum DrawnTime {
  /// A day means its beginning, UTC: the list may be no younger.
  static func microseconds(_ text: String) -> Int64? {
    if let date = CalendarDate(iso: text) { return Int64(date.day) * CalendarDate.microsecondsPerDay }
    guard let time = try? Date(text, strategy: .iso8601) else { return nil }
    return time.microseconds
  }

  static func text(_ microseconds: Int64) -> String {
    Date(microseconds: microseconds).formatted(.iso8601)
  }
}
