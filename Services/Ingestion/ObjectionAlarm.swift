import Contracts

/// Tells a practice whose objections have stopped coming: once a supplier withheld 150,000 of them for three years, and
/// nobody saw it because nothing compared one extract with the next.
enum ObjectionAlarm: Equatable {
  /// None at all, where there were some or where so many patients cannot all agree.
  case absent(records: Int64)
  /// Less than half the share of the extract before.
  case dropped(dissents: Int64, records: Int64, before: Counts)

  struct Counts: Equatable {
    /// Records with a dissent, and all records.
    var dissents: Int64
    var records: Int64
  }

  /// In England about one person in thirty objects: that none of so many does is no chance.
  static let recordsWithoutDissent: Int64 = 500
  /// Fewer than these vary too much from month to month.
  static let fewestBefore: Int64 = 10

  /// - Parameter before: of the organisation's last extract from the same source; nil: there is none.
  /// - Returns: nil: nothing to wonder about. Dissents are recorded in GP systems, so other sources have none.
  static func of(_ counts: Counts, before: Counts?, source: Source) -> ObjectionAlarm? {
    guard source == .gp else { return nil }
    if counts.dissents == 0 {
      let hadSome = (before?.dissents ?? 0) > 0 && counts.records > 0
      return hadSome || counts.records >= recordsWithoutDissent ? .absent(records: counts.records) : nil
    }
    guard let before, before.dissents >= fewestBefore, before.records > 0 else { return nil }
    // Of shares, so that a practice which shrinks raises none.
    return 2 * counts.dissents * before.records < before.dissents * counts.records
      ? .dropped(dissents: counts.dissents, records: counts.records, before: before) : nil
  }

  /// Part of receipts.
  var code: String {
    switch self {
    case .absent: "objections_absent"
    case .dropped: "objections_dropped"
    }
  }
}

extension ObjectionAlarm: CustomStringConvertible {
  var description: String {
    switch self {
    case .absent(let records): "no dissent among \(records) records"
    case .dropped(let dissents, let records, let before):
      "\(dissents) dissents among \(records) records, after \(before.dissents) among \(before.records)"
    }
  }
}
