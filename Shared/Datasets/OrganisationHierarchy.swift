import Clinical
import Specification
import Tables

/// Which practice belongs to which sub-ICB location, and that to which integrated care board, and since when.
public struct OrganisationHierarchy: Sendable {
  public struct Membership: Equatable, Sendable {
    public let parent: String
    public let from: CalendarDate
    /// The first day on which it no longer holds.
    public let until: CalendarDate?
  }

  public static let columns = ["organisation", "parent", "valid_from", "valid_to"]
  /// Where a practice is that nobody has placed, or that is none (V81997, V81998, V81999).
  public static let unknown = "unknown"

  private let memberships: [String: [Membership]]

  public init(_ memberships: [String: [Membership]] = [:]) { self.memberships = memberships }

  /// - Parameter csv: rows of organisation, parent, first and last day; the last day empty where it holds still.
  public init(csv bytes: [UInt8], file: String) throws(SpecificationFaults) {
    var reading = HierarchyReading(CSVReader(bytes, file: file))
    reading.read()
    guard reading.faults.isEmpty else { throw SpecificationFaults(reading.faults) }
    memberships = reading.memberships
  }

  /// The parent on the day; nil: none is known.
  public func parent(of organisation: String, on day: CalendarDate) -> String? {
    memberships[organisation]?.first { $0.from <= day && $0.until.map { day < $0 } ?? true }?.parent
  }

  /// A practice and what lies above it, as far as the levels go.
  func path(of practice: String, levels: Int, on day: CalendarDate) -> [String] {
    var path = [practice]
    while path.count < levels {
      path.append(path.last == Self.unknown ? Self.unknown : parent(of: path.last!, on: day) ?? Self.unknown)
    }
    return path
  }
}

/// Goes through the whole file and collects what is wrong.
private struct HierarchyReading {
  private let reader: CSVReader
  private(set) var memberships: [String: [OrganisationHierarchy.Membership]] = [:]
  private(set) var faults: [SpecificationFault] = []

  init(_ reader: CSVReader) { self.reader = reader }

  mutating func read() {
    do throws(CSVError) {
      let columns = OrganisationHierarchy.columns
      guard try reader.next(), fields == columns else {
        return fault("the header is not \(columns.joined(separator: ","))")
      }
      while try reader.next() {
        if fields != [""] { row(fields) }
      }
    } catch {
      faults.append(SpecificationFault(file: reader.file, line: error.line, "\(error.fault)"))
    }
  }

  private var fields: [String] {
    (0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) }
  }

  private mutating func row(_ fields: [String]) {
    guard fields.count == 4, !fields[0].isEmpty, !fields[1].isEmpty, let from = CalendarDate(iso: fields[2]) else {
      return fault("not an organisation, its parent and the day from which it is that")
    }
    let last = CalendarDate(iso: fields[3])
    guard fields[3].isEmpty || last.map({ $0 >= from }) ?? false else {
      return fault("'\(fields[3])' is no last day: a date, not before the first, or empty")
    }
    let membership = OrganisationHierarchy.Membership(
      parent: fields[1], from: from, until: last.map { CalendarDate(day: $0.day + 1) })
    if memberships[fields[0], default: []].contains(where: { $0.overlaps(membership) }) {
      return fault("'\(fields[0])' has two parents at one time")
    }
    memberships[fields[0], default: []].append(membership)
  }

  private mutating func fault(_ reason: String) {
    faults.append(SpecificationFault(file: reader.file, line: max(1, reader.line), reason))
  }
}

extension OrganisationHierarchy.Membership {
  fileprivate func overlaps(_ other: Self) -> Bool {
    (until.map { other.from < $0 } ?? true) && (other.until.map { from < $0 } ?? true)
  }
}
