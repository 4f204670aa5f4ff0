import ArgumentParser
import Foundation

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write a synthetic region: extracts of practices, hospitals and a community provider.",
    discussion: """
      The region has people who do not exist (NHS numbers of the test range 999, postcodes of an area LX that does not
      exist), with realistic ages and conditions, admissions that depend on them, objections and wrong identifiers.
      The same seed gives the same bytes.

        gp/A81001/patients.csv, events.csv   one folder per practice, about 2,500 patients each
        hospital/RXA/episodes.csv            and RXB
        community/RY1/contacts.csv
        national-list.dat                    the national list, for `caredata objections list`
        canaries.csv                         objectors whose records must never be seen to pass
        region.json                          the organisations, and facts to compare results with

      Example: caredata generate --patients 5000 --seed 1 region
      Then:    caredata submit --source gp --organisation A81001 --period 2026-10 region/gp/A81001
      """)

  @Option(help: "People in the region, from 20 to 900000.")
  var patients = 5000

  @Option(help: "The seed of the region.")
  var seed: UInt64 = 1

  @Flag(help: "Print what region.json holds instead of a table.")
  var json = false

  @Argument(help: "The folder to write; it must be new, empty, or hold a region, which is replaced.")
  var directory: String

  func validate() throws {
    guard RegionWriter.patients.contains(patients) else {
      throw ValidationError(
        "--patients is from \(RegionWriter.patients.lowerBound) to \(RegionWriter.patients.upperBound)")
    }
  }

  func run() throws {
    let region = try RegionWriter.write(patients: patients, seed: seed, to: directory)
    if json {
      print(String(decoding: try RegionWriter.json(region), as: UTF8.self))
    } else {
      print(region.table(folder: directory))
    }
  }
}

extension RegionDescription {
  /// A summary for people: one line per kind of organisation, and what is worth knowing.
  func table(folder: String) -> String {
    func cells(_ first: String, _ others: [String]) -> String {
      first.padding(toLength: 24, withPad: " ", startingAt: 0)
        + others.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
    }
    var lines = ["Region of seed \(seed) in \(folder), period \(period)", ""]
    lines.append(cells("", ["extracts", "patients", "rows", "faulty ids"]))
    for source in ExtractSource.allCases {
      let extracts = organisations.filter { $0.source == source }
      let sums = [\Organisation.patients, \.rows, \.faultyIdentities].map { path in
        String(extracts.reduce(0) { $0 + $1[keyPath: path] })
      }
      lines.append(cells(source.rawValue, [String(extracts.count)] + sums))
    }
    lines += ["", cells("", ["patients", "emergencies"])]
    for condition in SyntheticCondition.allCases.map(\.rawValue) {
      let numbers = [facts.patientsByCondition, facts.emergencySpellsByCondition].map { String($0[condition] ?? 0) }
      lines.append(cells(condition, numbers))
    }
    lines.append(cells("all", [String(facts.patients), String(facts.emergencySpells)]))
    lines += ["", "\(facts.objectionsInForce) people object, \(facts.nationalListRows) are on the national list"]
    return lines.joined(separator: "\n")
  }
}
