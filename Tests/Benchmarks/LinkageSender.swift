import Contracts
import Cryptography
import FaultyRecords
import Foundation
import Fuzzing
import LinkKeys

/// Records of made-up people with mistakes, as pseudonymisation sends them: one postal district after the other, so that
/// however many have been sent, their districts are as full as they ever get.
final class LinkageSender {
  struct Message {
    let recordID: [UInt8]
    let value: [UInt8]
  }

  private struct Sent: Hashable {
    let identity: LinkIdentity
    let source: FaultyRecord.Source
  }

  private var records: IndexingIterator<[FaultyRecord]>
  private var sent: [Sent] = []
  private var known: Set<Sent> = []
  private let maker: LinkTokenMaker
  private let withdrawals: HMACSHA256
  private var tokens = LinkTokenMaker.Tokens()
  private var links = WireWriter()
  private var header = WireWriter()
  private var envelope = WireWriter(capacity: 4_096)
  private var random: FuzzRandom
  private var count: UInt64 = 0
  /// Where the walk over what had been sent when known identities were first asked for since new ones has come to.
  private var walk: (count: Int, place: Int, step: Int)?

  /// Of ten entries, sealed.
  private static let clinical = [UInt8](repeating: 7, count: 600)
  private static let attributes = [UInt8](repeating: 9, count: 120)

  init(seed: UInt64, people: Int) {
    records = FaultyRecords(seed: seed, people: people).byDistrict.makeIterator()
    random = FuzzRandom(seed: seed)
    do {
      maker = try LinkTokenMaker(root: .random(), linkage: .random())
      withdrawals = try HMACSHA256(key: .random())
    } catch {
      fatalError("libcrypto makes no keys: \(error)")
    }
  }

  /// Sent so far.
  var identities: Int { sent.count }

  /// - Parameter share: how many have an identity that was sent before, all of them different until a batch has none: a
  ///   second record of an identity is more work than a third, and in a small index chance would bring more thirds.
  func batch(_ size: Int, known share: Double) throws -> [Message] {
    if share == 0 { walk = nil }
    return try (0..<size).map { _ in
      try message(Double(random.below(1_000_000)) < share * 1_000_000 ? again() : next())
    }
  }

  /// One of those that were sent before, each once.
  private func again() throws -> Sent {
    var walk = walk ?? (sent.count, 0, Self.step(over: sent.count))
    guard walk.count > 0 else { return try next() }
    walk.place = (walk.place + walk.step) % walk.count
    self.walk = walk
    return sent[walk.place]
  }

  /// Coprime to the count, so that it visits everything once, and by the golden ratio, so that few steps reach everywhere.
  private static func step(over count: Int) -> Int {
    var step = max(1, Int(Double(count) * 0.618_033_988_7))
    while greatestDivisor(step, count) > 1 { step += 1 }
    return step
  }

  private static func greatestDivisor(_ one: Int, _ other: Int) -> Int {
    other == 0 ? one : greatestDivisor(other, one % other)
  }

  private func next() throws -> Sent {
    while let record = records.next() {
      let next = Sent(identity: record.identity, source: record.source)
      guard known.insert(next).inserted else { continue }
      sent.append(next)
      return next
    }
    throw BenchmarkError("there are not enough people for so many identities")
  }

  private func message(_ record: Sent) -> Message {
    count += 1
    let recordID = Token16(high: random.next(), low: count)
    maker.write(record.identity, to: &tokens)
    links.reset()
    tokens.append(to: &links)
    let identity = record.identity
    let withdrawal =
      identity.number != 0 ? withdrawals.token("\(identity.number)") : withdrawals.token("local", "\(identity.local)")
    links.bytes(3, withdrawal.bytes)
    links.varint(4, 1)
    if identity.birth != .unknown { links.varint(6, UInt64(identity.birth.rawValue)) }
    header.reset()
    header.bytes(1, recordID.bytes)
    header.varint(2, 1_760_000_000_000_000)
    header.fixed64(3, random.next() >> 1)
    header.varint(4, count)
    header.varint(5, count)
    header.text(6, "EXTRACT-\(record.source.name)")
    header.text(7, "A81001")
    header.varint(8, UInt64(record.source.rawValue + 1))
    header.text(9, "2026-10")
    header.text(10, "1")
    envelope.reset()
    envelope.varint(EnvelopeView.Field.kind, UInt64(Kind.record.rawValue))
    envelope.bytes(EnvelopeView.Field.header, header.bytes)
    envelope.bytes(EnvelopeView.Field.clinical, Self.clinical)
    envelope.bytes(EnvelopeView.Field.attributes, Self.attributes)
    envelope.bytes(EnvelopeView.Field.links, links.bytes)
    return Message(recordID: recordID.bytes, value: envelope.bytes)
  }
}
