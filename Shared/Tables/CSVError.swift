/// Why a file cannot be read as CSV. The description never repeats what stands in the file.
public struct CSVError: Error, Equatable, CustomStringConvertible {
  public enum Fault: Equatable, Sendable {
    case unreadable(String)
    case notUTF8
    case zeroByte
    case strayQuote
    case textAfterQuote
    case strayCarriageReturn
    case unclosedQuote
    case rowTooLong(Int)
    case tooManyColumns(Int)
  }

  public let file: String
  /// The header is row 1; a row whose quoted value spans lines is one row.
  public let row: Int?
  /// On which the row begins.
  public let line: Int?
  public let fault: Fault

  init(file: String, row: Int? = nil, line: Int? = nil, _ fault: Fault) {
    self.file = file
    self.row = row
    self.line = line
    self.fault = fault
  }

  public var description: String { "\(file)\(row.map { ", row \($0)" } ?? ""): \(fault)" }
}

extension CSVError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .notUTF8: "is not UTF-8"
    case .zeroByte: "contains a zero byte"
    case .strayQuote: "a quote inside a value that does not start with one"
    case .textAfterQuote: "text after the closing quote"
    case .strayCarriageReturn: "a carriage return without a line feed outside quotes"
    case .unclosedQuote: "the file ends inside a quoted value"
    case .rowTooLong(let limit): "the row is longer than \(limit) bytes; is a quote left open?"
    case .tooManyColumns(let limit): "the row has more than \(limit) columns"
    }
  }
}
