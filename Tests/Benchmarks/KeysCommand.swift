import ArgumentParser
import Contracts
import Cryptography
import Foundation
import LinkKeys
import Linking
import SwiftProtobuf

/// What keys cost per record, without broker and database: sealing, opening, and the tokens for linkage.
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract:
      "Processor time per record of sealing both sections, of opening one, and of the tokens of 1 and 32 passes.",
    discussion: """
      Sections of a record of 10 entries. The median of several rounds counts. Exit code 1 unless sealing takes at most \
      4 µs of a record.
      """)

  @Option(help: "Records of a round.") var records = 100_000
  @Option(help: "Rounds.") var rounds = 5

  func run() throws {
    let (identity, clinical) = (Self.identity, Self.clinical)
    let sections: [[UInt8]] = [try identity.serializedBytes(), try clinical.serializedBytes()]
    let header = [UInt8](repeating: 7, count: 90)
    let recipient = try X25519PrivateKey()
    let sealers = try ["identity", "clinical"].map { try SealedBoxSealer(to: recipient.publicKey, purpose: $0) }
    let opener = SealedBoxOpener(keys: [recipient], purpose: "identity")
    var (sealed, opened) = ([UInt8](), [UInt8]())
    let sealing = try measure {
      for (section, sealer) in zip(sections, sealers) { try seal(section, header, sealer, &sealed) }
    }
    try seal(sections[0], header, sealers[0], &sealed)
    let opening = try measure {
      try sealed.withUnsafeBytes { sealed in
        try header.withUnsafeBytes { try opener.open(sealed, associated: $0, into: &opened) }
      }
    }
    var lines = [
      "sections of \(sections[0].count) and \(sections[1].count) bytes, \(records) records, median of \(rounds)",
      Self.line("sealing both sections", sealing), Self.line("opening the identity section", opening),
    ]
    for passes in [[.demographics], Self.passes] {
      lines.append(
        Self.line(
          "tokens of the number and \(passes.count) pass key\(passes.count == 1 ? "" : "s")",
          try Self.tokens(passes: passes, records: records, rounds: rounds)))
    }
    let mark = Mark(name: "sealing, µs per record", atMost: 4, measured: sealing)
    print((lines + [mark.text]).joined(separator: "\n"))
    if !mark.isMet { throw ExitCode(1) }
  }

  /// Those of graded linkage.
  static let passes = PassKey.allCases

  /// Microseconds of the tokens of one record.
  static func tokens(passes: [PassKey], records: Int = 100_000, rounds: Int = 5) throws -> Double {
    let maker = try LinkTokenMaker(
      root: .random(), linkage: .random(), passes: passes)
    var tokens = LinkTokenMaker.Tokens()
    return try measure(records, rounds) { maker.write(identity, to: &tokens) }
  }

  private func measure(_ body: () throws -> Void) throws -> Double { try Self.measure(records, rounds, body) }

  /// Microseconds of this thread's processor time per call.
  private static func measure(_ records: Int, _ rounds: Int, _ body: () throws -> Void) throws -> Double {
    let rounds = try (0..<max(1, rounds)).map { _ in
      let start = now
      for _ in 0..<records { try body() }
      return Double(now - start) / 1_000 / Double(records)
    }
    return rounds.sorted()[rounds.count / 2]
  }

  /// Nanoseconds.
  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func seal(
    _ section: [UInt8], _ header: [UInt8], _ sealer: SealedBoxSealer, _ sealed: inout [UInt8]
  ) throws {
    try section.withUnsafeBytes { section in
      try header.withUnsafeBytes { try sealer.seal(section, associated: $0, into: &sealed) }
    }
  }

  private static func line(_ what: String, _ microseconds: Double) -> String {
    "  " + what.padding(toLength: 44, withPad: " ", startingAt: 0) + String(format: "%6.2f µs", microseconds)
  }

  private static let identity = IdentitySection.with {
    $0.nhsNumber = "9990000018"
    $0.birthDay = 4_321
    $0.sex = 2
    $0.postcode = "LS1 4AP"
    $0.ethnicCategory = "A"
    $0.practice = "A81001"
  }

  private static let clinical = ClinicalSection.with { section in
    section.registeredFrom = 11_413
    section.entries = (0..<10).map { number in
      Entry.with {
        $0.system = .snomed
        $0.code = "4405400\(number)"
        $0.day = 20_000 + Int32(number)
        $0.value = 48.5
        $0.unit = "mmol/mol"
      }
    }
  }
}
