/// A type that identifies a person. Printing, interpolating, dumping or reflecting a value shows only what kind of
/// value it is, so that an identifier cannot reach a log line, an error text or a test report by accident.
public protocol Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// What the value is, in words: "NHS number".
  static var redactedName: String { get }
}

extension Redacted {
  public var description: String { "<redacted \(Self.redactedName)>" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
