import Postgres
import Testing

@Suite struct CopyTests {
  private func makeTable(_ connection: Connection) throws {
    try connection.execute(
      """
      create temporary table copied (
        flag boolean, small smallint, middle integer, large bigint, name text, token bytea, ratio double precision,
        day date, smalls smallint[], middles integer[], larges bigint[], names text[], tokens bytea[])
      """)
  }

  @Test func `a hundred thousand rows of every type arrive as written`() throws {
    let connection = try TestCluster.connect()
    try makeTable(connection)
    let count = 100_000
    let copied = try connection.copyIn("copy copied from stdin (format binary)") { writer in
      for row in 0..<count {
        writer.row(13)
        if row % 10 == 0 {
          for _ in 0..<13 { writer.null() }
          continue
        }
        writer.bool(row % 2 == 0)
        writer.int2(Int16(row % 1000))
        writer.int4(Int32(row))
        writer.int8(Int64(row) << 32)
        writer.text("name é \(row)")
        writer.bytes([UInt8](repeating: UInt8(row & 0xFF), count: 16))
        writer.double(Double(row) / 4)
        writer.date(day1970: Int32(row % 20_000) - 10_000)
        writer.int2Array([Int16(row % 7), -1])
        writer.int4Array(row % 3 == 0 ? [] : [Int32(row)])
        writer.int8Array([Int64(row), .min])
        writer.textArray(["", "x\(row)"])
        writer.bytesArray([[7, 7, 7], []])
      }
    }
    #expect(copied == count)
    let sums = try connection.query(
      """
      select count(*), count(flag), sum(middle)::bigint, count(*) filter (where flag), sum(ratio),
        count(*) filter (where large = middle::bigint << 32 and small = middle % 1000
          and name = 'name é ' || middle and token = decode(repeat(lpad(to_hex(middle & 255), 2, '0'), 16), 'hex')
          and day = date '1970-01-01' + (middle % 20000) - 10000 and smalls = array[middle % 7, -1]::smallint[]
          and middles = case when middle % 3 = 0 then '{}' else array[middle] end
          and larges = array[middle, -9223372036854775808] and names = array['', 'x' || middle]
          and tokens = array['\\x070707'::bytea, ''])
      from copied
      """)
    let written = (0..<count).filter { $0 % 10 != 0 }
    #expect(sums.int(0, 0) == Int64(count))
    #expect(sums.int(0, 1) == Int64(written.count))
    #expect(sums.int(0, 2) == Int64(written.reduce(0, +)))
    #expect(sums.int(0, 3) == Int64(written.count { $0 % 2 == 0 }))
    #expect(sums.double(0, 4) == Double(written.reduce(0, +)) / 4)
    #expect(sums.int(0, 5) == Int64(written.count))
  }

  @Test func `a field larger than the buffer arrives whole`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table large (n bigint, body bytea)")
    let body = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for _ in 0..<2 {
      try connection.copyIn("copy large from stdin (format binary)") { writer in
        for number in 0..<3 {
          writer.row(2)
          writer.int8(Int64(number))
          body.withUnsafeBytes { writer.bytes($0) }
        }
      }
    }
    #expect(try connection.query("select count(*) from large where body = $1", [.bytes(body)]).int(0, 0) == 6)
  }

  @Test func `no rows are a valid COPY`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table empty (n bigint)")
    #expect(try connection.copyIn("copy empty from stdin (format binary)") { _ in } == 0)
  }

  @Test func `a COPY whose writer throws keeps nothing and frees the connection`() throws {
    struct Cancelled: Error {}
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table partial (n bigint)")
    #expect(throws: Cancelled.self) {
      try connection.copyIn("copy partial from stdin (format binary)") { writer in
        for number in 0..<100_000 {
          writer.row(1)
          writer.int8(Int64(number))
        }
        throw Cancelled()
      }
    }
    #expect(try connection.query("select count(*) from partial").int(0, 0) == 0)
  }

  @Test func `a row that the table refuses fails the COPY and leaves the connection usable`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table keyed (n bigint primary key)")
    let error = postgresError {
      try connection.copyIn("copy keyed from stdin (format binary)") { writer in
        for number in 0..<50_000 {
          writer.row(1)
          writer.int8(Int64(number % 49_000))
        }
      }
    }
    #expect(error?.sqlState == "23505")
    #expect(error?.constraint == "keyed_pkey")
    #expect(try connection.query("select count(*) from keyed").int(0, 0) == 0)
  }

  @Test func `COPY needs copyIn and copyIn needs COPY`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table plain (n bigint)")
    #expect(postgresError { try connection.execute("copy plain from stdin (format binary)") }?.kind == .statement)
    #expect(postgresError { try connection.copyIn("select 1") { _ in } }?.kind == .statement)
    #expect(try connection.query("select 1::bigint").int(0, 0) == 1)
    #expect(postgresError { try connection.execute("copy plain to stdout") }?.kind == .connection)
    #expect(!connection.isUsable)
  }
}
