import Foundation
import Postgres
import Testing

@testable import caredata

@Suite struct PrivatePostgresTests {
  private let directory = temporaryDirectory()

  private func remove() { try? FileManager.default.removeItem(atPath: directory) }

  private func place(_ state: String) throws -> ClusterPlace {
    try ClusterPlace.find(directory: state, alternative: "\(directory)/alternative")
  }

  private func socketDirectory(_ conninfo: String) -> String {
    String(conninfo.split(separator: " ")[0].dropFirst("host=".count))
  }

  @Test func `starts, keeps its data over a stop and leaves nothing behind`() throws {
    defer { remove() }
    let state = "\(directory)/a folder's name/postgres"
    let cluster = PrivatePostgres(directory: state)
    let conninfo = try cluster.start()
    #expect(try cluster.start() == conninfo)
    try Connection(conninfo).execute("create table kept as select 1::bigint as n")
    let settings = try Connection(conninfo).query(
      """
      select current_setting('listen_addresses'), current_setting('server_encoding'), current_setting('fsync'),
        (select datcollate::text from pg_database where datname = current_database())
      """)
    #expect((0..<4).map { settings.text(0, $0) } == ["", "UTF8", "on", "C"])

    // Ctrl-C reaches the foreground process group of our session only.
    let place = try place(state)
    let postmaster = try #require(place.postmaster())
    #expect(getsid(postmaster) != getsid(0))
    #expect(getpgid(postmaster) != getpgid(0))

    // A second parent would take the database from under the first.
    #expect(throws: PrivatePostgresError.self) { try PrivatePostgres(directory: state).start() }

    try cluster.stop()
    try cluster.stop()
    #expect(try place.processes() == [])
    #expect(!FileManager.default.fileExists(atPath: socketDirectory(conninfo)))

    let again = try cluster.start()
    #expect(try Connection(again).query("select n from kept").int(0, 0) == 1)
    try cluster.stop()
  }

  @Test func `comes back after a crash with all that was committed`() throws {
    defer { remove() }
    try TestCluster.copyFreshCluster(to: directory)
    let cluster = PrivatePostgres(directory: directory)
    let connection = try Connection(try cluster.start())
    try connection.execute("create table kept (n bigint)")
    try connection.transaction { try connection.query("insert into kept values ($1)", [.int(7)]) }
    cluster.kill()
    #expect(postgresError { try connection.execute("select 1") }?.kind == .connection)
    #expect(try Connection(try cluster.start()).query("select n from kept").int(0, 0) == 7)
    try cluster.stop()
  }

  @Test func `starts again after its postmaster was killed while a session was busy`() throws {
    defer { remove() }
    try TestCluster.copyFreshCluster(to: directory)
    let cluster = PrivatePostgres(directory: directory)
    let conninfo = try cluster.start()
    let place = try place(directory)
    let observer = try Connection(conninfo)
    try observer.execute("create table kept as select 1::bigint as n")
    let postmaster = try #require(place.postmaster())
    // This session notices nothing of the postmaster's death while it computes, and would keep a new one out.
    Thread {
      try? Connection(conninfo).execute("select sum(n) from generate_series(1, 100000000000) as n")
    }.start()
    let isBusy = "select exists (select from pg_stat_activity where state = 'active' and query like 'select sum%')"
    while try !observer.query(isBusy).bool(0, 0) {}
    #expect(cluster.isAlive)
    kill(postmaster, SIGKILL)
    while cluster.isAlive {}
    let again = try cluster.start()
    #expect(cluster.isAlive)
    #expect(again == conninfo, "clients that wait for it would not find it")
    #expect(try Connection(again).query("select n from kept").int(0, 0) == 1)
    try cluster.stop()
    #expect(try place.processes() == [])
  }

