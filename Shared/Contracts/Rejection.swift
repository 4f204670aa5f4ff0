import Foundation

/// What a topic `rejected.STAGE` carries: where a message lies and why it was put aside, never what is in it.
public struct Rejection: Codable, Hashable, Sendable {
  public var topic: String
  public var partition: Int32
  public var offset: Int64
  public var code: String
  /// Of a record of an extract, where it is known.
  public var extract: String?

  public init(topic: String, partition: Int32, offset: Int64, code: String, extract: String? = nil) {
    self.topic = topic
    self.partition = partition
    self.offset = offset
    self.code = code
    self.extract = extract
  }

  public init(json: some Sequence<UInt8>) throws {
    self = try JSONDecoder().decode(Rejection.self, from: Data(json))
  }

  /// Key of the message.
  public var place: String { "\(topic)/\(partition)/\(offset)" }

  public var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Text and numbers always encode.
    return (try? encoder.encode(self)).map { [UInt8]($0) } ?? []
  }
}
