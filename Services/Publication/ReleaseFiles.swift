import Cryptography
import Datasets
import Disclosure
import Foundation

/// A dataset at one state of its inputs, ready to leave.
struct Release: Sendable {
  let definition: DatasetDefinition
  let exclusions: AppliedExclusions
  let table: DatasetTable
  let inputs: ReleaseInputs
  /// Which objections are honoured; empty where ingestion does not say.
  let regime: String
  /// The file.
  let csv: [UInt8]
  /// SHA-256 of the file, hexadecimal.
  let sha256: String
  /// 16 hexadecimal digits, the same for the same definition, inputs, regime and data.
  let id: String

  init(
    definition: DatasetDefinition, exclusions: AppliedExclusions, table: DatasetTable, inputs: ReleaseInputs,
    regime: String
  ) {
    self.definition = definition
    self.exclusions = exclusions
    self.table = table
    self.inputs = inputs
    self.regime = regime
    csv = table.csv
    let digest = SHA256Digest.hash(csv)
    sha256 = hexadecimal(digest)
    var parts = [definition.digest, exclusions.digest, Array(inputs.text.utf8), digest]
    if !regime.isEmpty { parts.append(Array(regime.utf8)) }
    id = String(hexadecimal(SHA256Digest.hash(parts.flatMap { SHA256Digest.hash($0) })).prefix(16))
  }
}

/// `DIRECTORY/DATASET/RELEASE/DATASET.csv` with a `datapackage.json` beside it (Frictionless Data Package).
struct ReleaseFiles {
  let directory: String

  func path(dataset: String, release: String) -> String { "\(directory)/\(dataset)/\(release)/\(dataset).csv" }

  /// Writes both files, each under a temporary name first. What lies there already with the right content stays.
  func write(_ release: Release) throws {
    let path = path(dataset: release.definition.name, release: release.id)
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    let package = try DataPackage(release).json()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (name, content) in [("datapackage.json", package), ("\(release.definition.name).csv", Data(release.csv))] {
        let file = folder.appending(path: name)
        if (try? Data(contentsOf: file)) != content { try content.write(to: file, options: .atomic) }
      }
    } catch {
      throw ReleaseError.file(path: path, reason: (error as NSError).localizedDescription)
    }
  }
}

/// What a reader needs to know about the file. Nothing in it depends on when it was written.
struct DataPackage: Encodable {
  struct Resource: Encodable {
    let name: String
    let path: String
    let format = "csv"
    let mediatype = "text/csv"
    let encoding = "utf-8"
    let bytes: Int
    let hash: String
    let rows: Int
    let schema: Schema
  }

  struct Schema: Encodable {
    let fields: [Field]
    let primaryKey: [String]
    let missingValues = [PublishedCount.suppressed.text, ""]
  }

  struct Field: Encodable {
    struct Constraints: Encodable {
      let required: Bool
      let `enum`: [String]?
    }

    let name: String
    let type: String
    let description: String
    let constraints: Constraints
  }

  struct Disclosure: Encodable {
    let rule: String
    let meaning: String
    let totals = "sums of the published counts"
    let rates = "made of published counts"
  }

  struct Exclusions: Encodable {
    let purpose: String
    let lists: [String]
    let codes: Int
  }

  let name: String
  let id: String
  let profile = "tabular-data-package"
  let title: String
  let description: String
  let recipients: [String]
  let legalBasis: String
  let disclosure: Disclosure
  /// Sensitive codes left out: the purpose and the lists in force.
  let exclusions: Exclusions
  /// Which objections are honoured.
  let objections: String
  /// Extract ids with their versions.
  let inputs: [String]
  let resources: [Resource]

  init(_ release: Release) {
    let definition = release.definition
    name = definition.name
    id = release.id
    title = definition.title
    description = definition.purpose
    recipients = definition.recipients
    legalBasis = definition.legalBasis
    disclosure = Disclosure(rule: definition.rule.name, meaning: definition.rule.meaning)
    exclusions = Exclusions(
      purpose: release.exclusions.purpose, lists: release.exclusions.lists, codes: release.exclusions.codes.count)
    objections = release.regime
    inputs = release.inputs.inputs.map(\.text)
    let columns = release.table.columns
    resources = [
      Resource(
        name: definition.name, path: "\(definition.name).csv", bytes: release.csv.count,
        hash: "sha256:\(release.sha256)", rows: release.table.rows.count,
        schema: Schema(
          fields: columns.map(Self.field), primaryKey: columns.filter { $0.role == .dimension }.map(\.name)))
    ]
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .useDefaultKeys
    return try encoder.encode(self)
  }

  private static func field(_ column: DatasetColumn) -> Field {
    Field(
      name: column.name, type: Self.type(column.role), description: column.text,
      constraints: .init(
        required: column.role == .dimension || column.role == .status,
        enum: column.role == .status ? RowStatus.allCases.map(\.rawValue) : nil))
  }

  private static func type(_ role: DatasetColumn.Role) -> String {
    switch role {
    case .dimension, .status: "string"
    case .count: "integer"
    case .rate: "number"
    }
  }
}
