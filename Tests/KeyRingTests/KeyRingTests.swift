import Cryptography
import Foundation
import Testing

@testable import KeyRing

/// A folder that goes with the test.
final class TestFolder {
  let path = NSTemporaryDirectory() + "caredata-keys-\(randomName())"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ text: String, to name: String, mode: Int = 0o600) throws -> String {
    try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
    return file(name)
  }
}

private func material(_ key: SecretKey) -> [UInt8] { key.withUnsafeBytes { Array($0) } }

struct KeyRingTests {
  private let folder: TestFolder
  private let unlocking = KeyUnlocking.key(.random())
  private var path: String { folder.file("ring.json") }

  init() throws { folder = try TestFolder() }

  private func code(_ body: () throws -> Void) -> KeyRingError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? KeyRingError)?.code
    }
  }

  @Test(arguments: KeyService.allCases)
  func `a new ring holds one active key of each of its service's purposes`(service: KeyService) throws {
    let ring = try KeyRing.create(path, of: service, unlocking)
    #expect(Set(ring.entries.map(\.purpose)) == Set(KeyPurpose.of(service)))
    #expect(ring.entries.allSatisfy { $0.state == .active && $0.version == 1 && $0.algorithm == $0.purpose.algorithm })
    #expect(Set(ring.entries.map(\.id)).count == ring.entries.count)
    #expect(KeyPurpose.allCases.enumerated().allSatisfy { $0.element.place == $0.offset })
    let again = try KeyRing(path, of: service, unlocking)
    for purpose in KeyPurpose.of(service) {
      #expect(try material(again.active(purpose).secret) == material(ring.active(purpose).secret))
    }
    #expect(code { _ = try KeyRing.create(path, of: service, unlocking) } == .refused)
  }

  @Test func `the file is closed to others and shows no secret, neither plain nor in hexadecimal`() throws {
    let ring = try KeyRing.create(path, of: .ingestion, unlocking)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for purpose in KeyPurpose.of(.ingestion) {
      let secret = try ring.active(purpose)
      #expect(!text.contains(hexadecimal(material(secret.secret))))
      #expect(!text.contains(Data(material(secret.secret)).base64EncodedString()))
      #expect(!"\(secret)".contains(hexadecimal(material(secret.secret))))
    }
  }

  @Test(arguments: [0o604, 0o640, 0o660]) func `a ring open to others is refused`(mode: Int) throws {
    _ = try KeyRing.create(path, of: .ingestion, unlocking)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    #expect(code { _ = try KeyRing(path, of: .ingestion, unlocking) } == .file)
  }

  @Test func `a ring that is missing, of another service, or none is refused, as is a wrong key`() throws {
    #expect(code { _ = try KeyRing(path, of: .ingestion, unlocking) } == .file)
    _ = try KeyRing.create(path, of: .ingestion, unlocking)
    #expect(code { _ = try KeyRing(path, of: .publication, unlocking) } == .file)
    #expect(code { _ = try KeyRing(path, of: .ingestion, .key(.random())) } == .wrongPassphrase)
    #expect(code { _ = try KeyRing(path, of: .ingestion, .passphrase(Array("long enough indeed".utf8))) } == .unlocking)
    for text in ["", "{}", "[1]", "not JSON", #"{"format": "caredata key ring 2"}"#] {
      let other = try folder.write(text, to: "other.json")
      #expect(code { _ = try KeyRing(other, of: .ingestion, unlocking) } == .file)
    }
  }

  @Test func `a passphrase opens what it has made, and no other one does`() throws {
    let phrase = KeyUnlocking.passphrase(Array("correct horse battery".utf8))
    let ring = try KeyRing.create(path, of: .publication, phrase)
    let again = try KeyRing(path, of: .publication, phrase)
    #expect(try material(again.active(.clinical).secret) == material(ring.active(.clinical).secret))
    #expect(
      code { _ = try KeyRing(path, of: .publication, .passphrase(Array("correct horse batterz".utf8))) }
        == .wrongPassphrase)
  }

  @Test func `an entry changed by other hands is noticed`() throws {
    let ring = try KeyRing.create(path, of: .ingestion, unlocking)
    _ = try ring.rotate(.staging)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changes = [
      ("\"state\" : \"opening\"", "\"state\" : \"active\""), ("\"version\" : 2", "\"version\" : 3"),
      ("\"purpose\" : \"persons\"", "\"purpose\" : \"records\""),
      (ring.entries[0].created, "2000-01-01T00:00:00Z"),
      (try ring.active(.routing).entry.id, "00000000"),
    ]
    for (old, new) in changes {
      #expect(text.contains(old))
      let changed = try folder.write(text.replacingOccurrences(of: old, with: new), to: "changed.json")
      #expect(code { _ = try KeyRing(changed, of: .ingestion, unlocking) } == .wrongPassphrase)
    }
    let unchanged = try folder.write(text, to: "changed.json")
    #expect(code { _ = try KeyRing(unchanged, of: .ingestion, unlocking) } == nil)
  }

  @Test func `after a rotation the new key seals and the old one opens, until it is retired and destroyed`() throws {
    let ring = try KeyRing.create(path, of: .publication, unlocking)
    let first = try ring.active(.clinical)
    let second = try ring.rotate(.clinical)
    #expect(second.version == 2 && second.id != first.entry.id)
    #expect(try ring.active(.clinical).entry.id == second.id)
    #expect(ring.usable(.clinical).map(\.version) == [2, 1])
    #expect(material(ring.usable(.clinical)[1].secret) == material(first.secret))
    #expect(code { _ = try ring.retire(second.id) } == .refused)
    #expect(code { _ = try ring.retire("00000000") } == .missingKey)
    #expect(try ring.retire(first.entry.id).state == .retired)
    #expect(ring.usable(.clinical).map(\.version) == [2])
    #expect(code { _ = try ring.retire(first.entry.id) } == .refused)
    let wrapped = try #require(try KeyRingFile.read(path).keys.first { $0.id == first.entry.id })
    #expect(wrapped.wrapped == nil && wrapped.publicKey != nil)
    #expect(try KeyRing(path, of: .publication, unlocking).entries.count == 4)
  }

  @Test func `names rest on their key, so it is never rotated, nor is a key of another service`() throws {
    let ring = try KeyRing.create(path, of: .ingestion, unlocking)
    for purpose in [KeyPurpose.records, .persons, .clinical] {
      #expect(code { _ = try ring.rotate(purpose) } == .refused)
    }
  }

  @Test func `a ring that is open learns of a rotation`() throws {
    let running = try KeyRing.create(path, of: .pseudonymisation, unlocking)
    #expect(try !running.refresh())
    let rotated = try KeyRing(path, of: .pseudonymisation, unlocking).rotate(.identity)
    #expect(try running.refresh())
    #expect(try running.active(.identity).entry.id == rotated.id)
    #expect(try !running.refresh())
    // Who changes a ring from an outdated picture of it would undo a change.
    _ = try KeyRing(path, of: .pseudonymisation, unlocking).rotate(.identity)
    #expect(code { _ = try running.rotate(.linkage) } == .refused)
    #expect(try running.rotate(.linkage).version == 2)
    #expect(running.usable(.identity).map(\.version) == [3, 2, 1])
  }

  @Test func `exactly one passphrase or key is taken, from a file closed to others`() throws {
    let digits = String(repeating: "0a", count: 32)
    let phraseFile = try folder.write("correct horse battery\nsecond line", to: "phrase")
    let keyFile = try folder.write(digits + "\n", to: "key")
    let openFile = try folder.write("correct horse battery", to: "open", mode: 0o644)
    func method(_ sources: KeyUnlocking.Sources) -> String? { try? KeyUnlocking(sources).method }
    #expect(method(.init(passphrase: "correct horse battery")) == "scrypt")
    #expect(method(.init(passphraseFile: phraseFile)) == "scrypt")
    #expect(method(.init(key: digits)) == "key" && method(.init(keyFile: keyFile)) == "key")
    for wrong in [
      KeyUnlocking.Sources(), .init(passphrase: "correct horse battery", key: digits), .init(passphrase: "short"),
      .init(passphraseFile: openFile), .init(key: "0a"), .init(keyFile: phraseFile),
      .init(passphraseFile: folder.file("nowhere")),
    ] {
      #expect(code { _ = try KeyUnlocking(wrong) } == .unlocking)
    }
    guard case .passphrase(let text) = try KeyUnlocking(.init(passphraseFile: phraseFile)) else { return }
    #expect(text == Array("correct horse battery".utf8))
  }
}

