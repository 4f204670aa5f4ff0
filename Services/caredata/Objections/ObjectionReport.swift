import Clinical

/// What was heard and what was done about it, per organisation and day: the two must be the same, and nothing of an
/// objector may count.
struct ObjectionReport: Codable, Equatable {
  struct Line: Codable, Equatable {
    /// A code, "national" or "patient".
    var organisation: String
    var day: String
    /// Statements that ingestion has sent on.
    var received: Int64
    /// Statements that the objection filter has taken in.
    var applied: Int64
    /// Records held back.
    var excluded: Int64

    var agrees: Bool { received == applied }
  }

  struct Organisation: Codable, Equatable {
    var organisation: String
    /// People with records there whose objection is in force.
    var inForce: Int64
    /// Facts of objectors that publication found when it last looked, and how many facts it looked at.
    var violations: Int64?
    var facts: Int64?
  }

  /// Newest day first.
  var lines: [Line] = []
  var organisations: [Organisation] = []
  /// Over all organisations, when publication last looked.
  var facts: Int64?
  var violations: Int64?
  /// Messages that have yet to be read between ingestion's input and the objection filter.
  var underWay: Int64 = 0
  /// Tables that are not there yet.
  var missing: [String] = []

  /// Something is heard that was not acted on, or counts that must not.
  var isFailure: Bool {
    (underWay == 0 && missing.isEmpty && lines.contains { !$0.agrees })
      || (violations ?? 0) > 0 || organisations.contains { ($0.violations ?? 0) > 0 }
  }

  var text: String {
    var parts: [String] = []
    if lines.isEmpty {
      parts.append("no objection was received in this time")
    } else {
      var table = TextTable("organisation", "day", "received", "applied", "records excluded", "")
      for line in lines {
        table.row([
          line.organisation, line.day, "\(line.received)", "\(line.applied)", "\(line.excluded)",
          line.agrees ? "" : "<- NOT THE SAME",
        ])
      }
      parts.append(table.render())
    }
    if !organisations.isEmpty {
      var table = TextTable("organisation", "objectors with records", "facts checked", "violations")
      for line in organisations {
        table.row([
          line.organisation, "\(line.inForce)", line.facts.map { "\($0)" } ?? "not yet",
          line.violations.map { $0 == 0 ? "0" : "\($0) <- MUST BE 0" } ?? "",
        ])
      }
      parts.append(table.render())
    }
    if let facts, let violations {
      parts.append("\(facts) facts checked at the last release, \(violations) of them of objectors")
    }
    if !missing.isEmpty {
      parts.append("not there yet: \(missing.joined(separator: ", ")); the service that keeps it has to start first")
    }
    if underWay > 0 { parts.append("\(underWay) messages are under way; what is marked may still arrive") }
    return parts.joined(separator: "\n\n")
  }
}
