import Postgres

/// Under which version of the linkage key the tokens are that linkage has stored.
///
/// Linkage holds no key: a job with pseudonymisation's keys puts them under another one, in linkage's schema. So this is what
/// the two have in common.
public enum StoredTokens {
  /// Was there before versions were written down.
  public static let firstVersion: Int64 = 1

  /// `parked.value` is a message of `pseudonymised` whose tokens are under `key_version`, `digest` that of the message as it
  /// came: by it one that comes again is known.
  public static let migrationSQL = """
    create table token_version (version bigint not null, target bigint);
    insert into token_version values (\(firstVersion), null);
    create table parked (
      id bigint generated always as identity primary key, record_id bytea not null, digest bytea not null,
      partition int not null, key bytea not null, value bytea not null, key_version bigint not null,
      unique (record_id, digest));
    alter table parked alter column value set storage external;
    create index on parked (key_version);
    """

  /// What was parked and has gone out, until the key is replaced again. A batch with a marker waits for what is parked and
  /// comes again, with the messages that were parked from it: parked anew they would keep it waiting for ever.
  public static let handledMigrationSQL = """
    create table handled (record_id bytea, digest bytea, primary key (record_id, digest));
    """

  public struct State: Equatable, Sendable {
    public let version: Int64
    /// While the job is under way, or was ended before it was done.
    public let target: Int64?
  }

  public static let wait = StageWait("stored tokens to be put under the present linkage key: caredata keys reencrypt")

  public static func state(_ database: Connection) throws -> State {
    let rows = try database.query("select version, target from token_version")
    return State(version: rows.int(0, 0), target: rows.isNull(0, 1) ? nil : rows.int(0, 1))
  }

  /// - Throws: `StageWait` while tokens of two versions may be stored.
  public static func current(_ database: Connection) throws -> Int64 {
    let state = try state(database)
    guard state.target == nil else { throw wait }
    return state.version
  }

  public static func set(_ version: Int64, target: Int64?, _ database: Connection) throws {
    try database.query(
      "update token_version set version = $1, target = nullif($2, 0)", [.int(version), .int(target ?? 0)])
  }
}
