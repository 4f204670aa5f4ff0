import Contracts
import Foundation
import Kafka
import KeyRing
import Postgres
import Specification
import StageKit

/// Stages extracts, takes objections at once, admits what is complete and sends it on.
final class IngestionStage: Stage {
  static let name = StageName.ingestion
  static let input = [Topic.extracts, .objections, .practices, .receipts]
  static let migrations = IngestionSchema.migrations

  private let context: StageContext
  private let keys: StageKeys
  private let version = RoutingVersion()
  private let tokens: RecordTokens
  private let sealing: SectionSealing
  private let sealedSubmissions: SealedSubmissions
  private let supersessions: Supersessions
  private let reading: ExtractReading
  private let otherReading: ObjectionReading
  private let storing: Storing
  private let emission: Emission
  private let admission: Admission
  private let holding: Holding
  private let erasure: Erasure
  private let resubmissions: Resubmissions
  private let replacement: RoutingReplacement
  private let extractsTopic: String
  private let objectionsTopic: String
  private let practicesTopic: String
  private var hasMetBroker = false
  private var tokensVersion = RoutingVersion.first

  init(context: StageContext) throws {
    self.context = context
    let (layout, configuration) = (context.layout, context.configuration)
    keys = try StageKeys(configuration, of: .ingestion, others: [.pseudonymisation, .publication])
    context.metrics.keyVersions(keys.ring)
    _ = try version.refresh(context.database)
    tokens = try RecordTokens(keys.ring, version: version.current)
    sealing = try SectionSealing(keys: keys)
    sealedSubmissions = try SealedSubmissions(keys: keys)
    supersessions = Supersessions(tokens: tokens, sealing: sealing)
    reading = ExtractReading(
      layout: layout, tokens: tokens, sealing: sealing, sealedSubmissions: sealedSubmissions,
      rules: try Self.rules(configuration),
      supersessions: supersessions)
    otherReading = ObjectionReading(tokens: tokens, sealedSubmissions: sealedSubmissions)
    let receipts = ReceiptFactory(layout: layout)
    let ledger = ObjectionLedger(statements: ObjectionStatements(layout: layout, version: version))
    let practices = Practices(
      gate: PracticeGate(noticeDays: configuration.noticeDays), layout: layout, receipts: receipts)
    let manifests = ManifestHandling(receipts: receipts, practices: practices)
    storing = Storing(
      layout: layout, ledger: ledger, receipts: receipts, practices: practices, manifests: manifests,
      supersessions: supersessions, nationalLists: NationalLists(ledger: ledger),
      releaseHold: ReleaseHold(rule: configuration.nationalList), incarnation: configuration.incarnation)
    emission = Emission(layout: layout, sealing: sealing, version: version)
    admission = Admission(layout: layout, ledger: ledger, receipts: receipts) { extract, alarm in
      context.metrics.objectionAlarms.increment()
      context.logger.warning(
        "objections have stopped coming",
        metadata: [
          "organisation": "\(extract.organisation)", "period": "\(extract.period)", "alarm": "\(alarm.code)",
          "counts": "\(alarm)",
        ])
    }
    holding = Holding(quietSeconds: configuration.holdSeconds, admission: admission, receipts: receipts)
    resubmissions = Resubmissions(receipts: receipts, version: version)
    replacement = RoutingReplacement(
      layout: layout, statements: ledger.statements, sealing: sealing, progress: { context.progress() })
    erasure = Erasure(admission: admission, manifests: manifests, receipts: receipts)
    extractsTopic = layout.name(.extracts)
    objectionsTopic = layout.name(.objections)
    practicesTopic = layout.name(.practices)
  }

  /// Without specification nothing can be judged, and without policy nobody knows which dates may travel: the service
  /// does not start.
  private static func rules(_ configuration: StageConfiguration) throws -> ExtractRuleBook {
    let directory = configuration.specificationDirectory
    let policy: AttributePolicy
    do {
      policy = try AttributePolicy.load(file: configuration.policyFile)
    } catch {
      throw StageError.configuration("the policy of attributes cannot be used (CAREDATA_POLICY_FILE):\n\(error)")
    }
    do {
      let specifications = try Specifications.load(directory: directory)
      return ExtractRuleBook(specifications.versions, specifications.exclusions, monthOnly: policy.monthOnly)
    } catch {
      throw StageError.configuration("the extract specifications in \(directory) cannot be used:\n\(error)")
    }
  }

