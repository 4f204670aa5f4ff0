import Clinical
import Contracts
import Foundation
import StageKit

/// A folder in which the client of the message exchange and caredata meet.
///
/// ```
/// requests/   every request until its reply has been processed; NAME.whole beside one that asks for everybody
/// out/        the same requests, for the client to send
/// in/         replies, put there by the client under the name of their request
/// done/       replies that are processed, and their requests as NAME.request
/// refused/    replies from which nothing follows, each with NAME.reason
/// ```
///
/// A reply leaves `in` only when its receipt has come. Whatever ends a run before, the next one does it again, and
/// saying the same twice changes nothing.
struct CheckDrop {
  enum Part: String, CaseIterable { case requests, out, `in`, done, refused }

  enum Handled: Equatable {
    /// Nobody knows what was asked: it stays where it is.
    case unknownRequest
    case processed(String)
    case refused(String)
  }

  let folder: String

  /// Makes the folders that are missing.
  init(_ folder: String) throws {
    self.folder = folder
    for part in Part.allCases {
      do {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/\(part.rawValue)", withIntermediateDirectories: true,
          attributes: [.posixPermissions: 0o700])
      } catch { throw ClientError("\(folder)/\(part.rawValue) cannot be made") }
    }
  }

  func path(_ part: Part, _ name: String) -> String { "\(folder)/\(part.rawValue)/\(name)" }

  /// Names of all requests there ever were, as far as the folder tells.
  func requestNames() -> [String] {
    [Part.requests, .out, .done].flatMap(files).map { $0.replacing(/\.request$/, with: "") }
  }

  /// Known here before the client can see it.
  func write(_ numbers: [ListedNumber], as name: CheckFileName, isWhole: Bool) throws {
    let bytes = CheckLines.text(numbers)
    // Another request may have had the name before.
    unlink(path(.requests, "\(name.text).whole"))
    if isWhole { try NumbersFile.write([], to: "\(folder)/requests", name: "\(name.text).whole", replaces: true) }
    try NumbersFile.write(bytes, to: "\(folder)/requests", name: name.text)
    try NumbersFile.write(bytes, to: "\(folder)/out", name: name.text)
  }

  /// Replies that nobody writes on any more, in the order in which they came: their names tell the day of the month
  /// first.
  func replies(quietFor seconds: Double, now: Date = .now) -> [String] {
    files(.in).compactMap { name in changed(path(.in, name)).map { (at: $0, name: name) } }
      .filter { now.timeIntervalSince($0.at) >= seconds }.sorted { $0 < $1 }.map(\.name)
  }

  /// - Parameter send: sends what the reply says and returns its receipt.
  /// - Throws: what `send` throws; then the reply stays for the next time.
  func handle(_ name: String, _ send: (NationalListSubmission) throws -> Receipt) throws -> Handled {
    guard !exists(.done, name) else { return try refuse(name, "a reply of this name has been processed before") }
    guard let request = [Part.requests, .out].first(where: { exists($0, name) }).map({ path($0, name) }) else {
      return .unknownRequest
    }
    let isWhole = exists(.requests, name + ".whole")
    let submission: NationalListSubmission
    do {
      let outcome = try ObjectionCheck.outcome(
        request: try NumbersFile.readLines(request), reply: try NumbersFile.readReply(path(.in, name)))
      submission = NationalListSubmission(
        dissents: outcome.dissents, withdrawn: isWhole ? [] : outcome.withdrawn,
        drawnAt: (changed(path(.in, name)) ?? .now).microseconds, isWhole: isWhole, isConfirmed: false)
    } catch let refusal as ObjectionCheck.Refusal {
      return try refuse(name, refusal.text)
    } catch {
      return try refuse(name, "\(error)")
    }
    let receipt = try send(submission)
    let text = NationalListAnswer.text(receipt, isWhole: isWhole, dissents: submission.dissents.count)
    guard receipt.status != .nationalListRefused else { return try refuse(name, text) }
    try NumbersFile.move(path(.in, name), to: path(.done, name))
    unlink(path(.requests, name + ".whole"))
    if exists(.requests, name) { rename(path(.requests, name), path(.done, name + ".request")) }
    return .processed(text)
  }

  /// The reason is there before the reply is.
  private func refuse(_ name: String, _ reason: String) throws -> Handled {
    var place = name
    var number = 1
    while exists(.refused, place) {
      number += 1
      place = "\(name).\(number)"
    }
    try NumbersFile.write(Array("\(reason)\n".utf8), to: "\(folder)/refused", name: "\(place).reason", replaces: true)
    try NumbersFile.move(path(.in, name), to: path(.refused, place))
    return .refused(reason)
  }

  private func files(_ part: Part) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part.rawValue)")) ?? [])
      .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".whole") && !$0.hasSuffix(".reason") }.sorted()
  }

  private func exists(_ part: Part, _ name: String) -> Bool {
    FileManager.default.fileExists(atPath: path(part, name))
  }

  private func changed(_ path: String) -> Date? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
  }
}
