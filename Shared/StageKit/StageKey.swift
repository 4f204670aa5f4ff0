import Cryptography

/// The key files a stage may read. A missing, unreadable or wrongly shaped key stops the service: nothing passes.
public enum StageKey {
  /// - Parameter name: file `NAME.key` in `directory`.
  public static func read(_ name: String, in directory: String) throws -> SecretKey {
    do {
      return try KeyFile.read("\(directory)/\(name).key")
    } catch {
      throw StageError(.key, "the key file \(directory)/\(name).key cannot be used: \(error)")
    }
  }
}
