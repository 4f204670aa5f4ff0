import Cryptography
import Foundation
import Testing

struct SecretKeyTests {
  @Test(arguments: [0, 16, 31, 33, 64]) func `a key of another length is refused`(count: Int) {
    let error = #expect(throws: CryptographyError.self) { try SecretKey(bytes: randomBytes(count)) }
    #expect(error?.code == .keyLength)
  }

  @Test func `a key gives back its bytes and random keys differ`() throws {
    let written = [UInt8](1...32)
    #expect(try SecretKey(bytes: written).withUnsafeBytes { Array($0) } == written)
    let keys = (0..<50).map { _ in SecretKey.random().withUnsafeBytes { Array($0) } }
    #expect(Set(keys).count == 50)
  }

  @Test func `neither a key nor a token prints`() throws {
    struct Holder {
      let key: SecretKey
      let token: Token16?
    }
    let key = try SecretKey(bytes: Array("abcdefghijklmnopqrstuvwxyz012345".utf8))
    let token = Token16(high: 0x6162_6364_6566_6768, low: 0x696A_6B6C_6D6E_6F70)
    let holder = Holder(key: key, token: token)
    var texts = [
      "\(key)", String(describing: key), String(reflecting: key), "\([key])", "\(Optional(key) as Any)", "\(token)",
      String(describing: token), String(reflecting: token), "\([token: 1])", "\(holder)", String(reflecting: holder),
    ]
    for subject in [key as Any, token, holder, [holder]] {
      var dumped = ""
      dump(subject, to: &dumped)
      texts.append(dumped)
    }
    #expect(texts.allSatisfy { $0.contains("<redacted") })
    for form in ["abcd", "6162", "97, 98", "\(token.high)", "\(token.low)", "storage"] {
      #expect(texts.allSatisfy { !$0.contains(form) })
    }
    #expect(Mirror(reflecting: key).children.isEmpty && Mirror(reflecting: token).children.isEmpty)
  }

  @Test func `random bytes come in the length asked for`() {
    for count in [0, 1, 12, 1_000] { #expect(randomBytes(count).count == count) }
    #expect(randomBytes(32) != randomBytes(32))
  }
}

struct KeyFileTests {
  /// Runs `body` with the path of a file in a new folder, which is removed afterwards.
  private func withPath(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appendingPathComponent("key").path)
  }

  private func write(_ text: String, mode: Int, to path: String) {
    let isWritten = FileManager.default.createFile(
      atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
    #expect(isWritten)
  }

  private let text = String(repeating: "0aF9", count: 16)

  @Test(arguments: [0o600, 0o400]) func `a key file closed to others is read`(mode: Int) throws {
    try withPath { path in
      write(text + "\n", mode: mode, to: path)
      let key = try KeyFile.read(path)
      #expect(key.withUnsafeBytes { Array($0) } == Array(repeatElement([0x0A, 0xF9], count: 16).joined()))
    }
  }

  @Test(arguments: [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777])
  func `a key file open to anybody else is refused with its mode`(mode: Int) throws {
    try withPath { path in
      write(text + "\n", mode: mode, to: path)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      let error = #expect(throws: CryptographyError.self) { try KeyFile.read(path) }
      #expect(error?.code == .keyFile)
      #expect(error?.description.contains("mode \(String(mode, radix: 8))") == true)
    }
  }

  @Test func `anything that is not exactly a key is refused without telling the content`() throws {
    let short = String(text.dropLast())
    let contents = [
      "", "\n", text, text + "\n\n", text + "0\n", text + "\r\n", short + "\n", short + "g\n", " " + short + "\n",
      text + text + "\n",
    ]
    for content in contents {
      try withPath { path in
        write(content, mode: 0o600, to: path)
        let error = #expect(throws: CryptographyError.self) { try KeyFile.read(path) }
        #expect(error?.code == .keyFile)
        #expect(error?.description.contains("0aF9") == false)
      }
    }
  }

  @Test func `a missing file, a folder and a pipe are refused at once`() throws {
    try withPath { path in
      #expect(throws: CryptographyError.self) { try KeyFile.read(path) }
      #expect(throws: CryptographyError.self) { try KeyFile.read((path as NSString).deletingLastPathComponent) }
      #expect(mkfifo(path, 0o600) == 0)
      let error = #expect(throws: CryptographyError.self) { try KeyFile.read(path) }
      #expect(error?.description == "key file \(path) is not a regular file")
    }
  }

  @Test func `a created key is private, random, readable and never overwritten`() throws {
    try withPath { path in
      try KeyFile.create(path)
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      let written = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(written.count == 65 && written.last == 0x0A)
      let key = try KeyFile.read(path).withUnsafeBytes { Array($0) }
      #expect(key == bytes(String(decoding: written, as: UTF8.self)))

      let error = #expect(throws: CryptographyError.self) { try KeyFile.create(path) }
      #expect(error?.code == .keyFile)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == written)

      try KeyFile.create(path + "2")
      #expect(try KeyFile.read(path + "2").withUnsafeBytes { Array($0) } != key)
    }
  }
}

struct RandomNameTests {
  @Test func `a random name is of letters alone, and no other's`() {
    let names = (0..<1_000).map { _ in randomName() }
    #expect(names.allSatisfy { $0.count == 16 && $0.allSatisfy(\.isLowercase) && !$0.contains(where: \.isNumber) })
    #expect(Set(names).count == names.count)
  }
}
