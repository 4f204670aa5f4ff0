import ArgumentParser
import Audit
import Clinical
import Foundation

/// Where the audit log is: one for an installation.
enum AuditPlace {
  /// What the environment says.
  static var own: String? {
    ProcessInfo.processInfo.environment["CAREDATA_AUDIT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
  }

  static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

  /// That of what runs in the state folder, else the one that the environment names, else the state folder's own.
  static func log(state: String?) throws -> AuditLog {
    let folder = StateDirectory(path: state ?? StateDirectory.defaultPath)
    if let path = try folder.running()?.environment["CAREDATA_AUDIT_FILE"] ?? own { return AuditLog(path: path) }
    guard FileManager.default.fileExists(atPath: folder.path) else { throw isNowhere }
    return AuditLog(path: folder.auditLog)
  }

  static let isNowhere = ClientError(
    "set CAREDATA_AUDIT_FILE: what this command does is logged before it is done")
}

extension Installation {
  /// What must not happen unlogged appends to it first.
  func audit() throws -> AuditLog {
    if !configuration.auditFile.isEmpty { return AuditLog(path: configuration.auditFile) }
    guard let state else { throw AuditPlace.isNowhere }
    return AuditLog(path: state.auditLog)
  }
}

/// Text that a command takes for the audit log: names, reasons, purposes.
enum GivenText {
  /// - Throws: `ValidationError`, also where the text holds an NHS number: what is logged is never about a patient.
  static func check(_ text: String, option: String, maximum: Int = 500) throws {
    guard !text.allSatisfy(\.isWhitespace), text.utf8.count <= maximum else {
      throw ValidationError("\(option) takes up to \(maximum) letters, and at least one.")
    }
    guard !NHSNumber.isWritten(in: text) else {
      throw ValidationError("\(option) holds an NHS number, and it is logged: leave the number out.")
    }
  }
}
