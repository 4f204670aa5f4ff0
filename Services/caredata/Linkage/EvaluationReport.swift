import Foundation
import Linking

/// What `linkage evaluate` prints.
struct EvaluationReport: Encodable {
  struct Pass: Encodable {
    let pass: String
    let records: Int
  }

  let records: Int
  let identities: Int
  let persons: Int
  let passes: [Pass]
  let ambiguousRecords: Int
  let disputedNumbers: Int
  let unusableValues: [String: Int]
  let quality: LinkageQuality?
  let seconds: Double
  let processorSeconds: Double
  let peakMebibytes: Double

  init(_ records: EvaluationRecords, _ linkage: LocalLinkage, seconds: Double) {
    self.records = records.names.count
    identities = records.identities.count
    persons = Set(linkage.persons).count
    var counts = [Int](repeating: 0, count: LinkPass.allCases.count + 1)
    for pass in linkage.passes { counts[Int(pass?.rawValue ?? 0)] += 1 }
    passes = zip([nil] + LinkPass.allCases, counts).filter { $1 > 0 }.map { pass, count in
      Pass(pass: pass.map { "\($0)" } ?? "none", records: count)
    }
    ambiguousRecords = linkage.ambiguous
    disputedNumbers = linkage.disputed
    unusableValues = records.unusable
    quality = records.truth.isEmpty ? nil : LinkageQuality(found: linkage.persons, known: records.truth)
    self.seconds = seconds
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func time(_ value: timeval) -> Double { Double(value.tv_sec) + Double(value.tv_usec) / 1_000_000 }
    processorSeconds = time(usage.ru_utime) + time(usage.ru_stime)
    peakMebibytes = Double(usage.ru_maxrss) / 1024
  }

  var text: String {
    var lines = [
      "\(records) records with \(identities) different identities: \(persons) persons",
      "\(ambiguousRecords) records answered by several persons, \(disputedNumbers) NHS numbers of several persons",
    ]
    for (column, count) in unusableValues.sorted(by: { $0.key < $1.key }) {
      lines.append("\(count) values of \(column) could not be used")
    }
    var table = TextTable("Joined by", "Records")
    for pass in passes { table.row([pass.pass, "\(pass.records)"]) }
    lines += ["", table.render(), ""]
    if let quality {
      var table = TextTable("", "Precision", "Recall", "F1")
      for (name, rates) in [("pairs", quality.pairs), ("B-cubed", quality.bCubed)] {
        table.row([name] + [rates.precision, rates.recall, rates.f1].map { String(format: "%.5f", $0) })
      }
      lines += [
        table.render(), "",
        "\(quality.exactPeople) of \(quality.people) people exactly right, \(quality.mixedClusters) persons found are "
          + "several people",
      ]
    }
    lines.append(
      String(
        format: "%.1f s, %.1f µs of processor time per record, at most %.0f MiB", seconds,
        processorSeconds * 1_000_000 / Double(max(1, records)), peakMebibytes))
    return lines.joined(separator: "\n")
  }
}
