import Cryptography
import Postgres

/// One release in the register.
struct RegisterEntry: Equatable, Sendable {
  /// Who receives a release, and which objections it honours.
  struct Audience: Equatable, Sendable {
    var recipients: [String]
    /// As markers name it; empty where they do not.
    var regime: String
  }

  var releaseID: String
  var dataset: String
  /// SHA-256 of the definition's bytes and the digest of the exclusions applied, hexadecimal.
  var definition: String
  /// Extract ids with their versions, one a line.
  var inputs: String
  /// The cut it waited for.
  var cutID: String
  var rows: Int64
  /// SHA-256 of the file, hexadecimal.
  var sha256: String
  /// Microseconds since 1970-01-01T00:00:00Z.
  var createdAt: Int64
  /// Nil: registered before this was part of the register.
  var audience: Audience?

  /// Continues the chain: SHA-256 over the number, every field preceded by its length, and the hash before; behind that
  /// the audience, where there is one, with the number of recipients. So an entry without differs from every entry
  /// with one, and older entries verify as they are.
  func hash(seq: Int64, previous: String) -> String {
    let hasher = SHA256Hasher()
    var fields = [
      "\(seq)", releaseID, dataset, definition, inputs, cutID, "\(rows)", sha256, "\(createdAt)", previous,
    ]
    if let audience { fields += ["\(audience.recipients.count)"] + audience.recipients + [audience.regime] }
    for field in fields {
      withUnsafeBytes(of: UInt32(field.utf8.count).bigEndian) { hasher.update($0) }
      hasher.update(Array(field.utf8))
    }
    return hexadecimal(hasher.finish())
  }
}

/// The append-only, hash-chained list of everything that was ever released. A trigger refuses changes; what gets past
/// the trigger breaks the chain.
struct ReleaseRegister {
  /// Before the first entry.
  static let origin = String(repeating: "0", count: 64)

  private static let columns = """
    seq, release_id, dataset, definition, inputs, cut_id, row_count, sha256, created_at, previous_hash, hash, recipients,
    regime
    """

  private let database: Connection

  init(_ database: Connection) {
    self.database = database
  }

  func entry(_ releaseID: String) throws -> RegisterEntry? {
    let rows = try database.query(
      "select \(Self.columns) from release_register where release_id = $1", [.text(releaseID)])
    return rows.count == 0 ? nil : Self.entry(rows, 0)
  }

  /// Checks the whole chain, then adds to it, in a transaction of its own.
  /// - Throws: ``ReleaseError/brokenRegister(seq:)``, ``ReleaseError/otherRegime(regime:earlier:earlierRegime:)``.
  func append(_ entry: RegisterEntry) throws {
    try database.transaction {
      try database.execute("lock table release_register in exclusive mode")
      let (seq, previous, entries) = try chain()
      if let earlier = RegimeConflict.first(of: entry, among: entries) {
        throw ReleaseError.otherRegime(
          regime: entry.audience!.regime, earlier: earlier.releaseID, earlierRegime: earlier.audience!.regime)
      }
      try database.query(
        """
        insert into release_register (\(Self.columns))
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        [
          .int(seq + 1), .text(entry.releaseID), .text(entry.dataset), .text(entry.definition), .text(entry.inputs),
          .text(entry.cutID), .int(entry.rows), .text(entry.sha256), .int(entry.createdAt), .text(previous),
          .text(entry.hash(seq: seq + 1, previous: previous)),
          entry.audience.map { .textArray($0.recipients) } ?? .null, .text(orNull: entry.audience?.regime),
        ])
    }
  }

  /// The end of the chain.
  /// - Throws: ``ReleaseError/brokenRegister(seq:)`` at the first entry that was changed, added or left out.
  @discardableResult
  func verify() throws -> (seq: Int64, hash: String) {
    let (seq, hash, _) = try chain()
    return (seq, hash)
  }

  private func chain() throws -> (seq: Int64, hash: String, entries: [RegisterEntry]) {
    let rows = try database.query("select \(Self.columns) from release_register order by seq")
    var end = (seq: Int64(0), hash: Self.origin)
    var entries: [RegisterEntry] = []
    for row in 0..<rows.count {
      let next = end.seq + 1
      let entry = Self.entry(rows, row)
      let hash = entry.hash(seq: next, previous: end.hash)
      guard rows.int(row, 0) == next, rows.text(row, 9) == end.hash, rows.text(row, 10) == hash else {
        throw ReleaseError.brokenRegister(seq: next)
      }
      end = (next, hash)
      entries.append(entry)
    }
    return (end.seq, end.hash, entries)
  }

  func isDelivered(_ releaseID: String) throws -> Bool {
    try database.query("select from release_delivery where release_id = $1", [.text(releaseID)]).count > 0
  }

  func markDelivered(_ releaseID: String) throws {
    try database.query("insert into release_delivery values ($1) on conflict do nothing", [.text(releaseID)])
  }

  private static func entry(_ rows: Rows, _ row: Int) -> RegisterEntry {
    RegisterEntry(
      releaseID: rows.text(row, 1), dataset: rows.text(row, 2), definition: rows.text(row, 3),
      inputs: rows.text(row, 4), cutID: rows.text(row, 5), rows: rows.int(row, 6), sha256: rows.text(row, 7),
      createdAt: rows.int(row, 8),
      audience: rows.isNull(row, 11) || rows.isNull(row, 12)
        ? nil : .init(recipients: rows.textArray(row, 11), regime: rows.text(row, 12)))
  }
}
