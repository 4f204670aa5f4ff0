import COpenSSL
import Glibc

/// Keys derived from keys: HKDF with SHA-256 (RFC 5869).
public enum HKDFSHA256 {
  /// A key for one purpose, from a secret that may serve many.
  ///
  /// - Parameters:
  ///   - secret: uniformly random, or the outcome of a key agreement.
  ///   - info: fields that name the purpose; each goes in behind its length (4 bytes, big-endian), so that no two lists
  ///     of fields give one key.
  public static func key(
    from secret: UnsafeRawBufferPointer, salt: [UInt8] = [], info: [[UInt8]]
  ) throws(CryptographyError) -> SecretKey {
    var encoded: [UInt8] = []
    for field in info {
      withUnsafeBytes(of: UInt32(field.count).bigEndian) { encoded.append(contentsOf: $0) }
      encoded.append(contentsOf: field)
    }
    var failure: CryptographyError?
    let key = SecretKey { buffer in
      do throws(CryptographyError) {
        try derive(from: secret, salt: salt, info: encoded, into: buffer)
      } catch { failure = error }
    }
    if let failure { throw failure }
    return key
  }

  public static func key(from secret: SecretKey, salt: [UInt8] = [], info: String...) throws(CryptographyError)
    -> SecretKey
  {
    let fields = info.map { Array($0.utf8) }
    return try secret.withUnsafeBytes { (bytes) throws(CryptographyError) in
      try key(from: bytes, salt: salt, info: fields)
    }
  }

  /// Fills `output`, at most 8,160 bytes, as the RFC says.
  static func derive(
    from secret: UnsafeRawBufferPointer, salt: [UInt8], info: [UInt8], into output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    let context = KDFContext("HKDF")
    guard let context else { throw CryptographyError.drained(.library, "setting up HKDF") }
    var (digest, salt, info) = (Array("SHA256".utf8CString), salt, info)
    let status = digest.withUnsafeMutableBufferPointer { digest in
      salt.withUnsafeMutableBytes { salt in
        info.withUnsafeMutableBytes { info in
          context.derive(
            into: output,
            [
              (OSSL_KDF_PARAM_DIGEST, .text(digest.baseAddress)),
              (OSSL_KDF_PARAM_KEY, .bytes(UnsafeMutableRawBufferPointer(mutating: secret))),
              (OSSL_KDF_PARAM_SALT, .bytes(salt)), (OSSL_KDF_PARAM_INFO, .bytes(info)),
            ])
        }
      }
    }
    guard status else { throw CryptographyError.drained(.library, "deriving a key") }
  }
}

/// One derivation by one of libcrypto's key derivation functions.
struct KDFContext: ~Copyable {
  enum Value {
    case text(UnsafeMutablePointer<CChar>?)
    case bytes(UnsafeMutableRawBufferPointer)
    case number(UInt64)
  }

  private let context: OpaquePointer

  init?(_ name: String) {
    let function = EVP_KDF_fetch(nil, name, nil)
    // The context holds a reference of its own.
    defer { EVP_KDF_free(function) }
    guard let function, let context = EVP_KDF_CTX_new(function) else { return nil }
    self.context = context
  }

  deinit { EVP_KDF_CTX_free(context) }

  /// Whether `output` was filled.
  func derive(into output: UnsafeMutableRawBufferPointer, _ values: [(name: String, value: Value)]) -> Bool {
    // Parameters keep pointers to their names, so the texts must live until the call is over.
    let names = values.map { strdup($0.name) }
    let numbers = UnsafeMutablePointer<UInt64>.allocate(capacity: values.count)
    defer {
      for name in names { free(name) }
      numbers.deallocate()
    }
    var parameters = zip(names, values).enumerated().map { place, item in
      let (name, item) = item
      switch item.value {
      case .text(let text): return OSSL_PARAM_construct_utf8_string(name, text, 0)
      case .bytes(let bytes): return OSSL_PARAM_construct_octet_string(name, bytes.baseAddress, bytes.count)
      case .number(let number):
        numbers[place] = number
        return OSSL_PARAM_construct_uint64(name, numbers + place)
      }
    }
    parameters.append(OSSL_PARAM_construct_end())
    return EVP_KDF_derive(
      context, output.assumingMemoryBound(to: UInt8.self).baseAddress, output.count, parameters) == 1
  }
}
