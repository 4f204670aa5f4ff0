import Clinical
import Contracts

/// Where a person is registered, and which record tells what else is known of them.
enum Registration {
  /// Of each practice the newest snapshot says whether the person is registered there on the day. Between practices the
  /// later registration wins, then the smaller record id.
  static func record(_ records: [PersonHistory.Record], on day: Int32) -> Int? {
    var best: Int?
    for (place, record) in records.enumerated() where record.source == .gp {
      guard let from = record.registeredFrom, from <= day, record.registeredTo.map({ $0 > day }) ?? true,
        !records.contains(where: {
          $0.source == .gp && $0.organisation == record.organisation && $0.period > record.period
        })
      else { continue }
      guard let current = best.map({ records[$0] }) else {
        best = place
        continue
      }
      let other = current.registeredFrom!
      if from > other || from == other && record.id < current.id { best = place }
    }
    return best
  }

  /// The newest record of a practice, else of a hospital, else of a community service; ties by record id.
  ///
  /// - Precondition: there is a record.
  static func attributes(_ records: [PersonHistory.Record]) -> Int {
    records.indices.min { left, right in
      let (one, other) = (records[left], records[right])
      if one.source != other.source { return one.source.rawValue < other.source.rawValue }
      if one.period != other.period { return one.period > other.period }
      return one.id < other.id
    }!
  }
}
