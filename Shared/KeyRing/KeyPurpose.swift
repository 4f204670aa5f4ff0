import Cryptography

/// A service that holds keys of its own. The objection filter and linkage hold none.
public enum KeyService: String, CaseIterable, Codable, Sendable {
  case ingestion, pseudonymisation, publication
}

/// What a key is for. Each purpose has keys of its own, each belongs to one service.
public enum KeyPurpose: String, CaseIterable, Codable, Sendable, Hashable {
  /// Opens what connectors seal at the practice.
  case extracts
  /// Names of records and registrations.
  case records
  /// Names of persons within the identifiable zone, beneath the outer layer of ``routing``.
  case persons
  /// Outer layer of routing tokens.
  case routing
  /// Seals what is staged in ingestion's own tables.
  case staging
  /// Opens identity sections.
  case identity
  /// Root of link tokens and withdrawal tokens, beneath the outer layer of ``linkage``.
  case tokens
  /// Outer layer of link tokens.
  case linkage
  /// Opens clinical sections.
  case clinical
  /// Opens attribute sections.
  case attributes
  /// Root of the pseudonyms that recipients of records get.
  case recipients

  /// Among ``allCases``.
  public var place: Int {
    switch self {
    case .extracts: 0
    case .records: 1
    case .persons: 2
    case .routing: 3
    case .staging: 4
    case .identity: 5
    case .tokens: 6
    case .linkage: 7
    case .clinical: 8
    case .attributes: 9
    case .recipients: 10
    }
  }

  public var service: KeyService {
    switch self {
    case .extracts, .records, .persons, .routing, .staging: .ingestion
    case .identity, .tokens, .linkage: .pseudonymisation
    case .clinical, .attributes, .recipients: .publication
    }
  }

  public var algorithm: KeyAlgorithm {
    switch self {
    case .extracts, .identity, .clinical, .attributes: .x25519
    case .records, .persons, .tokens, .recipients: .hmacSHA256
    case .routing, .linkage: .aes256
    case .staging: .aes256GCM
    }
  }

  /// Names and pseudonyms that must stay as they are for ever have keys that are never replaced.
  public var isRotatable: Bool { algorithm != .hmacSHA256 }

  /// Another service that needs the secret too; it gets it sealed to its own key.
  public var sharedWith: KeyPurpose? { self == .routing ? .identity : nil }

  public static func of(_ service: KeyService) -> [KeyPurpose] { allCases.filter { $0.service == service } }
}

public enum KeyAlgorithm: String, Codable, Sendable {
  /// Key agreement (RFC 7748), the private half; content is sealed by HKDF-SHA256 and AES-256-GCM.
  case x25519 = "X25519"
  /// Names and roots that others are derived from.
  case hmacSHA256 = "HMAC-SHA256"
  /// A permutation of single blocks.
  case aes256 = "AES-256"
  case aes256GCM = "AES-256-GCM"
}

public enum KeyState: String, Codable, Sendable {
  /// Seals and opens. Exactly one of each purpose.
  case active
  /// Opens what was sealed before, and seals nothing.
  case opening
  /// Its secret is destroyed; the entry stays as the memory that it was.
  case retired
}
