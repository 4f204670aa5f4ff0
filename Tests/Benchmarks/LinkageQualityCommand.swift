import ArgumentParser
import FaultyRecords
import Foundation

/// Accuracy and cost of linkage on records with mistakes whose true persons are known.
struct LinkageQualityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "linkage", abstract: "Links records of made-up people with `caredata linkage evaluate`.")

  @Option(help: "People of each run.")
  var people = 100_000
  @Option(help: "Runs with seeds 1, 2, …; the worst counts.")
  var seeds = 5
  @Flag(help: "Links the same records with Splink (from PyPI) besides, in the first run; python3-venv is needed.")
  var splink = false
  @Option(help: "Folder for the files of the run.")
  var directory = ".build/linkage-benchmark"

  private struct Evaluation: Decodable {
    struct Rates: Decodable {
      let precision: Double
      let recall: Double
      let f1: Double
    }
    struct Quality: Decodable {
      let pairs: Rates
      let bCubed: Rates
      let people: Int
      let exactPeople: Int
      let mixedClusters: Int
    }
    let records: Int
    let quality: Quality
    let processorSeconds: Double
    let peakMebibytes: Double

    var microseconds: Double { processorSeconds * 1_000_000 / Double(records) }

    func text(_ name: String) -> String {
      String(
        format:
          "%@ %d records: pairs precision %.5f recall %.5f F1 %.5f, B-cubed F1 %.5f, %.1f %% of people exactly right, "
          + "%d mixed, %.1f µs per record, %.0f MiB",
        name, records, quality.pairs.precision, quality.pairs.recall, quality.pairs.f1, quality.bCubed.f1,
        100 * Double(quality.exactPeople) / Double(quality.people), quality.mixedClusters, microseconds, peakMebibytes)
    }
  }

  func run() throws {
    let workspace = try Workspace(directory: directory)
    var all: [Evaluation] = []
    var census: [Evaluation] = []
    var marks: [Mark] = []
    for seed in 1...max(1, seeds) {
      let records = FaultyRecords(seed: UInt64(seed), people: people)
      for isCensus in [false, true] {
        let name = isCensus ? "census-\(seed)" : "records-\(seed)"
        let evaluation = try evaluate(try write(records, name, isCensus: isCensus, workspace), workspace)
        print(evaluation.text("seed \(seed)\(isCensus ? ", without numbers," : "")"))
        if isCensus { census.append(evaluation) } else { all.append(evaluation) }
      }
      if splink, seed == 1 { marks.append(try besideSplink(all[0], workspace)) }
    }
    let worst = all.map(\.quality.pairs)
    marks += [
      Mark(name: "linkage, F1 of pairs, worst", required: 0.993, measured: worst.map(\.f1).min() ?? 0),
      Mark(name: "linkage, precision of pairs, worst", required: 0.9998, measured: worst.map(\.precision).min() ?? 0),
      Mark(
        name: "linkage without numbers, F1 of pairs, worst", required: 0.96,
        measured: census.map(\.quality.pairs.f1).min() ?? 0),
    ]
    print(marks.map(\.text).joined(separator: "\n"))
    if !marks.allSatisfy(\.isMet) { throw ExitCode(1) }
  }

  private func write(
    _ records: FaultyRecords, _ name: String, isCensus: Bool, _ workspace: Workspace
  ) throws -> String {
    let path = workspace.path("\(name).csv")
    var text = FaultyRecord.columns + "\n"
    for (id, record) in records.enumerated() { text += record.line(id, isCensus: isCensus) + "\n" }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func evaluate(_ file: String, _ workspace: Workspace) throws -> Evaluation {
    let child = try workspace.start(
      "caredata", ["linkage", "evaluate", "--input", file, "--truth", "person", "--json"],
      log: (file as NSString).lastPathComponent)
    let log = workspace.path("\((file as NSString).lastPathComponent).log")
    guard child.wait() == 0 else { throw BenchmarkError("caredata linkage evaluate failed; see \(log)") }
    return try JSONDecoder().decode(Evaluation.self, from: try Data(contentsOf: URL(fileURLWithPath: log)))
  }

  /// Same records, one after the other on this machine.
  private func besideSplink(_ ours: Evaluation, _ workspace: Workspace) throws -> Mark {
    struct Answer: Decodable {
      let records: Int
      let precision: Double
      let recall: Double
      let f1: Double
      let processorSeconds: Double
    }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/splink/run"
    let child = try Child(
      executable: script, arguments: [workspace.path("records-1.csv"), workspace.path("splink.json")], environment: [:],
      log: workspace.path("splink.log"))
    guard child.wait() == 0 else { throw BenchmarkError("Splink failed; see \(workspace.path("splink.log"))") }
    let answer = try JSONDecoder().decode(
      Answer.self, from: try Data(contentsOf: URL(fileURLWithPath: workspace.path("splink.json"))))
    let microseconds = answer.processorSeconds * 1_000_000 / Double(answer.records)
    print(
      String(
        format: "Splink %d records: pairs precision %.5f recall %.5f F1 %.5f, %.1f µs per record", answer.records,
        answer.precision, answer.recall, answer.f1, microseconds))
    return Mark(
      name: "processor time of linkage, share of Splink's", atMost: 0.1, measured: ours.microseconds / microseconds)
  }
}
