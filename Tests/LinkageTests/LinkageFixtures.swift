import Contracts
import Cryptography
import Linking

@testable import Linkage

/// SplitMix64: the same sequence for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// Record ids; their order is that of the numbers.
func recordID(_ number: UInt64) -> Token16 { Token16(high: number &* 0x0111_1111_1111_1111, low: number) }
func nhsToken(_ number: UInt64) -> Token16 { Token16(high: 0x1000 + number, low: number) }
func demographicsToken(_ number: UInt64) -> Token16 { Token16(high: 0x2000 + number, low: number) }
func withdrawalToken(_ number: UInt64) -> Token16 { Token16(high: 0x3000 + number, low: number) }

/// What two records have in common that have a number or demographics in common, and the number of their local id.
///
/// With a number everything agrees that could contradict it, so equal numbers are one person.
func combination(
  nhs: UInt64? = nil, demographics: UInt64? = nil, local: UInt64? = nil, source: Source, withdrawal: UInt64
) -> Combination {
  var passKeys: [UInt8] = []
  func add(_ pass: PassKey, _ number: UInt64?) {
    guard let number else { return }
    passKeys.append(pass.rawValue)
    let token =
      pass == .demographics
      ? demographicsToken(number) : Token16(high: UInt64(pass.rawValue) << 32 | number, low: number)
    passKeys += token.bytes
  }
  add(.demographics, demographics)
  for pass in [PassKey.numberYearMonth, .numberSex] { add(pass, nhs) }
  for pass in [PassKey.local, .localSex] { add(pass, local) }
  add(.birthPostcode, demographics)
  return Combination(
    source: LinkNodes.Source(source)!, birth: demographics == nil ? .unknown : .known, number: nhs.map(nhsToken),
    passKeys: passKeys, withdrawal: withdrawalToken(withdrawal))
}

/// A record event; the withdrawal token is that of the NHS number, without one that of the local id or of the record.
func record(
  _ id: UInt64, version: Int64 = 1, nhs: UInt64? = nil, demographics: UInt64? = nil, local: UInt64? = nil,
  stamp: Int64 = 1, source: Source = .hospital
) -> RecordEvent {
  event(
    id, version, stamp, source,
    .record(
      combination(
        nhs: nhs, demographics: demographics, local: local, source: source,
        withdrawal: nhs ?? local.map { 2_000 + $0 } ?? 1_000 + id)))
}

func retraction(_ id: UInt64, version: Int64 = 1, stamp: Int64 = 1, source: Source = .hospital) -> RecordEvent {
  event(id, version, stamp, source, .retraction(.corrected))
}

/// The retraction that the objection filter makes of a record.
func exclusion(
  _ id: UInt64, version: Int64 = 1, nhs: UInt64? = nil, demographics: UInt64? = nil, stamp: Int64 = 1,
  source: Source = .hospital, reason: RetractionReason = .type2
) -> RecordEvent {
  event(
    id, version, stamp, source,
    .exclusion(
      reason,
      combination(nhs: nhs, demographics: demographics, source: source, withdrawal: nhs ?? 1_000 + id)))
}

/// - Parameter statement: stamp of the statement; the stamp erased where it is not given.
func erasure(
  _ number: UInt64, all: Bool = true, stamp: Int64, statement: Int64? = nil, inForce: Bool = true
) -> Erasure {
  Erasure(
    token: withdrawalToken(number), allSources: all,
    mark: ObjectionMark(erasedStamp: stamp, statementStamp: statement ?? stamp, isInForce: inForce))
}

private func event(
  _ id: UInt64, _ version: Int64, _ stamp: Int64, _ source: Source, _ content: RecordEvent.Content
) -> RecordEvent {
  RecordEvent(
    recordID: recordID(id), version: RecordVersion(time: version, digest: 7), stamp: stamp, source: source,
    extractID: "extract-\(version)", header: headerBytes(id, version, stamp, source), content: content)
}

func headerBytes(_ id: UInt64, _ version: Int64 = 1, _ stamp: Int64 = 1, _ source: Source = .hospital) -> [UInt8] {
  var writer = WireWriter()
  writer.bytes(1, recordID(id).bytes)
  writer.varint(2, UInt64(version))
  writer.fixed64(3, 7)
  writer.varint(4, UInt64(stamp))
  writer.varint(5, 1)
  writer.bytes(6, Array("extract-\(version)".utf8))
  writer.bytes(7, Array("A81001".utf8))
  writer.varint(8, UInt64(source.rawValue))
  return writer.bytes
}

