import ArgumentParser
import Clinical
import Contracts
import Foundation
import StageKit

struct PracticesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "practices",
    abstract:
      "Enrol organisations (practices, hospitals, community providers); only active ones' extracts are accepted.",
    discussion: """
      announced → notifying → ready → active ⇄ suspended → withdrawn. An organisation is ready once the notice period \
      (CAREDATA_PRACTICES_NOTICE_DAYS, 56 days) has passed since its patients were told; only then may it be active. \
      Objections are taken in every state.
      """,
    subcommands: [
      Announce.self, Notify.self, Activate.self, Suspend.self, Withdraw.self, List.self, Show.self,
    ])

  struct Announce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say that these organisations will take part.")
    @OptionGroup var installation: InstallationOptions
    @Option(help: "Pilot wave they belong to; other commands take --wave in place of codes.")
    var wave = ""
    @Argument(help: "Organisation codes, for example A81001 RXA.")
    var organisations: [String]

    func run() async throws {
      guard wave.utf8.count <= 40, wave.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
        throw ValidationError("--wave takes up to 40 letters, digits and hyphens.")
      }
      let enrolment = Enrolment(try await installation.installation())
      let codes = try OrganisationArguments.codes(organisations)
      PracticeTable.print(try enrolment.change(codes, [.announce(wave: wave)]), enrolment.gate)
    }
  }

  struct Notify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record the day on which their patients are told.")
    @OptionGroup var organisations: OrganisationArguments
    @Option(help: ArgumentHelp("The day, YYYY-MM-DD; today without it.", valueName: "date"))
    var on: String?

    func run() async throws {
      guard let on else { return try await change(CalendarDate.today.day) }
      guard let date = CalendarDate(iso: on) else { throw ValidationError("--on '\(on)' is not a date YYYY-MM-DD.") }
      try await change(date.day)
    }

    private func change(_ day: Int32) async throws {
      try await organisations.change([.notify(on: day)])
    }
  }

  struct Activate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Accept their extracts from now on.")
    @OptionGroup var organisations: OrganisationArguments

    func run() async throws { try await organisations.change([.activate]) }
  }

  struct Suspend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Accept no extract for the time being; what was admitted stays.")
    @OptionGroup var organisations: OrganisationArguments

    func run() async throws { try await organisations.change([.suspend]) }
  }

  struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Leave the scheme: accept nothing more, or with --erase also take back everything ever sent.")
    @OptionGroup var organisations: OrganisationArguments
    @Flag(help: "Retract every record, and wait for the receipt that says how many they were.")
    var erase = false
    @Option(help: ArgumentHelp("Seconds to wait for the erasure.", valueName: "seconds"))
    var timeout = 600

    func run() async throws {
      let enrolments = try await organisations.change([.withdraw(erase: erase)])
      guard erase else { return }
      let enrolment = Enrolment(try await organisations.installation.installation())
      for receipt in try enrolment.waitForErasure(enrolments, timeout: .seconds(timeout)) {
        print("\(receipt.organisation): \(receipt.retractions) records retracted")
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every organisation with its state and dates.")
    @OptionGroup var installation: InstallationOptions
    @Option(help: "Only those of this pilot wave.")
    var wave: String?
    @Flag(help: "Print as JSON, one organisation per line.")
    var json = false

    func run() async throws {
      let enrolment = Enrolment(try await installation.installation())
      let found = try enrolment.all().values.filter { wave == nil || $0.wave == wave }
        .sorted { $0.organisation < $1.organisation }
      if json {
        for enrolment in found { print(try enrolment.jsonString()) }
        return
      }
      if found.isEmpty { return print("no organisation is announced") }
      PracticeTable.print(found, enrolment.gate)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One organisation: state, dates, and its newest receipts.")
    @OptionGroup var installation: InstallationOptions
    @Argument(help: "Organisation code.")
    var organisation: String

    func run() async throws {
      let target = try await installation.installation()
      let code = try OrganisationArguments.codes([organisation])[0]
      let enrolment = Enrolment(target)
      guard let found = try enrolment.all()[code] else { throw ClientError("\(code) is not announced") }
      PracticeTable.print([found], enrolment.gate)
      let receipts = try ReceiptLog.newest(target).filter { $0.organisation == code && $0.source != .unspecified }
      if !receipts.isEmpty { print("\n" + ReceiptLog.table(receipts)) }
    }
  }
}

/// Organisations by code or by pilot wave.
struct OrganisationArguments: ParsableArguments {
  @OptionGroup var installation: InstallationOptions
  @Option(help: "All organisations of this pilot wave.")
  var wave: String?
  @Argument(help: "Organisation codes, for example A81001 RXA.")
  var organisations: [String] = []

  func validate() throws {
    guard organisations.isEmpty != (wave == nil) else {
      throw ValidationError("Give organisation codes, or --wave.")
    }
  }

  @discardableResult
  func change(_ changes: [PracticeGate.Change]) async throws -> [PracticeEnrolment] {
    let enrolment = Enrolment(try await installation.installation())
    var codes = try Self.codes(organisations)
    if let wave {
      codes = try enrolment.all().values.filter { $0.wave == wave }.map(\.organisation).sorted()
      if codes.isEmpty { throw ClientError("no organisation belongs to wave \(wave)") }
    }
    let changed = try enrolment.change(codes, changes)
    PracticeTable.print(changed, enrolment.gate)
    return changed
  }

  static func codes(_ texts: [String]) throws -> [String] {
    try texts.map { text in
      guard let code = try? OrganisationCode(validating: text) else {
        throw ValidationError("'\(text)' is not an organisation code.")
      }
      return code.text
    }
  }
}

enum PracticeTable {
  static func print(_ enrolments: [PracticeEnrolment], _ gate: PracticeGate) {
    var table = TextTable(
      "organisation", "state", "wave", "announced", "patients told", "ready", "active from", "suspended", "withdrawn")
    for enrolment in enrolments {
      let state = gate.state(of: enrolment, on: CalendarDate.today.day)?.rawValue ?? "unknown"
      table.row([
        enrolment.organisation, enrolment.erase ? "\(state), erased" : state, enrolment.wave,
        Day.text(enrolment.hasAnnouncedOn, enrolment.announcedOn),
        Day.text(enrolment.hasNotifiedOn, enrolment.notifiedOn),
        gate.readyDay(enrolment).map(Day.text) ?? "", Day.text(enrolment.hasActiveFrom, enrolment.activeFrom),
        Day.text(enrolment.hasSuspendedOn, enrolment.suspendedOn),
        Day.text(enrolment.hasWithdrawnOn, enrolment.withdrawnOn),
      ])
    }
    Swift.print(table.render())
  }
}

/// Days since 1970-01-01 as people write them.
enum Day {
  static func text(_ day: Int32) -> String { CalendarDate(day: day).iso }
  static func text(_ isSet: Bool, _ day: Int32) -> String { isSet ? text(day) : "" }
}
