import Postgres

/// Serialises the transactions of all instances that decide on persons or append to the outbox.
///
/// Two batches on different partitions can touch the same person, each through rows that the other does not read (one
/// adds the second strong cluster that shares a demographics token, one an observation without number under it), so
/// row locks would not do, and locks taken in the order of arrival deadlock. One lock does, with the statements after
/// it seeing everything committed before. The transaction is short, and what surrounds it (consuming, sending) runs
/// beside the others'. Outbox entries also get their ids in the order of commit.
public enum LinkageLock {
  private static let key: Int64 = 0x6361_7265_6c69_6e6b

  /// Until the end of the transaction.
  ///
  /// - Throws: `StageWait` where somebody holds it for longer than a transaction of linkage takes.
  public static func take(_ database: Connection) throws {
    try database.execute("set local lock_timeout = '20s'")
    do {
      try database.query("select pg_advisory_xact_lock($1 # hashtext(current_schema())) is null", [.int(key)])
    } catch let error as PostgresError where error.sqlState == "55P03" {
      throw StageWait("another transaction of linkage to end")
    }
    try database.execute("set local lock_timeout = 0")
  }
}
