/// The names by which one resource refers to another.
///
/// `Patient/7`, `https://server/fhir/Patient/7/_history/2` and `Patient/7` within a Bundle of that server mean the same
/// resource; `urn:uuid:…` means the entry with that `fullUrl`.
enum FHIRReference {
  /// The name of what a reference points to; nil when it cannot be a resource of this type.
  static func name(_ reference: String, type: String) -> String? {
    if isURN(reference) { return reference }
    var parts = reference.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count > 3, parts[parts.count - 2] == "_history" { parts.removeLast(2) }
    guard parts.count >= 2, let id = parts.last, isID(id), parts[parts.count - 2] == type else { return nil }
    return "\(type)/\(id)"
  }

  /// The names that others may use for a resource.
  static func names(type: String, id: String?, fullURL: String?) -> [String] {
    var names: [String] = []
    if let id { names.append("\(type)/\(id)") }
    if let fullURL, let name = name(fullURL, type: type), !names.contains(name) { names.append(name) }
    return names
  }

  private static func isURN(_ text: String) -> Bool { text.hasPrefix("urn:uuid:") || text.hasPrefix("urn:oid:") }

  private static func isID(_ text: Substring) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
      }
  }
}
