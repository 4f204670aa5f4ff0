import Contracts
import Foundation
import Testing

@testable import caredata

extension WholeSystem.Semantics {
  @Test func `an extract of FHIR resources is admitted, and who objects in it is not published`() throws {
    let connector = try SharedSystem.connector
    let practice = try connector.enrolled(.gp)
    let patients = ["p1", "p2"].map { id in
      """
      {"resourceType":"Patient","id":"\(id)","gender":"female","birthDate":"1951-02-03","identifier":\
      [{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"\(connector.newNumber())"}],"address":\
      [{"use":"home","postalCode":"\(connector.newPostcode())"}],"generalPractitioner":[{"identifier":\
      {"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"\(practice)","period":{"start":"2010-04-01"}}}]}
      """
    }
    func condition(_ id: String, of patient: String, _ code: String) -> String {
      """
      {"resourceType":"Condition","id":"\(id)","subject":{"reference":"Patient/\(patient)"},"onsetDateTime":"2018-11-12",\
      "note":[{"text":"not to be seen"}],"code":{"coding":[{"system":"http://snomed.info/sct","code":"\(code)"}]}}
      """
    }
    let resources = [
      condition("c1", of: "p1", "195967001"), condition("c2", of: "p2", "195967001"), patients[0], patients[1],
      condition("c3", of: "p2", "827241000000103"),
    ]
    let folder = try connector.write(["all.ndjson": resources.joined(separator: "\n")])
    let text = try connector.system.run([
      "submit", "--format", "fhir", "--source", "gp", "--organisation", practice, "--period", "2026-10", folder,
    ])
    #expect(text.hasPrefix("sending 2 records with 3 entries from 5 resources\n  left out, Condition.note: 3\n"))
    let manifests = try connector.system.records(in: .extracts).filter { $0.value.first != UInt8(ascii: "{") }
      .map { try ExtractMessage(serializedBytes: $0.value) }.map(\.manifest).filter { $0.organisation == practice }
    #expect(manifests.map(\.state) == [.opened, .closed])
    #expect(manifests.allSatisfy { $0.expectedRecords == 2 && $0.expectedEntries == 3 })
    #expect(manifests.allSatisfy { $0.leftOutByConnector == ["Condition.note": 3] })
    try connector.awaitBalance()
    let records = try connector.published([practice]).records
    #expect(records.map(\.entries) == ["195967001 17847"])
    #expect(records.map(\.yearOfBirth) == [1951] && records.map(\.sex) == [2])
  }
}
