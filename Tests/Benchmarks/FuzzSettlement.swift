import Contracts
import Foundation
import Fuzzing
import Postgres

/// Where a message lies.
struct FuzzPlace: Hashable, CustomStringConvertible {
  struct Partition: Hashable {
    let topic: String
    let number: Int32
  }
  let partition: Partition
  let offset: Int64

  var description: String { "\(partition.topic)/\(partition.number)/\(offset)" }
}

/// What became of every message, from what ingestion says of it: the topic of rejections, receipts, and its tables.
struct FuzzSettlement {
  /// How an extract describes itself; messages that differ in it are not of the same extract.
  struct Opening: Hashable {
    let id: String
    let organisation: String
    let source: Int
    let period: String
    let submittedAt: Int64
    let specification: String
  }

  private enum Content {
    case manifest(Int)
    case record(Int)
    case numbered(submission: String, UInt32)
    case list(String)
    case enrolment(String)
    case cut
  }

  /// Codes that put a message aside before it counts as one of its extract.
  private static let unread: Set = [
    "malformed", "missing_field", "unknown_kind", "header_mismatch", "sequence_beyond_declared", "supersession_circle",
  ]

  private var account = MessageAccount<FuzzPlace>()
  private var contents: [FuzzPlace: Content] = [:]
  private var openings: [Opening: Int] = [:]
  private var rejections: [FuzzPlace: String] = [:]
  private var enrolments: [String: Receipt] = [:]
  private var faults: [String] = []
  private var extracts: [String: Int] = [:]
  private var entries = EntryAccount(received: 0, kept: 0, leftOut: 0, excluded: 0)

  // MARK: What was sent

  mutating func sent(_ message: MessageFuzzer.FuzzMessage, at place: FuzzPlace) {
    account.sent(place)
    contents[place] = content(message)
  }

  /// Nil when it cannot be read: then it must be put aside.
  private mutating func content(_ message: MessageFuzzer.FuzzMessage) -> Content? {
    message.bytes.withUnsafeBytes { bytes in
      switch message.destination {
      case .extracts:
        switch (try? ExtractMessage(binaryOrJSON: bytes))?.content {
        case .record(let record):
          return .record(
            number(
              Opening(
                id: record.extractID, organisation: record.organisation, source: record.source.rawValue,
                period: record.period, submittedAt: record.submittedAt, specification: record.specification)))
        case .manifest(let manifest):
          return .manifest(
            number(
              Opening(
                id: manifest.extractID, organisation: manifest.organisation, source: manifest.source.rawValue,
                period: manifest.period, submittedAt: manifest.submittedAt, specification: manifest.specification)))
        // Sealed to nobody that is here: put aside.
        case .sealed, nil: return nil
        }
      case .objections:
        switch (try? ObjectionMessage(binaryOrJSON: bytes))?.content {
        case .objection(let objection): return .numbered(submission: objection.submissionID, objection.sequence)
        case .supersession(let pair): return .numbered(submission: pair.submissionID, pair.sequence)
        case .nationalList(let list): return .list(list.submissionID)
        case .cut: return .cut
        case .sealed, nil: return nil
        }
      case .practices:
        guard let enrolment = try? PracticeEnrolment(binaryOrJSON: bytes) else { return nil }
        return .enrolment("\(enrolment.organisation)@\(enrolment.changedAt)")
      }
    }
  }

  private mutating func number(_ opening: Opening) -> Int {
    if let number = openings[opening] { return number }
    openings[opening] = openings.count
    return openings.count - 1
  }

  // MARK: What is said of it

  /// Said again after a failure, a rejection is the same one.
  mutating func rejected(_ rejection: Rejection) {
    let place = FuzzPlace(
      partition: .init(topic: rejection.topic, number: rejection.partition), offset: rejection.offset)
    if let former = rejections.updateValue(rejection.code, forKey: place), former != rejection.code {
      faults.append("\(place) was put aside as \(former) and as \(rejection.code)")
    }
  }

  mutating func told(_ receipt: Receipt) {
    switch receipt.status {
    case .enrolmentStored, .enrolmentRefused: enrolments[receipt.id] = receipt
    default: break
    }
    if receipt.textFormatString().contains(HostileValues.canary) {
      faults.append("the receipt of \(receipt.id) repeats a value of a message")
    }
  }

  // MARK: The end

