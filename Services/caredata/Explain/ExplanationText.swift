import Clinical
import Contracts

extension PersonExplanation {
  /// For the operator. Holds no number.
  var text: String {
    var parts: [String] = []
    if chain.isReplaced {
      parts.append("This number was replaced by another one; what follows is of the person, under all their numbers.")
    } else if chain.others > 0 {
      parts.append("\(chain.others) other numbers of this person lead to this one; what follows is of all of them.")
    }
    parts.append("What was said about objections\n\n" + statementText)
    parts.append("In force\n\n" + inForceText)
    parts.append("Records\n\n" + recordText)
    parts.append("Releases\n\n" + releaseText)
    return parts.joined(separator: "\n\n")
  }

  private var statementText: String {
    guard !statements.isEmpty else { return "  nothing" }
    var table = TextTable("type", "decision", "date", "said by", "code system", "recorded", "")
    for statement in statements {
      table.row([
        statement.type.number, statement.decision == .dissent ? "dissent" : "withdrawn",
        statement.day.map { CalendarDate(day: $0).iso } ?? "undated", statement.saidBy, statement.system.word,
        DrawnTime.text(statement.recordedAt), statement.isRetracted ? "no longer said of this person" : "",
      ])
    }
    return table.render()
  }

  private var inForceText: String {
    [ObjectionType.objectionType1, .objectionType2].map { type in
      let (isDissent, since) = inForce(type)
      let what = type == .objectionType1 ? "type 1 (records of GP practices)" : "type 2 and national (all records)"
      return "  \(what): " + (isDissent ? "objects" + (since.map { ", since \(DrawnTime.text($0))" } ?? "") : "no")
    }.joined(separator: "\n")
  }

  private var recordText: String {
    guard !records.isEmpty else { return "  none was ever admitted" }
    var table = TextTable("organisation", "source", "period", "extract", "received", "state", "outcome")
    for record in records {
      let outcome =
        switch self.outcome(record) {
        case .passed: "passed the objection filter"
        case .withdrawn(let type, let since):
          "withdrawn by type \(type.number)" + (since.map { ", known since \(DrawnTime.text($0))" } ?? "")
        case .heldBack(let type, let since):
          "held back by type \(type.number)" + (since.map { ", known since \(DrawnTime.text($0))" } ?? "")
        case .erased(let type):
          "erased by a type \(type.number) objection that has ended; comes back when it is submitted again"
        case .retracted: "taken back by a later extract of the organisation"
        }
      table.row([
        record.organisation, ExtractSource(record.source).rawValue, record.period, record.extractID,
        DrawnTime.text(record.receivedAt), record.extractState, outcome,
      ])
    }
    return table.render()
  }

  private var releaseText: String {
    var table = TextTable("release", "dataset", "made", "to", "record of", "in it")
    for record in records {
      for (release, presence) in presence(of: record) {
        let word =
          switch presence {
          case .included: "yes"
          case .recordedLater(let type): "yes: the type \(type.number) objection was recorded later"
          case .objected(let type): "no: the type \(type.number) objection was known"
          case .beforeOrDuring(let type):
            "if it was made before the type \(type.number) objection, which has ended and whose beginning is not kept"
          case .retracted: "if it was made before a later extract took the record back"
          case .inEarlierVersion: "may have been in it, in an earlier version"
          }
        table.row([
          release.id, release.dataset, DrawnTime.text(release.createdAt), release.recipients,
          "\(record.organisation) \(record.period)", word,
        ])
      }
    }
    return table.rows.isEmpty ? "  none had an extract with a record of this person among its inputs" : table.render()
  }
}

extension ObjectionType {
  fileprivate var number: String { self == .objectionType1 ? "1" : "2" }
}

extension CodeSystem {
  fileprivate var word: String {
    switch self {
    case .read2: "Read v2"
    case .ctv3: "CTV3"
    case .snomed: "SNOMED CT"
    default: ""
    }
  }
}
