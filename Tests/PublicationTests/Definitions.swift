import Datasets
import Foundation
import Postgres

@testable import Publication

/// The shipped definitions.
enum Definitions {
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let folder = Result { try DatasetFolder.load(directory: "\(package)/compose/datasets") }

  static func load(_ name: String) throws -> DatasetDefinition { try folder.get()[name]! }
}

extension Releaser {
  /// With one worker.
  static func compute(
    _ definition: DatasetDefinition, excluding exclusions: AppliedExclusions = .none, regime: String = "",
    _ database: Connection
  ) throws -> Release {
    let computation = DatasetComputation(database: database, connect: { fatalError("one connection") }, workers: 1)
    let part = Part(definition: definition, exclusions: exclusions)
    return try compute([part], OrganisationHierarchy(), regime: regime, computation)[0]
  }
}
