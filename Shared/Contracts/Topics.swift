/// Who may see what travels in a topic.
public enum Zone: String, Sendable {
  case identifiable, pseudonymised, published, control
}

/// The stages by the name that appears in topics, consumer groups, schemas and metrics.
public enum StageName: String, CaseIterable, Sendable {
  case ingestion
  case objectionFilter = "objection-filter"
  case pseudonymisation
  case linkage
  case publication

  /// PostgreSQL schema that the stage owns.
  public var schema: String { self == .objectionFilter ? "objection_filter" : rawValue }
}

/// One topic of the system: what it carries, who owns it and who reads it.
public struct Topic: Hashable, Sendable {
  public enum Cleanup: String, Sendable { case delete, compact }

  /// Name without prefix.
  public let name: String
  public let key: String
  public let value: String
  public let retentionDays: Int
  public let cleanup: Cleanup
  /// The one writer; connectors and the command line write where it is `nil`.
  public let owner: StageName?
  public let readers: [StageName]
  public let zone: Zone

  public static let extracts = Topic(
    name: "extracts", key: "SHA-256 of organisation and patient reference; manifests: extract id",
    value: "ExtractMessage", retentionDays: 7, cleanup: .delete, owner: nil, readers: [.ingestion], zone: .identifiable)
  public static let objections = Topic(
    name: "objections", key: "as sent", value: "ObjectionMessage", retentionDays: 7, cleanup: .delete, owner: nil,
    readers: [.ingestion], zone: .identifiable)
  public static let practices = Topic(
    name: "practices", key: "organisation code", value: "PracticeEnrolment", retentionDays: 7, cleanup: .compact,
    owner: nil, readers: [.ingestion], zone: .control)
  public static let validated = Topic(
    name: "validated", key: "routing token", value: "Envelope", retentionDays: 14, cleanup: .delete, owner: .ingestion,
    readers: [.objectionFilter], zone: .identifiable)
  public static let permitted = Topic(
    name: "permitted", key: "routing token", value: "Envelope", retentionDays: 14, cleanup: .delete,
    owner: .objectionFilter, readers: [.pseudonymisation], zone: .identifiable)
  public static let pseudonymised = Topic(
    name: "pseudonymised", key: "record id", value: "Envelope", retentionDays: 14, cleanup: .delete,
    owner: .pseudonymisation, readers: [.linkage], zone: .pseudonymised)
  public static let linked = Topic(
    name: "linked", key: "record id", value: "Envelope", retentionDays: 14, cleanup: .delete, owner: .linkage,
    readers: [.publication], zone: .pseudonymised)
  public static let releases = Topic(
    name: "releases", key: "dataset name", value: "release manifest, JSON", retentionDays: 14, cleanup: .compact,
    owner: .publication, readers: [], zone: .published)
  /// Acceptance by ingestion, disposition by the objection filter, balance by publication.
  public static let receipts = Topic(
    name: "receipts", key: "extract id or objection submission id", value: "Receipt", retentionDays: 14,
    cleanup: .delete, owner: .ingestion, readers: [.ingestion, .objectionFilter, .publication], zone: .control)

  public static func rejected(_ stage: StageName) -> Topic {
    Topic(
      name: "rejected.\(stage.rawValue)", key: "source topic/partition/offset", value: "rejection, JSON",
      retentionDays: 30, cleanup: .delete, owner: stage, readers: [], zone: .control)
  }

  public static func dataset(_ name: String) -> Topic {
    Topic(
      name: "dataset.\(name)", key: "cell key", value: "row, JSON", retentionDays: 14, cleanup: .delete,
      owner: .publication, readers: [], zone: .published)
  }

  /// Everything that `caredata topics apply` creates, given the names of the datasets.
  public static func all(datasets: [String]) -> [Topic] {
    [extracts, objections, practices, validated, permitted, pseudonymised, linked, releases, receipts]
      + StageName.allCases.map(rejected) + datasets.map(dataset)
  }
}

/// Topic names and partition counts of one installation.
public struct TopicLayout: Hashable, Sendable {
  public var prefix: String
  public var partitions: Int

  public init(prefix: String = "caredata.", partitions: Int = 12) {
    self.prefix = prefix
    self.partitions = partitions
  }

  public func name(_ topic: Topic) -> String { prefix + topic.name }

  /// Consumer group of a stage.
  public func group(_ stage: StageName) -> String { prefix + stage.rawValue }

  /// Topic name -> groups that read it, for the bound on bytes ahead of the slowest reader.
  public func readers(datasets: [String] = []) -> [String: [String]] {
    var groups: [String: [String]] = [:]
    for topic in Topic.all(datasets: datasets) where !topic.readers.isEmpty {
      groups[name(topic)] = topic.readers.map(group)
    }
    return groups
  }

  /// Partition of a keyed token: its first four bytes, big-endian, modulo the partition count.
  public func partition(of token: UnsafeRawBufferPointer) -> Int32 {
    precondition(token.count >= 4, "a token has 16 bytes")
    let head = UInt32(bigEndian: token.loadUnaligned(as: UInt32.self))
    return Int32(head % UInt32(partitions))
  }

  /// Partition of a text key: FNV-1a modulo the partition count.
  public func partition(ofText key: String) -> Int32 {
    var hash: UInt32 = 2_166_136_261
    for byte in key.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    return Int32(hash % UInt32(partitions))
  }

  public func partition(of token: [UInt8]) -> Int32 { token.withUnsafeBytes { partition(of: $0) } }
}