struct PublicKeysTests {
  private let folder: TestFolder
  private let unlocking = KeyUnlocking.key(.random())
  private let ingestion: KeyRing
  private let pseudonymisation: KeyRing

  init() throws {
    folder = try TestFolder()
    ingestion = try KeyRing.create(folder.file("ingestion.json"), of: .ingestion, unlocking)
    pseudonymisation = try KeyRing.create(folder.file("pseudonymisation.json"), of: .pseudonymisation, unlocking)
  }

  @Test func `what is sealed to an exported key opens with the ring`() throws {
    let path = folder.file("public.json")
    try PublicKeys(of: pseudonymisation).write(path)
    let exported = try PublicKeys(path, of: .pseudonymisation)
    let sealed = try SealedBoxSealer(to: try exported.active(.identity), purpose: "identity")
      .seal([1, 2, 3], associated: [])
    let opener = SealedBoxOpener(keys: try pseudonymisation.privateKeys(.identity), purpose: "identity")
    #expect(try opener.open(sealed, associated: []) == [1, 2, 3])
    #expect(throws: KeyRingError.self) { try exported.active(.clinical) }
    #expect(throws: KeyRingError.self) { try PublicKeys(path, of: .publication) }
    try FileManager.default.setAttributes([.posixPermissions: 0o664], ofItemAtPath: path)
    #expect(throws: KeyRingError.self) { try PublicKeys(path, of: .pseudonymisation) }
  }

