import Foundation
import SwiftProtobuf

extension SwiftProtobuf.Message {
  /// Reads Protobuf, or its JSON mapping where the first byte is a brace: no binary message of ours starts with one, for
  /// it would be a group, which Protobuf has given up.
  ///
  /// Fields that the contracts do not have are left out: kept, they would travel on, and nobody has looked at them.
  public init(binaryOrJSON bytes: UnsafeRawBufferPointer) throws {
    if bytes.first == UInt8(ascii: "{") {
      try self.init(jsonUTF8Data: Data(bytes))
    } else {
      try self.init(serializedBytes: bytes.bytes, options: .knownFieldsOnly)
    }
  }
}

extension BinaryDecodingOptions {
  fileprivate static let knownFieldsOnly: BinaryDecodingOptions = {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    return options
  }()
}
