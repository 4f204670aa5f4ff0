import Contracts
import Cryptography
import Foundation
import KeyRing
import StageKit
import Testing

@testable import caredata

/// Who can read what, and what becomes of it when keys change.
extension WholeSystem.Semantics {
  private func submit(
    _ connector: Connector, _ organisation: String, _ numbers: [String], period: String = "2026-10",
    _ arguments: [String] = []
  ) throws {
    let patients = numbers.enumerated().map {
      TestExtract.Patient(ref: "P\($0.offset)", nhsNumber: $0.element, entries: [.diabetes])
    }
    let path = try connector.write(TestExtract(organisation: organisation, patients: patients).files)
    try connector.system.run(
      ["submit", "--source", "gp", "--organisation", organisation, "--period", period, path] + arguments)
    try connector.awaitBalance()
  }

  @Test func `an extract sealed at the practice is read by nobody on the way, and published like any other`() throws {
    let connector = try SharedSystem.connector
    let organisations = try (0..<2).map { _ in try connector.enrolled(.gp) }
    let numbers = [connector.newNumber(), connector.newNumber()]
    try submit(connector, organisations[0], numbers, ["--seal"])
    func seen(_ organisation: String) throws -> [Bool] {
      let mine = try connector.system.records(in: .extracts).map(\.value)
      return numbers.map { number in mine.contains { $0.firstRange(of: Array(number.utf8)) != nil } }
    }
    #expect(try seen(organisations[0]) == [false, false])
    try submit(connector, organisations[1], numbers)
    #expect(try seen(organisations[1]) == [true, true], "in the open they would be found")
    let (sealed, open) = (try connector.published([organisations[0]]), try connector.published([organisations[1]]))
    #expect(sealed == open && sealed.records.count == 2)
  }

  @Test func `every key that seals can be replaced while the services run, and retired when nothing needs it`() throws {
    let connector = try SharedSystem.connector
    let organisation = try connector.enrolled(.gp)
    let number = connector.newNumber()
    try submit(connector, organisation, [number], period: "2026-07")
    let keys = connector.system.state.keys
    let first = try keys.ring(of: .publication).active(.clinical).entry.id
    for purpose in KeyPurpose.allCases where purpose.isRotatable && purpose != .routing {
      try connector.system.run(["keys", "rotate", "--service", purpose.service.rawValue, "--purpose", purpose.rawValue])
    }
    try submit(connector, organisation, [number, connector.newNumber()], period: "2026-08", ["--seal"])
    #expect(try connector.published([organisation]).records.count == 3)

    #expect(throws: Failure.self) {
      try connector.system.run(["keys", "retire", "--service", "publication", first])
    }
    let idle = try keys.ring(of: .publication).active(.attributes).entry.id
    // Nothing is sealed to it between the two rotations.
    for _ in 0..<2 {
      try connector.system.run(["keys", "rotate", "--service", "publication", "--purpose", "attributes"])
    }
    let unused = try #require(
      try keys.ring(of: .publication).usable(.attributes).first { $0.entry.state == .opening && $0.entry.id != idle })
    let said = try connector.system.run(["keys", "retire", "--service", "publication", unused.entry.id])
    #expect(said.contains("is destroyed"))

    let list = try connector.system.run(["keys", "list"])
    #expect(list.contains(first) && list.contains("opening") && list.contains("retired") && list.contains("X25519"))
    for service in KeyService.allCases {
      let ring = try keys.ring(of: service)
      for key in KeyPurpose.of(service).flatMap({ ring.usable($0) }) {
        #expect(!list.contains(key.secret.withUnsafeBytes { hexadecimal($0) }))
      }
    }
    let third = connector.newNumber()
    try submit(connector, organisation, [third], period: "2026-09")
    #expect(try connector.published([organisation]).records.count == 4)
  }

  @Test(arguments: [KeyPurpose.records, .persons, .tokens, .recipients])
  func `a key that stored names rest on is not replaced`(purpose: KeyPurpose) throws {
    let connector = try SharedSystem.connector
    #expect(throws: Failure.self) {
      try connector.system.run(["keys", "rotate", "--service", purpose.service.rawValue, "--purpose", purpose.rawValue])
    }
    #expect(try connector.system.state.keys.ring(of: purpose.service).usable(purpose).map(\.version) == [1])
  }

  @Test(arguments: [StageName.objectionFilter, .linkage])
  func `the objection filter and linkage run without any key`(stage: StageName) throws {
    let connector = try SharedSystem.connector
    func environment(_ stage: StageName) throws -> String {
      let path = "/proc/\(try connector.system.pid(stage))/environ"
      return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
    #expect(try environment(stage).contains("CAREDATA_DATABASE_URL"))
    #expect(try !environment(stage).contains("CAREDATA_KEYS"))
    #expect(try environment(.publication).contains("CAREDATA_KEYS"), "who needs keys is told where they are")
  }

  /// The ring of another service, none, one opened with another key, or none to open it with.
  @Test func `a service whose keys are missing or wrong stops with exit code 11 and says why`() throws {
    let connector = try SharedSystem.connector
    let keys = connector.system.state.keys
    let mine = [
      "CAREDATA_KEYS_DIRECTORY": keys.folder(of: .publication).path,
      "CAREDATA_KEYS_WRAPPING_KEY_FILE": keys.wrappingKey(of: .publication),
    ]
    let cases: [([String: String], String)] = [
      (["CAREDATA_KEYS_DIRECTORY": keys.folder(of: .ingestion).path], "is the key ring of ingestion"),
      (["CAREDATA_KEYS_DIRECTORY": "/nowhere"], "/nowhere/ring.json"),
      (["CAREDATA_KEYS_WRAPPING_KEY_FILE": keys.wrappingKey(of: .ingestion)], "not the one that"),
      (["CAREDATA_KEYS_PASSPHRASE": "a passphrase as well"], "exactly one of"),
    ]
    for (wrong, text) in cases {
      var environment = try connector.system.running().environment.merging(mine) { _, new in new }
      environment.merge(wrong) { _, new in new }
      let service = try SpawnedProcess(
        "caredata-publication", [], environment: environment, output: "\(connector.system.state.path)/wrong-keys.txt")
      let status = try service.finish(seconds: 30)
      #expect(status == StageError.Code.key.rawValue, "\(service.text)")
      #expect(service.text.contains(text), "\(service.text)")
    }
  }

  @Test(arguments: StageName.allCases)
  func `a service that crashes leaves no core file, and other programs of its user do not see its memory`(
    stage: StageName
  ) throws {
    let system = try SharedSystem.connector.system
    let process = "/proc/\(try system.pid(stage))"
    let limits = try String(contentsOfFile: "\(process)/limits", encoding: .utf8)
    let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
    #expect(core.split(separator: " ").filter { $0 == "0" }.count == 2)
    // What may not be dumped belongs to the administrator, whoever runs it; seen only where that is somebody else.
    var status = stat()
    #expect(stat("\(process)/environ", &status) == 0 && status.st_uid == 0)
  }
}
