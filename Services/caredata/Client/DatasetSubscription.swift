import Contracts
import Foundation
import Kafka

/// One row with its columns in published order; numbers and `*` as text.
struct ReleasedRow {
  let release: String
  let columns: [String]
  let values: [String]
  let json: String
}

/// Reads releases of one dataset: manifests from `releases`, rows from the ranges they name.
final class DatasetSubscription {
  private let dataset: String
  private let installation: Installation
  private let manifests: TopicReader

  /// - Throws: ``ClientError`` when the installation has no such dataset.
  init(_ dataset: String, _ installation: Installation) throws {
    let topics = try Admin(installation.kafka).partitionCounts()
    guard topics[installation.layout.name(.dataset(dataset))] != nil else {
      let prefix = installation.layout.name(.dataset(""))
      let names = topics.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
      throw ClientError("there is no dataset '\(dataset)'; there are: \(names.joined(separator: ", "))")
    }
    self.dataset = dataset
    self.installation = installation
    manifests = try TopicReader(installation.kafka, topic: installation.layout.name(.releases), from: .beginning)
  }

  /// The newest release there is now; later ones come with ``laterReleases()``.
  func newestRelease() throws -> ReleaseManifest? {
    var newest: ReleaseManifest?
    try TopicSnapshot.read(manifests, installation, installation.layout.name(.releases)) { message in
      if let manifest = try manifest(message) { newest = manifest }
    }
    return newest
  }

  /// Releases that came since the last call; waits a second for one.
  func laterReleases() throws -> [ReleaseManifest] {
    try manifests.poll(timeoutMilliseconds: 1_000).messages.compactMap(manifest)
  }

  private func manifest(_ message: Kafka.Message) throws -> ReleaseManifest? {
    guard message.key.elementsEqual(dataset.utf8) else { return nil }
    return try JSONDecoder().decode(ReleaseManifest.self, from: Data(message.value))
  }

  /// All rows of a release, in the order of the published file.
  func rows(of release: ReleaseManifest) throws -> [ReleasedRow] {
    let topic = installation.layout.name(.dataset(dataset))
    var ends: [Int32: Int64] = [:]
    var starts: [TopicPartition: Int64] = [:]
    for range in release.partitions where range.end > range.first {
      ends[range.partition] = range.end
      starts[TopicPartition(topic: topic, partition: range.partition)] = range.first
    }
    guard !starts.isEmpty else { return [] }
    let reader = try TopicReader(installation.kafka, topic: topic, offsets: starts)
    var rows: [(index: Int, row: ReleasedRow)] = []
    while !ends.isEmpty {
      for message in try reader.poll(timeoutMilliseconds: 1_000).messages {
        guard let end = ends[message.partition], message.offset < end else { continue }
        if message.offset + 1 == end { ends[message.partition] = nil }
        guard let row = try row(message, release) else { continue }
        rows.append(row)
      }
    }
    guard rows.count == release.rows else {
      throw ClientError("release \(release.release) declares \(release.rows) rows, the topic holds \(rows.count)")
    }
    return rows.sorted { $0.index < $1.index }.map(\.row)
  }

  /// As it stands in the published file.
  private static func text(_ value: Any?, isRate: Bool) -> String {
    switch value {
    case nil, is NSNull: ""
    case let number as NSNumber where isRate: String(format: "%.1f", number.doubleValue)
    case let value?: "\(value)"
    }
  }

  private func row(_ message: Kafka.Message, _ release: ReleaseManifest) throws -> (Int, ReleasedRow)? {
    guard let fields = try JSONSerialization.jsonObject(with: Data(message.value)) as? [String: Any],
      fields["release"] as? String == release.release,
      let id = message.headers().first(where: { $0.0 == "ce_id" }).map({ String(decoding: $0.1, as: UTF8.self) }),
      let index = id.split(separator: "/").last.flatMap({ Int($0) })
    else { return nil }
    return (
      index,
      ReleasedRow(
        release: release.release, columns: release.columns,
        values: release.columns.map { Self.text(fields[$0], isRate: release.rates?.contains($0) ?? false) },
        json: String(decoding: message.value, as: UTF8.self))
    )
  }
}

/// Prints rows; the CSV header once.
struct RowPrinter {
  let format: SubscribeCommand.Format
  private var hasHeader = false

  init(format: SubscribeCommand.Format) { self.format = format }

  mutating func print(_ rows: [ReleasedRow]) throws {
    for row in rows {
      switch format {
      case .json: Swift.print(row.json)
      case .csv:
        if !hasHeader { Swift.print(row.columns.joined(separator: ",")) }
        hasHeader = true
        Swift.print(row.values.map(Self.field).joined(separator: ","))
      }
    }
    fflush(nil)
  }

  private static func field(_ value: String) -> String {
    guard value.contains(where: { ",\"\n\r".contains($0) }) else { return value }
    return "\"" + value.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
