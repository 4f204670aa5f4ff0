import ArgumentParser
import Contracts
import Foundation
import Kafka

/// What the stages cost, against a loop that only copies, on one embedded broker in one run.
@main
struct BenchmarksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "caredata-benchmarks",
    abstract: "Measures a raw copy loop, each stage alone and the whole pipeline; says which marks are met.",
    discussion: """
      Run from the build folder, in release configuration, beside the five services and caredata. Rates swing with \
      whatever else the machine does: compare within one run.

      1. Pipeline: a generated region goes through `caredata up`, from the first submit to balance at publication.
      2. The messages that went from stage to stage are kept. Per stage, a fresh database and fresh topics are filled \
         with them, the service is started alone, and measured from its partitions to its last commit.
      3. The raw loop is plain librdkafka through its C API: consumer poll, produce with copy, no decoding, no \
         database, one commit at the end; same broker, same client settings, over the objection filter's input.
      """,
    subcommands: [
      FuzzCommand.self, ScaleCommand.self, KeysCommand.self, LinkageQualityCommand.self, LinkageServiceCommand.self,
      RawLoopCommand.self,
    ])

  @Flag(help: "A small region and one round: under 90 s.")
  var quick = false

  @Option(help: "People in the generated region.")
  var patients: Int?

  @Option(help: "Rounds per stage; the median counts.")
  var rounds: Int?

  @Option(help: "Objections that the objection filter holds; 5 % of the people with records object.")
  var objectionsHeld: Int?

  @Option(help: "The seed of the region, and of what `fuzz` makes.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Measure only this stage and the raw loop; may be repeated.", valueName: "stage"))
  var stage: [String] = []

  @Flag(help: "Exit with 1 unless every mark is met.")
  var enforce = false

  @Option(help: ArgumentHelp("Folder for the region, state and logs; made anew.", valueName: "dir"))
  var directory = "/tmp/caredata-benchmarks"

  func run() async throws {
    let wanted = try stage.map { name in
      guard let stage = StageName(rawValue: name) else { throw ValidationError("there is no stage '\(name)'") }
      return stage
    }
    let stages = wanted.isEmpty ? StageName.allCases : wanted
    let workspace = try Workspace(directory: directory)
    let installation = try PipelineBenchmark(workspace, patients: patients ?? (quick ? 1_500 : 12_000), seed: seed)
    defer { installation.stop() }
    let pipeline = try installation.run()
    print(pipeline.text)

    var marks = [Mark(name: "pipeline, records/s", required: 2_500, measured: pipeline.recordsPerSecond)]
    if wanted.isEmpty {
      let withdrawals = try WithdrawalBenchmark(installation: installation, sustained: pipeline.recordsPerSecond)
        .run(objections: quick ? 40 : 200, every: .milliseconds(100))
      print(withdrawals.text)
      marks.append(
        Mark(name: "objection acknowledged to facts deleted, 95th percentile, s", atMost: 5, measured: withdrawals.p95))
    }

    let recording = try Recording(installation.environment)
    print("\na record has \(String(format: "%.1f", try recording.entriesPerRecord())) entries on average")
    try installation.pause()
    let bench = try StageBenchmark(
      workspace, installation.environment, recording,
      objectionsHeld: objectionsHeld ?? (quick ? 20_000 : 2_000_000))
    defer { bench.stop() }
    let rounds = rounds ?? (quick ? 1 : 3)
    let raw = try bench.median(rounds) { try bench.rawLoop(round: $0) }
    var results: [(stage: StageName, figures: Figures)] = []
    for stage in stages {
      let figures = try bench.median(rounds) { try bench.run(stage, round: $0) }
      results.append((stage, figures))
    }
    print(StageReport(raw: raw, results: results).text)
    if let holding = bench.holding { print(holding.text + "\n") }

    for (stage, required) in [(StageName.objectionFilter, 0.6), (.pseudonymisation, 0.25)] {
      guard let result = results.first(where: { $0.stage == stage }) else { continue }
      marks.append(
        Mark(
          name: "\(stage.rawValue), share of the raw loop", required: required,
          measured: result.figures.recordsPerSecond / raw.recordsPerSecond))
    }
    if let own = results.first(where: { $0.stage == .pseudonymisation }) {
      marks.append(
        Mark(
          name: "pseudonymisation beyond the raw loop, µs", atMost: 12,
          measured: own.figures.servicePerRecord - raw.servicePerRecord))
    }
    print(marks.map(\.text).joined(separator: "\n"))
    if enforce, !marks.allSatisfy(\.isMet) { throw ExitCode(1) }
  }
}

struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