  func process(_ batch: MessageBatch, _ output: StageOutput) throws {
    var intake = Intake()
    try refreshKeys()
    try refreshRouting()
    try supersessions.refresh(context.database)
    for message in batch.messages {
      if intake.isFull {
        try store(&intake, output)
        intake = Intake()
      }
      do {
        let place = StagedRecord.Coordinates(partition: message.partition, offset: message.offset)
        switch message.topic {
        case extractsTopic: try reading.take(message.value, at: place, &intake)
        case objectionsTopic: try otherReading.take(objection: message.value, at: place, &intake)
        case practicesTopic: try otherReading.take(enrolment: message.value, &intake)
        default: try otherReading.take(receipt: message.value, &intake)
        }
      } catch let error as ExtractReading.RejectionError {
        try output.reject(message, error.code)
        if message.topic == objectionsTopic, ObjectionReading.mayHoldObjection(message.value) {
          intake.rejectedObjections.append(Rejection(message, error.code))
        }
      }
    }
    try store(&intake, output)
  }

  private func store(_ intake: inout Intake, _ output: StageOutput) throws {
    try context.database.transaction {
      try version.enter(context.database)
      try storing.store(&intake, context.database)
    }
    for rejection in intake.rejections { try output.reject(rejection) }
  }

  /// Without a national list that is recent enough nobody can know who objects, so nothing is admitted. Objections flow
  /// on, and what was admitted before goes its way: the objection filter asks again. The same while routing tokens are
  /// about to be replaced.
  private func mayAdmit(_ database: Connection) throws -> Bool {
    let outcome = try replacement.next(keys.ring.usable(.routing), database)
    if case .replaced(let count) = outcome {
      context.logger.notice(
        "the routing key has been replaced; every objection is stated again under the new one",
        metadata: ["version": "\(version.current)", "tokens": "\(count)"])
      try refreshRouting()
    }
    let (rule, now) = (context.configuration.nationalList, Date.now.microseconds)
    let drawnAt = try NationalLists.drawnAt(database)
    if let drawnAt { context.metrics.nationalListAge.record(Double(max(0, now - drawnAt)) / 1_000_000) }
    let fault = rule.fault(drawnAt: drawnAt, now: now)
    var pause = fault
    if case .waiting(let extracts) = outcome {
      pause = "the routing key is about to be replaced; \(extracts) extracts are to be balanced before"
    }
    context.paused = pause.map { "nothing is admitted: \($0)" }
    return pause == nil
  }

  /// Every token that is stored is under one version of the routing key; so are those to compare with them.
  private func refreshRouting() throws {
    guard try version.refresh(context.database) || version.current != tokensVersion else { return }
    try tokens.use(keys.ring, version: version.current)
    tokensVersion = version.current
  }

  private func refreshKeys() throws {
    context.metrics.keyUses(keys.uses.take())
    guard try keys.refresh() else { return }
    try sealing.reload()
    try sealedSubmissions.reload()
    context.metrics.keyVersions(keys.ring)
    context.logger.notice("keys have changed; new ones are used from here on")
  }

  func work(_ output: StageOutput) throws -> Bool {
    let database = context.database
    try refreshKeys()
    try refreshRouting()
    if !hasMetBroker {
      let life = BrokerLife(
        layout: context.layout, statements: storing.ledger.statements, admission: admission, receipts: storing.receipts,
        practices: storing.practices)
      if try life.meet(context.configuration.incarnation, database) {
        context.logger.info("a broker met for the first time; what is unproven is sent again")
      }
      hasMetBroker = true
    }
    let sentMessages = try Outbox.drain(database, to: output)
    let admitted = try mayAdmit(database) && admission.admitNext(database)
    let sentRecords = try emission.emitNext(database, to: output)
    let erased = try erasure.next(database)
    let held = try holding.next(database)
    let asked = try resubmissions.next(database)
    return sentMessages || admitted || sentRecords || erased || held || asked
  }
}
