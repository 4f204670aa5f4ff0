import ArgumentParser
import Contracts

/// How the files of an extract are written.
enum ExtractFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
  case csv
  /// FHIR R4, UK Core.
  case fhir
}

/// The three kinds of organisation that submit extracts, each with its own files.
enum ExtractSource: String, CaseIterable, Codable, ExpressibleByArgument, Sendable {
  /// A folder with patients.csv and events.csv.
  case gp
  /// episodes.csv, HES-like, or a folder with it.
  case hospital
  /// contacts.csv, CSDS-like, or a folder with it.
  case community

  var contract: Source {
    switch self {
    case .gp: .gp
    case .hospital: .hospital
    case .community: .community
    }
  }
}
