import Postgres

/// One extract that a release is made from.
struct ReleaseInput: Equatable, Sendable {
  var extractID: String
  /// Microseconds since 1970-01-01T00:00:00Z.
  var versionTime: Int64
  var versionDigest: Int64

  /// As it stands in the register.
  var text: String {
    let digest = String(UInt64(bitPattern: versionDigest), radix: 16)
    return "\(extractID) \(versionTime).\(String(repeating: "0", count: 16 - digest.count))\(digest)"
  }
}

/// The extracts in force: all that publication knows of, less those that a later admitted one for the same
/// organisation, source and period replaces.
struct ReleaseInputs: Equatable, Sendable {
  /// In order of extract id.
  var inputs: [ReleaseInput]

  var text: String { inputs.map(\.text).joined(separator: "\n") }

  /// - Throws: ``ReleaseError`` when there is none, or when one is not balanced.
  init(_ database: Connection) throws {
    let rows = try database.query(
      """
      select b.extract_id, b.version_time, b.version_digest, b.admitted, b.accounted, b.balanced
      from extract_balance b
      where not exists (
        select from extract_balance later
        where later.organisation = b.organisation and later.source = b.source and later.period = b.period
          and later.admitted is not null
          and (later.version_time, later.version_digest) > (b.version_time, b.version_digest))
      order by b.extract_id collate "C"
      """)
    guard (0..<rows.count).contains(where: { !rows.isNull($0, 3) }) else { throw ReleaseError.noExtract }
    let unbalanced = (0..<rows.count).filter { !rows.bool($0, 5) }.map { row in
      ReleaseError.Unbalanced(
        extractID: rows.text(row, 0), admitted: rows.isNull(row, 3) ? nil : rows.int(row, 3),
        accounted: rows.int(row, 4))
    }
    guard unbalanced.isEmpty else { throw ReleaseError.unbalanced(unbalanced) }
    inputs = (0..<rows.count).map {
      ReleaseInput(extractID: rows.text($0, 0), versionTime: rows.int($0, 1), versionDigest: rows.int($0, 2))
    }
  }
}

/// Why nothing was released.
enum ReleaseError: Error, Equatable, CustomStringConvertible {
  struct Unbalanced: Equatable, Sendable {
    var extractID: String
    /// Nil: records have come, the receipt that says how many there are has not.
    var admitted: Int64?
    var accounted: Int64
  }

  case noDefinition(dataset: String, known: [String])
  case noExclusions(purpose: String)
  case notSetUp
  case noExtract
  case unbalanced([Unbalanced])
  case cutIncomplete(seconds: Int, tags: Int64, of: Int64)
  /// A stage says that nothing may be released, and why.
  case held([String])
  case mixedRegimes([String])
  /// Records of these organisations contradict an objection.
  case objectionsViolated([ObjectionCheck.Line])
  case otherRegime(regime: String, earlier: String, earlierRegime: String)
  case brokenRegister(seq: Int64)
  case file(path: String, reason: String)

  var description: String {
    switch self {
    case .noDefinition(let dataset, let known):
      "there is no dataset '\(dataset)'; there are \(known.joined(separator: ", "))"
    case .noExclusions(let purpose): "no exclusion list is meant for the purpose '\(purpose)'"
    case .notSetUp: "the publication service has never run on this database; start it first"
    case .noExtract: "no extract has been admitted yet: there is nothing to release"
    case .unbalanced(let extracts):
      "not every admitted record has reached publication:\n"
        + extracts.map { extract in
          guard let admitted = extract.admitted else {
            return "  - extract \(extract.extractID): \(extract.accounted) records here, its receipt has not come"
          }
          return "  - extract \(extract.extractID): \(admitted - extract.accounted) of \(admitted) records missing"
        }.joined(separator: "\n")
    case .cutIncomplete(let seconds, let tags, let total):
      "the cut was not complete after \(seconds) s (\(tags) of \(total) marks have come); do all services run?"
    case .held(let reasons): "nothing may be released now:\n" + reasons.map { "  - \($0)" }.joined(separator: "\n")
    case .mixedRegimes(let regimes):
      """
      the services do not agree on which objections are honoured (\(regimes.map { "'\($0)'" }.joined(separator: ", "))): \
      give all instances of ingestion the same settings, wait, and try again
      """
    case .objectionsViolated(let lines):
      """
      records that an objection covers have reached the facts, so nothing is released; this is a fault of the system:

      """
        + lines.map { "  - organisation \($0.organisation): \($0.violations) of \($0.facts) records" }
        .joined(separator: "\n")
    case .otherRegime(let regime, let earlier, let earlierRegime):
      """
      release \(earlier) went to the same recipient from the same extracts and honours other objections \
      ('\(earlierRegime)', now '\(regime)'): the two together would show who objects
      """
    case .brokenRegister(let seq): "the release register was changed: entry \(seq) does not continue the chain"
    case .file(let path, let reason): "\(path) cannot be written: \(reason)"
    }
  }
}
