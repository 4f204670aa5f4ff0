import COpenSSL
import Glibc

/// What a service has in memory stays there: identities while they are replaced, keys, a passphrase in its environment.
public enum ProcessSecrecy {
  /// No core file when it crashes, and nobody but the administrator looks into its memory, not even another service of
  /// the same user.
  public static func begin() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    caredata_forbid_dumps()
  }
}