/// One message of the stream, in the tests' small vocabulary.
enum Said: Sendable {
  case record(RecordEvent)
  case erasure(Erasure)

  static func batch(_ said: some Sequence<Said>) -> LinkageBatch {
    var batch = LinkageBatch()
    for said in said {
      switch said {
      case .record(let event): batch.records.append(event)
      case .erasure(let erasure): batch.erasures.append(erasure)
      }
    }
    return batch
  }
}

/// A small world in which tokens meet often: up to three versions of each record, retractions for corrections and for
/// objections, erasures and reinstatements of both scopes that reach some versions and not others.
///
/// One of the organisations leaves and has everything erased, in some orders before its records have come.
///
/// - Parameter isMonotone: nothing that suppresses ever says anything else: a record with a number has one version,
///   taken back or not, and what is reinstated has been erased whole. The outcome is then one, in every order.
func randomWorld(
  _ generator: inout SeededGenerator, records: UInt64, isMonotone: Bool = false
) -> [Said] {
  let numbers = max(2, records / 4)
  var said: [Said] = []
  func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &generator) == 0 }
  for id in 1...records {
    let source: Source = [.gp, .hospital, .community].randomElement(using: &generator)!
    let isUnnumbered = chance(3)
    // Records of one local id, in all their versions.
    let alike = isUnnumbered && chance(3) ? UInt64.random(in: 1...numbers, using: &generator) : nil
    for version in 1...(isMonotone && !isUnnumbered ? 1 : Int64.random(in: 1...3, using: &generator)) {
      let stamp = version * 100 + Int64.random(in: 0..<100, using: &generator)
      let hasNumber = isMonotone ? !isUnnumbered : !chance(3)
      let nhs = hasNumber ? UInt64.random(in: 1...numbers, using: &generator) : nil
      let local = nhs == nil ? alike : nil
      let demographics = local ?? (chance(5) ? nil : UInt64.random(in: 1...numbers, using: &generator))
      let passed = record(
        id, version: version, nhs: nhs, demographics: demographics, local: local, stamp: stamp, source: source)
      if let nhs, let demographics, chance(6) {
        said.append(
          .record(
            exclusion(
              id, version: version, nhs: nhs, demographics: demographics, stamp: stamp, source: source)))
        if chance(2) { continue }
      }
      if nhs == nil, demographics != nil, chance(6) {
        said.append(
          .record(exclusion(id, version: version, demographics: demographics, stamp: stamp, source: source)))
        if chance(2) { continue }
      }
      said.append(.record(passed))
      if chance(6) { said.append(.record(retraction(id, version: version, stamp: stamp, source: source))) }
    }
  }
  let organisations = UInt64.random(in: 3...6, using: &generator)
  for id in 1...records where id % organisations == 0 { said.append(.record(retraction(id, version: 4, stamp: 450))) }
  for number in 1...numbers where chance(4) {
    for _ in 0..<2 {
      let all = Bool.random(using: &generator)
      let stamp = Int64.random(in: 100..<400, using: &generator)
      said.append(.erasure(erasure(number, all: all, stamp: stamp)))
      if chance(3) {
        let end = isMonotone ? 500 : stamp + Int64.random(in: 0..<100, using: &generator)
        said.append(.erasure(erasure(number, all: all, stamp: end, inForce: false)))
      }
    }
  }
  return said
}

/// Cuts a sequence into batches of random sizes, some of them delivered twice.
func batches(_ said: [Said], _ generator: inout SeededGenerator) -> [LinkageBatch] {
  var batches: [LinkageBatch] = []
  var rest = said[...]
  while !rest.isEmpty {
    let batch = Said.batch(rest.prefix(Int.random(in: 1...12, using: &generator)))
    rest = rest.dropFirst(batch.records.count + batch.erasures.count)
    batches.append(batch)
    if Int.random(in: 0..<4, using: &generator) == 0, let repeated = batches.randomElement(using: &generator) {
      batches.append(repeated)
    }
  }
  return batches
}
