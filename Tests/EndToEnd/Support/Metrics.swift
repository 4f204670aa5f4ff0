import Contracts
import Foundation
import FoundationNetworking

extension RunningSystem {
  /// A sample of a service's `/metrics`; 0 when it is not there yet.
  func metric(_ name: String, _ stage: StageName, _ instance: Int) throws -> Double {
    let log = try logs()["\(stage.rawValue)-\(instance).log"] ?? ""
    guard let port = log.matches(of: /"message":"listening".*"port":"([0-9]+)"/).last?.output.1,
      let url = URL(string: "http://127.0.0.1:\(port)/metrics")
    else { return 0 }
    let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
    let sample = text.split(separator: "\n").first { $0.hasPrefix(name + "{") }
    return sample.flatMap { Double($0.split(separator: " ").last ?? "") } ?? 0
  }
}
