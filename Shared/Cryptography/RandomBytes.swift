import COpenSSL

/// Bytes from libcrypto's random generator for private values.
///
/// Stops the program when there is no randomness: going on would mean predictable keys.
public func randomBytes(_ count: Int) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    fillWithRandomBytes(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])))
    filled = count
  }
}

func fillWithRandomBytes(_ buffer: UnsafeMutableRawBufferPointer) {
  guard !buffer.isEmpty else { return }
  guard RAND_priv_bytes(buffer.baseAddress, Int32(buffer.count)) == 1 else {
    fatalError("the system gives no random bytes")
  }
}
