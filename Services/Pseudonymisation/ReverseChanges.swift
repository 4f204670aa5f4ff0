import Contracts
import Cryptography

/// What a batch changes in the reverse map: per record the highest version, and what objections erase.
///
/// Messages about one person come in order; those about one record may come from two partitions when its number was
/// corrected, and then the version decides.
struct ReverseChanges {
  struct Row {
    let recordID: Token16
    let time: Int64
    let digest: Int64
    let stamp: Int64
    let source: Source
    let withdrawal: Token16
    /// The sealed number; nil: the record is gone, or has none.
    var sealed: [UInt8]?
  }

  struct Erasure: Equatable {
    let token: Token16
    /// Else records of general practices only.
    let allSources: Bool
    /// Records stamped up to here.
    var through: Int64

    func covers(_ row: Row) -> Bool {
      row.withdrawal == token && row.stamp <= through && (allSources || row.source == .gp)
    }
  }

  private struct Scope: Hashable {
    let token: Token16
    let allSources: Bool
  }

  private var places: [Token16: Int] = [:]
  private var ofPerson: [Token16: [Int]] = [:]
  private var scopes: [Scope: Int] = [:]
  private(set) var rows: [Row] = []
  /// To be carried out before `rows`: what was said of a record after an erasure holds.
  private(set) var erasures: [Erasure] = []

  mutating func take(_ header: HeaderView, withdrawal: Token16, sealed: [UInt8]?) {
    guard let recordID = Token16(bytes: header.recordID) else { return }
    let row = Row(
      recordID: recordID, time: header.versionTime, digest: Int64(bitPattern: header.versionDigest),
      stamp: header.stamp, source: header.source, withdrawal: withdrawal, sealed: sealed)
    if let place = places[recordID] {
      guard (rows[place].time, rows[place].digest) <= (row.time, row.digest) else { return }
      rows[place] = row
      ofPerson[withdrawal, default: []].append(place)
    } else {
      places[recordID] = rows.count
      ofPerson[withdrawal, default: []].append(rows.count)
      rows.append(row)
    }
  }

  mutating func take(_ erasure: Erasure) {
    for place in ofPerson[erasure.token] ?? [] where erasure.covers(rows[place]) { rows[place].sealed = nil }
    let scope = Scope(token: erasure.token, allSources: erasure.allSources)
    if let place = scopes[scope] {
      erasures[place].through = max(erasures[place].through, erasure.through)
    } else {
      scopes[scope] = erasures.count
      erasures.append(erasure)
    }
  }
}
