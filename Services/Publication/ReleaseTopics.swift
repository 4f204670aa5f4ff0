import Contracts
import Datasets
import Foundation
import Kafka

/// Sends a release to its subscribers: every row to `dataset.NAME`, then the manifest to `releases`.
struct ReleaseTopics {
  let configuration: KafkaConfiguration
  let layout: TopicLayout

  /// - Important: one release of a dataset at a time, else the ranges hold rows of both.
  func publish(_ release: Release, at time: Date) throws {
    let dataset = release.definition.name
    let topic = layout.name(.dataset(dataset))
    let source = layout.prefix + StageName.publication.rawValue
    let producer = try Producer(configuration)
    defer { producer.close() }
    let before = try ends(topic)
    for (index, row) in release.table.rows.enumerated() {
      let key = row.cellKey
      try producer.send(
        topic: topic, partition: layout.partition(ofText: key), key: Array(key.utf8),
        value: try Self.json(row, columns: release.table.columns, release: release.id),
        headers: CloudEvents.headers(
          type: "dataset.row", source: source, id: "\(release.id)/\(index)", time: time,
          contentType: "application/json"))
    }
    try producer.flush()
    let after = try ends(topic)
    let manifest = ReleaseManifest(
      dataset: dataset, release: release.id, rows: release.table.rows.count, sha256: release.sha256, topic: topic,
      columns: release.table.columns.map(\.name),
      rates: release.table.columns.filter { $0.role == .rate }.map(\.name),
      partitions: zip(before, after).enumerated().map { partition, ends in
        .init(partition: Int32(partition), first: ends.0, end: ends.1)
      })
    try producer.send(
      topic: layout.name(.releases), partition: layout.partition(ofText: dataset), key: Array(dataset.utf8),
      value: Array(try Self.encoder.encode(manifest)),
      headers: CloudEvents.headers(
        type: "release", source: source, id: release.id, time: time, contentType: "application/json"))
    try producer.flush()
  }

  private func ends(_ topic: String) throws -> [Int64] {
    let admin = try Admin(configuration)
    return try (0..<Int32(layout.partitions)).map { try admin.watermarks(topic: topic, partition: $0).high }
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  /// `{"release": "…", COLUMN: text or number, …}`; a suppressed figure is the text `*`, one without meaning `null`.
  static func json(_ row: DatasetRow, columns: [DatasetColumn], release: String) throws -> [UInt8] {
    var fields: [String: JSONField] = ["release": .text(release)]
    for (column, text) in zip(columns, row.texts) {
      switch column.role {
      case .dimension, .status: fields[column.name] = .text(text)
      case .count: fields[column.name] = Int(text).map { .number($0) } ?? .text(text)
      case .rate: fields[column.name] = text.isEmpty ? .null : Decimal(string: text).map { .decimal($0) } ?? .text(text)
      }
    }
    return Array(try encoder.encode(fields))
  }

  private enum JSONField: Encodable {
    case text(String)
    case number(Int)
    case decimal(Decimal)
    case null

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let value): try container.encode(value)
      case .number(let value): try container.encode(value)
      case .decimal(let value): try container.encode(value)
      case .null: try container.encodeNil()
      }
    }
  }
}