  @Test func `the file of a dead postmaster whose process id lives on does not keep it from starting`() throws {
    defer { remove() }
    try TestCluster.copyFreshCluster(to: directory)
    let cluster = PrivatePostgres(directory: directory)
    _ = try cluster.start()
    let file = "\(directory)/data/postmaster.pid"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try cluster.stop()
    // A process of the same user, as a container's low process ids make likely.
    let other = try TestCluster.connect().query("select pid from pg_stat_activity where backend_type = 'checkpointer'")
    let tail = text.drop { $0 != "\n" }
    try "\(other.int(0, 0))\(tail)".write(toFile: file, atomically: false, encoding: .utf8)
    #expect(try Connection(try cluster.start()).isUsable)
    try cluster.stop()
  }

  @Test func `an initdb cut short is done again`() throws {
    defer { remove() }
    try FileManager.default.createDirectory(atPath: "\(directory)/data.new/base", withIntermediateDirectories: true)
    if geteuid() == 0 { try PostgresPrograms.Account.current().own("\(directory)/data.new") }
    let cluster = PrivatePostgres(directory: directory)
    #expect(throws: Never.self) { try cluster.start() }
    try cluster.stop()
  }

  @Test func `is stopped when its parent is killed, and the successor finds its data`() async throws {
    // The child process of an exit test takes its directory from the environment, which it inherits.
    setenv("CAREDATA_TEST_CLUSTER", directory, 1)
    defer { remove() }
    try TestCluster.copyFreshCluster(to: directory)
    await #expect(processExitsWith: .signal(SIGKILL)) {
      let directory = try #require(ProcessInfo.processInfo.environment["CAREDATA_TEST_CLUSTER"])
      let conninfo = try PrivatePostgres(directory: directory).start()
      try Connection(conninfo).execute("create table kept as select 1::bigint as n")
      kill(getpid(), SIGKILL)
    }
    // The lock is free once the supervisor has done its work.
    try DirectoryLock.acquire(directory).release()
    let place = try place(directory)
    #expect(try place.processes() == [])
    #expect(place.postmaster() == nil)
    let cluster = PrivatePostgres(directory: directory)
    #expect(try Connection(try cluster.start()).query("select n from kept").int(0, 0) == 1)
    try cluster.stop()
  }

  @Test(.enabled(if: geteuid() == 0, "only root's folders are out of reach of the user postgres"))
  func `a folder that the user postgres cannot reach is replaced by one that it can`() throws {
    defer { remove() }
    let closed = "\(directory)/closed"
    try FileManager.default.createDirectory(
      atPath: closed, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let cluster = PrivatePostgres(directory: "\(closed)/postgres", alternative: "\(directory)/alternative")
    for _ in 0..<2 {
      let connection = try Connection(try cluster.start())
      try connection.execute("create table if not exists kept as select 1::bigint as n")
      let data = try connection.query("select current_setting('data_directory')").text(0, 0)
      #expect(data.hasPrefix("\(directory)/alternative/cluster-"))
      connection.close()
      try cluster.stop()
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory)/alternative").count == 1)

    let hopeless = PrivatePostgres(directory: "\(closed)/other", alternative: "\(closed)/alternative")
    #expect(throws: PrivatePostgresError.self) { try hopeless.start() }
  }

  @Test func `a version that is not installed and a path that a shell would change are refused`() throws {
    defer { remove() }
    #expect(throws: PrivatePostgresError.self) { try PostgresPrograms.find(version: 8) }
    #expect(throws: PrivatePostgresError.self) { try PostgresPrograms.find(version: nil, in: directory) }
    #expect(throws: PrivatePostgresError.self) { try PrivatePostgres(directory: "\(directory)/$HOME").start() }
  }
}

@Test(arguments: [(1 << 28, 128), (4 << 30, 1_024), (24 << 30, 6_144), (1 << 40, 8_192)] as [(UInt64, UInt64)])
func `a quarter of the machine's memory is for pages, within bounds`(total: UInt64, expected: UInt64) {
  #expect(MachineMemory.sharedBuffers(of: total) == expected)
  #expect(MachineMemory.total > 1 << 28)
}
