import Foundation

@testable import Audit

/// A log in a folder of its own, and ways to damage it.
final class TestLog {
  let folder: String
  let log: AuditLog
  var path: String { log.path }
  var head: String { path + ".head" }

  init() {
    var template = Array("/tmp/caredata-audit-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    log = AuditLog(path: folder + "/audit.log")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// With `count` lines of different kinds.
  convenience init(lines count: Int) throws {
    self.init()
    for number in 0..<count {
      let event = AuditEvent.allCases[number % AuditEvent.allCases.count]
      try log.append(
        event: event, by: number.isMultiple(of: 2) ? "A. Reader" : "",
        details: ["purpose": "query \"\(number)\" of Łódź \\ trial", "service": "ingestion"])
    }
  }

  var bytes: [UInt8] {
    get { [UInt8](FileManager.default.contents(atPath: path) ?? Data()) }
    set { overwrite(path, newValue) }
  }

  var headBytes: [UInt8] {
    get { [UInt8](FileManager.default.contents(atPath: head) ?? Data()) }
    set { overwrite(head, newValue) }
  }

  /// Lines without their ends.
  var lines: [[UInt8]] {
    get { bytes.split(separator: 0x0A).map(Array.init) }
    set { bytes = newValue.flatMap { $0 + [0x0A] } }
  }

  /// Keeps the file and its mode.
  private func overwrite(_ path: String, _ bytes: [UInt8]) {
    let handle = FileHandle(forWritingAtPath: path)!
    try! handle.truncate(atOffset: 0)
    try! handle.write(contentsOf: Data(bytes))
    try! handle.close()
  }

  /// Of the fault that is found; nil: none is.
  func fault(noted: String? = nil, count: Int64? = nil) throws -> AuditFault? {
    do {
      try log.verify(noted: noted, count: count)
      return nil
    } catch let fault as AuditFault {
      return fault
    }
  }
}
