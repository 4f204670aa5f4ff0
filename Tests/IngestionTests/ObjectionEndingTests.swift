import Contracts
import Cryptography
import Testing

@testable import Ingestion

struct ObjectionEndingTests {
  private let practice = TestIngestion.hash("practice")
  private let national = TestIngestion.hash("national")
  private let token = TestIngestion.routingToken(1)

  private func entry(
    _ origin: Token16, _ decision: ObjectionDecision, day: Int32?, _ type: ObjectionType = .objectionType2,
    retracted: Bool = false
  ) -> LedgerEntry {
    LedgerEntry(
      origin: origin, token: token, decision: Decision(type: type, decision: decision, day: day),
      isRetracted: retracted)
  }

  private func ends(_ changes: [LedgerEntry], _ ledger: [LedgerEntry]) -> [ObjectionType] {
    ObjectionEnding.scopes(changes, ledger: ledger).map(\.type)
  }

  @Test func `a later withdrawal ends a dissent, an earlier or undated one does not`() {
    let ledger = [entry(practice, .dissent, day: 100)]
    #expect(ends([entry(practice, .withdrawn, day: 101)], ledger) == [.objectionType2])
    #expect(ends([entry(national, .withdrawn, day: 100)], ledger).isEmpty)
    #expect(ends([entry(national, .withdrawn, day: nil)], ledger).isEmpty)
  }

  @Test func `an objection that another origin upholds does not end`() {
    let ledger = [entry(practice, .dissent, day: 100), entry(national, .dissent, day: nil)]
    #expect(ends([entry(practice, .withdrawn, day: 200)], ledger).isEmpty)
    #expect(ends([entry(national, .withdrawn, day: 200)], ledger) == [.objectionType2])
  }

  @Test func `a dissent stated under a wrong token ends when it is retracted`() {
    let ledger = [entry(practice, .dissent, day: 100)]
    #expect(ends([entry(practice, .dissent, day: 100, retracted: true)], ledger) == [.objectionType2])
    #expect(ends([entry(practice, .dissent, day: 100, retracted: true)], []).isEmpty)
  }

  @Test func `types end by themselves`() {
    let ledger = [entry(practice, .dissent, day: 100, .objectionType1), entry(practice, .dissent, day: 100)]
    #expect(ends([entry(practice, .withdrawn, day: 101, .objectionType1)], ledger) == [.objectionType1])
  }
}