  /// Everything that is not as it should be.
  mutating func settle(_ database: Connection) throws -> [String] {
    let rows = try database.query(
      """
      select extract_id, organisation, source::bigint, period, submitted_at, specification, state, received,
        coalesce(receipt, ''::bytea), held from ingestion.extract
      """)
    var states = [(state: String, received: Int, counted: Int)?](repeating: nil, count: openings.count)
    for row in 0..<rows.count {
      let state = rows.text(row, 6)
      extracts[rows.text(row, 9).isEmpty ? state : "held", default: 0] += 1
      let opening = Opening(
        id: rows.text(row, 0), organisation: rows.text(row, 1), source: Int(rows.int(row, 2)),
        period: rows.text(row, 3),
        submittedAt: rows.int(row, 4), specification: rows.text(row, 5))
      guard let number = openings[opening] else {
        faults.append("extract \(opening.id) was never sent like that")
        continue
      }
      states[number] = (state, Int(rows.int(row, 7)), 0)
      if ["admitted", "emitted", "balanced"].contains(state) {
        check(try Receipt(serializedBytes: rows.bytes(row, 8)))
      }
    }
    let received = try database.query("select submission_id, sequence::bigint from ingestion.objection_received")
    let numbered = Set((0..<received.count).map { "\(received.text($0, 0))/\(received.int($0, 1))" })
    let rowsOfLists = try database.query("select submission_id, state from ingestion.national_list")
    let lists = (0..<rowsOfLists.count).reduce(into: [:]) { $0[rowsOfLists.text($1, 0)] = rowsOfLists.text($1, 1) }
    for (place, content) in contents { settle(place, content, &states, numbered, lists) }
    for (place, code) in rejections where contents[place] == nil { account.settle(place, as: .rejected(code)) }
    for case let state? in states where !Self.isTold(state.state) && state.received != state.counted {
      faults.append(
        "\(state.counted) records were sent to an extract (\(state.state)) that has received \(state.received)")
    }
    return faults + account.faults
  }

  private mutating func settle(
    _ place: FuzzPlace, _ content: Content, _ states: inout [(state: String, received: Int, counted: Int)?],
    _ numbered: Set<String>, _ lists: [String: String]
  ) {
    let code = rejections[place]
    if let code, Self.unread.contains(code) { return account.settle(place, as: .rejected(code)) }
    switch content {
    case .record(let number):
      guard let state = states[number] else { return }
      if Self.isTold(state.state) { return account.settle(place, as: .rejected("extract \(state.state)")) }
      states[number]?.counted += 1
      account.settle(place, as: code.map { .rejected($0) } ?? .accepted)
    case .manifest(let number):
      if states[number] != nil { account.settle(place, as: .accepted) }
    case .numbered(let submission, let sequence):
      // Of a list that was judged the single numbers are not kept.
      let isJudged = lists[submission].map { $0 != "open" } ?? false
      if isJudged || numbered.contains("\(submission)/\(sequence)") { account.settle(place, as: .accepted) }
    case .list(let submission):
      if lists[submission] != nil { account.settle(place, as: .accepted) }
    case .enrolment(let id):
      guard let receipt = enrolments[id] else { return }
      account.settle(place, as: receipt.status == .enrolmentStored ? .accepted : .rejected(receipt.reason))
    case .cut: account.settle(place, as: .accepted)
    }
  }

  /// Nothing of the extract is used, and its receipt says so.
  private static func isTold(_ state: String) -> Bool { ["refused", "abandoned", "superseded"].contains(state) }

  private mutating func check(_ receipt: Receipt) {
    let here = Int(receipt.rejected.values.reduce(0, +)) - Int(receipt.recordsRejectedByConnector)
    if Int(receipt.recordsReceived) != Int(receipt.recordsAdmitted) + here {
      faults.append("the records of \(receipt.id) do not add up")
    }
    let sums = EntryAccount(
      received: Int(receipt.entriesReceived), kept: Int(receipt.entriesAdmitted),
      leftOut: Int(receipt.entriesDropped.values.reduce(0, +)), excluded: Int(receipt.entriesExcluded),
      ofRejected: Int(receipt.entriesRejected))
    if !sums.isBalanced { faults.append("the entries of \(receipt.id) do not add up: \(sums)") }
    entries.received += sums.received
    entries.kept += sums.kept
    entries.leftOut += sums.leftOut
    entries.excluded += sums.excluded
    entries.ofRejected += sums.ofRejected
  }

  var text: String {
    let outcomes = account.counts.map { outcome, count in
      switch outcome {
      case .accepted: (count, "accepted")
      case .rejected(let code): (count, code)
      case .excluded: (count, "excluded")
      }
    }
    func list(_ counts: [(Int, String)]) -> String {
      counts.sorted { $0.0 > $1.0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    }
    return """
      messages: \(list(outcomes))
      extracts: \(list(extracts.map { ($0.value, $0.key) }))
      entries of admitted extracts: \(entries.received) = \(entries.kept) kept + \(entries.leftOut) left out by reason \
      + \(entries.excluded) excluded + \(entries.ofRejected) of rejected records
      """
  }
}
