import Contracts
import Cryptography
import Foundation
import SwiftProtobuf

/// An objection as it stands in `validated`: what is said, under which token, and where.
struct ReceivedObjection {
  let token: Token16
  let statement: Statement
  let organisation: String
  /// Microseconds since 1970-01-01T00:00:00Z.
  let recordedAt: Int64

  /// Nil when it cannot be used: nobody can then tell whose records are to be held back.
  init?(key: UnsafeRawBufferPointer, notice bytes: UnsafeRawBufferPointer) {
    guard let notice = try? ObjectionNotice(serializedBytes: Data(bytes)),
      let origin = Token16(bytes: [UInt8](notice.origin)), let token = Token16(bytes: key),
      notice.type == .objectionType1 || notice.type == .objectionType2,
      notice.decision == .dissent || notice.decision == .withdrawn, !notice.organisation.contains("\0")
    else { return nil }
    self.token = token
    statement = Statement(
      origin: origin, type: notice.type, decision: notice.decision, day: notice.hasDay ? notice.day : nil,
      stamp: notice.stamp, isRetracted: notice.retracted)
    organisation = notice.organisation
    recordedAt = notice.recordedAt
  }

  /// Whether a message is an objection as far as its first field tells; `true` when that tells nothing. To see beforehand
  /// what a batch holds: the kind comes first in all that we write.
  static func mayBe(_ value: UnsafeRawBufferPointer) -> Bool {
    var reader = WireReader(value)
    guard case (EnvelopeView.Field.kind, .varint(let kind))? = try? reader.next() else { return true }
    return kind == UInt64(Kind.objection.rawValue)
  }
}