  @Test func `an exported key that is not what its id says is not sealed to`() throws {
    let path = folder.file("public.json")
    try PublicKeys(of: pseudonymisation).write(path)
    let other = hexadecimal(try X25519PrivateKey().publicKey.bytes)
    let key = try #require(try PublicKeys(path, of: .pseudonymisation).keys.first?.key)
    let text = try String(contentsOfFile: path, encoding: .utf8).replacingOccurrences(of: key, with: other)
    _ = try folder.write(text, to: "public.json", mode: 0o644)
    #expect(throws: KeyRingError.self) { try PublicKeys(path, of: .pseudonymisation).active(.identity) }
  }

  @Test func `a shared secret reaches the one it is for, in every version, and nobody else`() throws {
    #expect(throws: KeyRingError.self) { try PublicKeys(of: ingestion) }
    _ = try ingestion.rotate(.routing)
    let exported = try PublicKeys(of: ingestion, recipients: [try PublicKeys(of: pseudonymisation)])
    let secrets = try exported.shared(.routing, opening: try pseudonymisation.privateKeys(.identity))
    #expect(secrets.map(\.version) == [2, 1] && secrets.map(\.state) == [.active, .opening])
    for (shared, own) in zip(secrets, ingestion.usable(.routing)) {
      #expect(material(shared.secret) == material(own.secret))
    }
    #expect(throws: KeyRingError.self) { try exported.shared(.routing, opening: [try X25519PrivateKey()]) }
    #expect(throws: KeyRingError.self) {
      try exported.shared(.staging, opening: try pseudonymisation.privateKeys(.identity))
    }
  }

  @Test func `retired keys are not exported, and a changed export is read again`() throws {
    let path = folder.file("public.json")
    try PublicKeys(of: pseudonymisation).write(path)
    let file = try PublicKeysFile(path, of: .pseudonymisation)
    #expect(try !file.refresh())
    let first = try pseudonymisation.active(.identity).entry.id
    _ = try pseudonymisation.rotate(.identity)
    _ = try pseudonymisation.retire(first)
    try PublicKeys(of: pseudonymisation).write(path)
    #expect(try file.refresh())
    #expect(file.keys.keys.map(\.version) == [2])
  }
}
