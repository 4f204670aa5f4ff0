import Contracts
import Cryptography
import Foundation
import Kafka
import KeyRing
import Postgres

/// What is kept somewhere and can be opened with one key only.
struct KeyNeeds {
  let target: Installation

  /// Where the first such thing lies; nil when there is none. Reads retained topics from their beginning.
  ///
  /// - Throws: what keeps it from looking; then nobody knows.
  func need(of entry: KeyEntry) throws -> String? {
    switch entry.purpose {
    case .extracts:
      return try topics([.extracts, .objections], entry) { value in
        if case .sealed(let box) = try? ExtractMessage(binaryOrJSON: value).content { return [box.recipient] }
        if case .sealed(let box) = try? ObjectionMessage(binaryOrJSON: value).content { return [box.recipient] }
        return []
      }
    case .identity:
      return try topics([.validated, .permitted], entry, \.identity) ?? held(entry, \.identity)
    case .clinical:
      return try topics([.validated, .permitted, .pseudonymised, .linked], entry, \.clinical) ?? held(entry, \.clinical)
    case .attributes: return try topics([.pseudonymised, .linked], entry, \.attributes)
    case .staging: return try staged(entry)
    case .reverse: return try reversed(entry)
    case .routing: return try routed(entry)
    case .linkage: return try linked(entry)
    case .records, .persons, .tokens, .recipients:
      return "\(entry.purpose.rawValue) is what names rest on"
    }
  }

  /// Until neither a stored token nor one that may be read again is under it.
  private func linked(_ entry: KeyEntry) throws -> String? {
    // Pseudonymisation may have a batch in hand that it began before the key was replaced.
    var stragglers = try LinkageStragglers(target)
    if let wait = try stragglers.wait(seconds: 60) { return "waiting for \(wait)" }
    if let database = try KeysCommand.Reencrypt.linkage(target) {
      defer { database.close() }
      if let need = try LinkageReencryption.need(of: entry, database) { return need }
    }
    return try first(in: [.pseudonymised]) { value in
      guard let links = (try? EnvelopeView(value))?.links, !links.isEmpty,
        let tokens = try? LinkTokens(serializedBytes: Data(links))
      else { return false }
      return max(1, Int(tokens.keyVersion)) == entry.version
        && !(tokens.nhsNumber.isEmpty && tokens.demographics.isEmpty)
    }
  }

  /// Until nothing is named under it that may still be told to pseudonymisation.
  private func routed(_ entry: KeyEntry) throws -> String? {
    let isStored = try withDatabase { database in
      try RoutingKeyInUse.version(database) <= entry.version ? "the tokens that ingestion has stored" : nil
    }
    if let isStored { return isStored }
    func isUnder(_ value: UnsafeRawBufferPointer) -> Bool {
      guard let envelope = try? EnvelopeView(value) else { return false }
      switch envelope.kind {
      case .record, .retraction, .objection, .withdrawal, .reinstatement:
        return max(1, envelope.routingVersion) == UInt64(entry.version)
      default: return false
      }
    }
    return try first(in: [.validated, .permitted], isUnder) ?? held(isUnder)
  }

  private func topics(
    _ topics: [Topic], _ entry: KeyEntry, _ section: (EnvelopeView) -> UnsafeRawBufferPointer
  ) throws -> String? {
    try self.topics(topics, entry) { value in
      (try? EnvelopeView(value)).map { [SealedBoxOpener.recipient(of: section($0))] } ?? []
    }
  }

  private func topics(
    _ topics: [Topic], _ entry: KeyEntry, _ recipients: (UnsafeRawBufferPointer) -> [KeyID?]
  ) throws -> String? {
    try first(in: topics) { value in recipients(value).contains { $0?.description == entry.id } }
  }

  /// Where the first message lies that needs it.
  private func first(in topics: [Topic], _ isNeeding: (UnsafeRawBufferPointer) -> Bool) throws -> String? {
    struct Found: Error { let place: String }
    for topic in topics {
      do {
        try TopicSnapshot.read(target, topic) { message in
          if isNeeding(message.value) {
            throw Found(place: "\(message.topic), partition \(message.partition), offset \(message.offset)")
          }
        }
      } catch let found as Found {
        return found.place
      }
    }
    return nil
  }

  /// Records that the objection filter holds while the national list is too old.
  private func held(
    _ entry: KeyEntry, _ section: (EnvelopeView) -> UnsafeRawBufferPointer
  ) throws -> String? {
    try held { value in
      (try? EnvelopeView(value)).flatMap { SealedBoxOpener.recipient(of: section($0)) }?.description == entry.id
    }
  }

  private func held(_ isNeeding: (UnsafeRawBufferPointer) -> Bool) throws -> String? {
    try withDatabase { database in
      var last: (Int64, Int64) = (-1, 0)
      while true {
        let rows = try database.query(
          """
          select partition::bigint, id, value from objection_filter.held_record where (partition, id) > ($1::bigint, $2)
          order by partition, id limit 10000
          """, [.int(last.0), .int(last.1)])
        for row in 0..<rows.count {
          if rows.withBytes(row, 2, isNeeding) { return "records that the objection filter holds back" }
        }
        guard rows.count == 10_000 else { return nil }
        last = (rows.int(rows.count - 1, 0), rows.int(rows.count - 1, 1))
      }
    }
  }

  /// Rows of ingestion begin with the id of their key.
  private func staged(_ entry: KeyEntry) throws -> String? {
    let id = Parameter.bytes(KeyID(entry.id)!.bytes)
    return try withDatabase { database in
      let tables = try database.query(
        """
        select c.relname from pg_class c where c.relnamespace = 'ingestion'::regnamespace and c.relkind = 'r'
          and (c.relname = 'superseded' or c.relname like 'staged!_%' escape '!') order by 1
        """)
      for row in 0..<tables.count {
        let table = tables.text(row, 0)
        let isNeeded = try database.query(
          "select exists (select from ingestion.\(table) where substring(sealed for \(KeyID.byteCount)) = $1)", [id])
        if isNeeded.bool(0, 0) { return "table ingestion.\(table)" }
      }
      return nil
    }
  }

  /// So do those by which records can be re-identified.
  private func reversed(_ entry: KeyEntry) throws -> String? {
    try withDatabase { database in
      guard try database.has(table: "pseudonymisation.reverse") else { return nil }
      let isNeeded = try database.query(
        "select exists (select from pseudonymisation.reverse where substring(sealed for \(KeyID.byteCount)) = $1)",
        [.bytes(KeyID(entry.id)!.bytes)])
      return isNeeded.bool(0, 0) ? "table pseudonymisation.reverse" : nil
    }
  }

  private func withDatabase(_ body: (Connection) throws -> String?) throws -> String? {
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    return try body(database)
  }
}

extension Sequence<UInt8> {
  /// Of a sealed box; nil where they are none.
  fileprivate var recipient: KeyID? { Array(self).withUnsafeBytes { SealedBoxOpener.recipient(of: $0) } }
}
