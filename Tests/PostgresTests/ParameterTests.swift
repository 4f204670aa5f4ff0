import Testing

@testable import Postgres

@Suite struct ParameterTests {
  @Test func `integers come back as sent`() throws {
    let connection = try TestCluster.connect()
    for value: Int64 in [0, 1, -1, 42, .max, .min] {
      #expect(try connection.query("select $1", [.int(value)]).int(0, 0) == value)
    }
    let narrow = try connection.query("select $1::smallint, $1::integer, $1::bigint", [.int(-32768)])
    #expect((0..<3).map { narrow.int(0, $0) } == [-32768, -32768, -32768])
  }

  @Test func `text comes back as sent`() throws {
    let connection = try TestCluster.connect()
    for value in ["", "plain", "Zoë's \"naïve\" 🏥 \\ $1\n\t", String(repeating: "ß", count: 600_000)] {
      #expect(try connection.query("select $1", [.text(value)]).text(0, 0) == value)
    }
  }

  @Test func `bytes come back as sent`() throws {
    let connection = try TestCluster.connect()
    for value: [UInt8] in [[], [0], Array(0...255), [UInt8](repeating: 0xA5, count: 1 << 20)] {
      let rows = try connection.query("select $1", [.bytes(value)])
      #expect(rows.bytes(0, 0) == value)
      #expect(rows.withBytes(0, 0) { $0.count } == value.count)
    }
  }

  @Test func `booleans, floating-point numbers and dates come back as sent`() throws {
    let connection = try TestCluster.connect()
    let rows = try connection.query("select $1, $2", [.bool(true), .bool(false)])
    #expect(rows.bool(0, 0) && !rows.bool(0, 1))
    for value in [0.0, -0.0, 1.5, .infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.pi] {
      #expect(try connection.query("select $1", [.double(value)]).double(0, 0).bitPattern == value.bitPattern)
    }
    #expect(try connection.query("select $1", [.double(.nan)]).double(0, 0).isNaN)
    #expect(try connection.query("select 1.5::real").double(0, 0) == 1.5)
    let days = try connection.query("select $1, $1 = '1925-03-01', '1970-01-01'::date", [.date(-16377)])
    #expect(days.date(0, 0) == -16377)
    #expect(days.bool(0, 1))
    #expect(days.date(0, 2) == 0)
  }

  @Test func `arrays come back as sent, empty and large`() throws {
    let connection = try TestCluster.connect()
    for count in [0, 1, 100_000] {
      let integers = (0..<count).map { Int64($0) &* 0x1E37_79B9_7F4A_7C15 }
      let texts = (0..<count).map { $0 % 3 == 0 ? "" : "é\($0)" }
      let bytes = (0..<count).map { [UInt8](repeating: UInt8($0 & 0xFF), count: $0 % 17) }
      let rows = try connection.query(
        "select $1, $2, $3, cardinality($1), array_ndims($2)",
        [.intArray(integers), .textArray(texts), .bytesArray(bytes)])
      #expect(rows.intArray(0, 0) == integers)
      #expect(rows.textArray(0, 1) == texts)
      #expect(rows.bytesArray(0, 2) == bytes)
      #expect(rows.int(0, 3) == Int64(count))
      #expect(rows.isNull(0, 4) == (count == 0))
    }
    let narrow = try connection.query("select array[1, -2]::smallint[], array[3, -4]::integer[]")
    #expect(narrow.intArray(0, 0) == [1, -2])
    #expect(narrow.intArray(0, 1) == [3, -4])
  }

  @Test func `a null is null in every type`() throws {
    let connection = try TestCluster.connect()
    let rows = try connection.query(
      "select $1::boolean, $2::bigint, $3::text, $4::bytea, $5::double precision, $6::date",
      [.bool(orNull: nil), .int(orNull: nil), .text(orNull: nil), .bytes(orNull: nil), .double(orNull: nil), .null])
    #expect((0..<6).allSatisfy { rows.isNull(0, $0) })
    #expect(Parameter.int(orNull: 3) == .int(3))
    #expect(Parameter.date(orNull: 4) == .date(4))
  }

  @Test func `one statement takes a null first and a value later`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table narrow (value integer)")
    for value: Parameter in [.null, .int(7), .null, .int(8)] {
      #expect(try connection.query("insert into narrow values ($1)", [value]).affected == 1)
    }
    #expect(try connection.query("select count(value), sum(value) from narrow").int(0, 0) == 2)
  }

  @Test func `affected and returned rows are counted`() throws {
    let connection = try TestCluster.connect()
    try connection.execute("create temporary table counted as select generate_series(1, 10) as n")
    #expect(try connection.query("update counted set n = n + 1 where n > $1", [.int(6)]).affected == 4)
    let rows = try connection.query("select n from counted order by n")
    #expect(rows.count == 10 && rows.affected == 10)
    #expect(rows.int(9, 0) == 11)
    #expect(try connection.query("select 1 where false").count == 0)
  }

  @Test func `the statement cache stays bounded`() throws {
    let connection = try TestCluster.connect()
    for number in 0..<(StatementCache.limit + 40) {
      #expect(try connection.query("select $1 + \(number)", [.int(1)]).int(0, 0) == Int64(number) + 1)
    }
    let kept = try connection.query("select count(*) from pg_prepared_statements").int(0, 0)
    #expect(kept <= Int64(StatementCache.limit))
    #expect(try connection.query("select $1 + 0", [.int(1)]).int(0, 0) == 1)
  }
}
