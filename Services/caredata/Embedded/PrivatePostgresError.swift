/// Why the private PostgreSQL cluster cannot serve; the text says what to do about it.
struct PrivatePostgresError: Error, CustomStringConvertible {
  let description: String
}
