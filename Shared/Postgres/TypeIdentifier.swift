import CPostgres

/// A type's object identifier, fixed for built-in types (PostgreSQL's catalogue, pg_type.dat).
struct TypeIdentifier: Hashable, Sendable {
  let rawValue: Oid

  /// The server infers the type; right for nulls only, whose encoding is the same for every type.
  static let inferred = TypeIdentifier(rawValue: 0)
  static let bool = TypeIdentifier(rawValue: 16)
  static let bytea = TypeIdentifier(rawValue: 17)
  static let name = TypeIdentifier(rawValue: 19)
  static let int8 = TypeIdentifier(rawValue: 20)
  static let int2 = TypeIdentifier(rawValue: 21)
  static let int4 = TypeIdentifier(rawValue: 23)
  static let text = TypeIdentifier(rawValue: 25)
  static let float4 = TypeIdentifier(rawValue: 700)
  static let float8 = TypeIdentifier(rawValue: 701)
  static let date = TypeIdentifier(rawValue: 1082)
  static let bpchar = TypeIdentifier(rawValue: 1042)
  static let varchar = TypeIdentifier(rawValue: 1043)
  static let byteaArray = TypeIdentifier(rawValue: 1001)
  static let int2Array = TypeIdentifier(rawValue: 1005)
  static let int4Array = TypeIdentifier(rawValue: 1007)
  static let textArray = TypeIdentifier(rawValue: 1009)
  static let varcharArray = TypeIdentifier(rawValue: 1015)
  static let int8Array = TypeIdentifier(rawValue: 1016)
}

/// PostgreSQL counts days from 2000-01-01, the project from 1970-01-01.
let daysFrom1970To2000: Int32 = 10_957
