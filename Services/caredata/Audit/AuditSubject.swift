import Cryptography

/// How the audit log names a person or record: who knows a token can look for what was asked about it, and nobody can
/// come from the log to the token.
enum AuditSubject {
  /// 32 hexadecimal digits. Tokens are keyed or random, so that trying them out leads nowhere.
  static func digest(_ token: Token16) -> String {
    String(hexadecimal(SHA256Digest.hash(Array("caredata audit subject".utf8) + token.bytes)).prefix(32))
  }
}
