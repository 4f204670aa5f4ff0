import Foundation

/// A fault of a file of numbers that stops everything before anything is sent. Names file and line, never a number.
struct NumbersFileError: Error, Equatable, CustomStringConvertible {
  let description: String
  /// Nil: the fault is one of the whole file.
  let line: Int?

  init(file: String, _ fault: CheckLines.LineFault) {
    description = "\(file), line \(fault.line): \(fault.fault.text)"
    line = fault.line
  }

  init(file: String, _ text: String) {
    description = "\(file): \(text)"
    line = nil
  }
}

/// Reads files of NHS numbers: the form of the check service, or a CSV with the one column nhs_number.
enum NumbersFile {
  /// As they stand in the file, in whichever of the two forms.
  ///
  /// - Parameter insistsOnCheckDigits: a number with a wrong one is a fault.
  static func read(_ file: String, insistsOnCheckDigits: Bool = false) throws -> [ListedNumber] {
    let isTable = try firstByte(file).map { ListedNumber.digit($0) == nil } ?? false
    let numbers = try isTable ? readTable(file) : readLines(file)
    if insistsOnCheckDigits, let place = numbers.firstIndex(where: { !$0.isValid }) {
      throw NumbersFileError(file: file, .init(line: place + (isTable ? 2 : 1), fault: .checkDigit))
    }
    return numbers
  }

  /// The form of the check service only.
  static func readLines(_ file: String) throws -> [ListedNumber] {
    let handle = try open(file)
    defer { try? handle.close() }
    var lines = CheckLines()
    do {
      while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { try lines.take(piece) }
      try lines.finish()
    } catch let fault as CheckLines.LineFault {
      throw NumbersFileError(file: file, fault)
    } catch {
      throw NumbersFileError(file: file, "cannot be read")
    }
    return lines.numbers
  }

  /// A reply of the service. Throws ``ObjectionCheck/Refusal/requestRefused`` when it is none.
  static func readReply(_ file: String) throws -> [ListedNumber] {
    do {
      return try readLines(file)
    } catch {
      let handle = try open(file)
      defer { try? handle.close() }
      if let start = try? handle.read(upToCount: 4096), ObjectionCheck.isRefusal([UInt8](start)) {
        throw ObjectionCheck.Refusal.requestRefused
      }
      throw error
    }
  }

  /// Another column might say that somebody on the list does not object, so there may be none.
  private static func readTable(_ file: String) throws -> [ListedNumber] {
    let table = try ExtractTable(file: file, columns: ExtractColumns(required: ["nhs_number"]))
    let column = table.requiredIndex(of: "nhs_number")
    var numbers: [ListedNumber] = []
    while try table.next() {
      guard let number = ListedNumber(try table.nonEmpty(column)) else { throw table.error(column, .notNHSNumber) }
      numbers.append(number)
    }
    return numbers
  }

  /// Nil: the file is empty.
  private static func firstByte(_ file: String) throws -> UInt8? {
    let handle = try open(file)
    defer { try? handle.close() }
    return try handle.read(upToCount: 1)?.first
  }

  private static func open(_ file: String) throws -> FileHandle {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), !isFolder.boolValue,
      let handle = FileHandle(forReadingAtPath: file)
    else { throw NumbersFileError(file: file, "cannot be read") }
    return handle
  }

  /// The whole file or nothing, under a name that nothing has yet; readable by its owner only.
  static func write(_ bytes: [UInt8], to folder: String, name: String, replaces: Bool = false) throws {
    let path = "\(folder)/\(name)"
    let unfinished = "\(folder)/.\(name).\(getpid())"
    defer { unlink(unfinished) }
    let descriptor = Foundation.open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw NumbersFileError(file: path, "cannot be written: \(reason())") }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try handle.write(contentsOf: bytes)
      try handle.synchronize()
      try handle.close()
    } catch { throw NumbersFileError(file: path, "cannot be written") }
    // A link never replaces what is there.
    let status = replaces ? rename(unfinished, path) : link(unfinished, path)
    guard status == 0 else { throw NumbersFileError(file: path, "cannot be written: \(reason())") }
  }

  /// Under another name, unless something has it.
  static func move(_ path: String, to target: String) throws {
    guard link(path, target) == 0 else { throw NumbersFileError(file: target, "cannot be written: \(reason())") }
    unlink(path)
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
