import ArgumentParser
import Audit
import Cryptography
import Postgres
import Pseudonyms
import StageKit

struct ReidentifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reidentify",
    abstract: "The NHS number behind a record, person or pseudonym: by request, with purpose and approver.",
    discussion: """
      Refused unless CAREDATA_REIDENTIFICATION is on; while it is off nothing is kept by which anybody could be \
      re-identified. Request, approval and answer, or refusal, stand in the audit log before anything is printed. Needs \
      pseudonymisation's key ring and, for a pseudonym, publication's. Whose records an objection \
      holds back cannot be found.
      """)

  @OptionGroup var installation: InstallationOptions
  @Option(help: ArgumentHelp("A person id, 32 hexadecimal digits.", valueName: "id"))
  var person: String?
  @Option(help: ArgumentHelp("A record id, 32 hexadecimal digits.", valueName: "id"))
  var record: String?
  @Option(help: ArgumentHelp("A pseudonym of one recipient, 32 hexadecimal digits.", valueName: "id"))
  var pseudonym: String?
  @Option(help: ArgumentHelp("Whose pseudonym it is.", valueName: "name"))
  var recipient: String?
  @Option(help: ArgumentHelp("For which purpose the recipient has it.", valueName: "text"))
  var recipientPurpose: String?
  @Option(help: ArgumentHelp("What the number is needed for, without anything about the patient.", valueName: "text"))
  var purpose: String
  @Option(help: ArgumentHelp("Who asks.", valueName: "name"))
  var requestedBy: String
  @Option(help: ArgumentHelp("Who allows it: somebody else.", valueName: "name"))
  var approvedBy: String
  @Option(
    help: ArgumentHelp(
      "Folder of pseudonymisation's keys; default: that of --state, else CAREDATA_KEYS_DIRECTORY.", valueName: "dir"))
  var keys: String?
  @Option(
    help: ArgumentHelp(
      "Folder of publication's keys, for a pseudonym; default: that of --state, else CAREDATA_KEYS_DIRECTORY.",
      valueName: "dir"))
  var recipientKeys: String?

  func validate() throws {
    try GivenText.check(purpose, option: "--purpose")
    for (name, option) in [(requestedBy, "--requested-by"), (approvedBy, "--approved-by")] {
      try GivenText.check(name, option: option, maximum: 200)
    }
    _ = try subject()
  }

  private func subject() throws -> ReidentificationRequest.Subject {
    func token(_ text: String, _ option: String) throws -> Token16 {
      guard let token = Token16(hex: text) else { throw ValidationError("\(option) takes 32 hexadecimal digits.") }
      return token
    }
    switch (person, record, pseudonym, recipient, recipientPurpose) {
    case (let id?, nil, nil, nil, nil): return .person(try token(id, "--person"))
    case (nil, let id?, nil, nil, nil): return .record(try token(id, "--record"))
    case (nil, nil, let id?, let recipient?, let purpose?):
      try GivenText.check(recipient, option: "--recipient")
      try GivenText.check(purpose, option: "--recipient-purpose")
      return .pseudonym(try token(id, "--pseudonym"), recipient: recipient, purpose: purpose)
    default:
      throw ValidationError("Give --person, or --record, or --pseudonym with --recipient and --recipient-purpose.")
    }
  }

  func run() async throws {
    let request = ReidentificationRequest(
      subject: try subject(), purpose: purpose, requestedBy: requestedBy, approvedBy: approvedBy)
    let target = try await installation.installation()
    let log = try target.audit()
    try log.append(event: .reidentificationRequested, by: requestedBy, details: request.details)
    if let reason = request.refusal(isOn: target.configuration.reidentification) {
      try refuse(request, reason, log)
    }
    try log.append(event: .reidentificationApproved, by: approvedBy, details: request.details)
    let answer: ReverseReader.Answer
    do {
      answer = try look(for: request.subject, target)
    } catch {
      try refuse(request, "it could not be looked up", log, error)
    }
    var details = request.details
    details["records"] = "\(answer.records)"
    details["numbers"] = "\(answer.numbers.count)"
    try log.append(event: .reidentificationAnswered, by: requestedBy, details: details)
    guard !answer.numbers.isEmpty else {
      throw ClientError(
        """
        no number: \(answer.records) live records. A record may have come without a number, or while re-identification \
        was off; what was taken back or is objected to is not live
        """)
    }
    for number in answer.numbers { print(number) }
  }

  private func look(
    for subject: ReidentificationRequest.Subject, _ target: Installation
  ) throws -> ReverseReader.Answer {
    let database = try Connection(target.configuration.databaseURL)
    defer { database.close() }
    let reader = try ReverseReader(database: database, keys: try target.ring(of: .pseudonymisation, folder: keys))
    switch subject {
    case .record(let id): return try reader.numbers(record: id)
    case .person(let id): return try reader.numbers(person: id)
    case .pseudonym(let pseudonym, let recipient, let purpose):
      let ring = try target.ring(of: .publication, folder: recipientKeys)
      let pseudonyms = try RecipientPseudonyms(
        root: try ring.active(.recipients).secret, recipient: recipient, purpose: purpose)
      return try reader.numbers(person: pseudonyms.person(of: pseudonym))
    }
  }

  private func refuse(
    _ request: ReidentificationRequest, _ reason: String, _ log: AuditLog, _ cause: (any Error)? = nil
  ) throws -> Never {
    var details = request.details
    details["reason"] = reason
    try log.append(event: .reidentificationRefused, by: request.requestedBy, details: details)
    throw cause ?? ClientError("refused: \(reason)")
  }
}
