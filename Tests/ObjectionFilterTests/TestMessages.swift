import Contracts
import Cryptography
import Foundation

/// Messages of `validated` as ingestion writes them.
enum TestMessages {
  /// - Parameter partition: where the token lies with two partitions.
  static func token(_ number: UInt64, partition: UInt64 = 0) -> Token16 {
    Token16(high: (number << 33) | (partition << 32), low: number)
  }

  static func record(
    _ number: UInt32, stamp: Int64, extract: String = "e1", source: Source = .gp, organisation: String = "A81001",
    identity: String = "sealed identity"
  ) -> Envelope {
    let header = Header.with {
      $0.recordID = Data(Token16(high: UInt64(stamp), low: UInt64(number)).bytes)
      $0.versionTime = 1
      $0.stamp = stamp
      $0.number = number
      $0.extractID = extract
      $0.organisation = organisation
      $0.source = source
      $0.period = "2026-10"
    }
    return Envelope.with {
      $0.kind = .record
      $0.header = (try? header.serializedBytes()) ?? Data()
      $0.identity = Data(identity.utf8)
      $0.clinical = Data("sealed clinical".utf8)
    }
  }

  static func objection(
    _ decision: ObjectionDecision, type: ObjectionType = .objectionType1, day: Int32? = 19_000, stamp: Int64,
    origin: UInt64 = 1, retracted: Bool = false, organisation: String = "A81001", recordedAt: Int64 = 0
  ) -> Envelope {
    Envelope.with {
      $0.kind = .objection
      $0.objection.origin = Data(Token16(high: origin, low: 0).bytes)
      $0.objection.type = type
      $0.objection.decision = decision
      if let day { $0.objection.day = day }
      $0.objection.stamp = stamp
      $0.objection.retracted = retracted
      $0.objection.organisation = organisation
      $0.objection.recordedAt = recordedAt
    }
  }

  static func marker(_ cut: String, partition: UInt32, heldBy: [String] = []) -> Envelope {
    Envelope.with {
      $0.kind = .marker
      $0.marker.cutID = cut
      $0.marker.validatedPartition = partition
      $0.marker.partitions = 2
      $0.marker.heldBy = heldBy
      $0.marker.regime = "type-1,type-2,national-list"
    }
  }

  static func admitted(_ extract: String, records: UInt32) -> Receipt {
    Receipt.with {
      $0.id = extract
      $0.status = .admitted
      $0.organisation = "A81001"
      $0.source = .gp
      $0.period = "2026-10"
      $0.recordsAdmitted = records
    }
  }
}

extension Envelope {
  var recordStamp: Int64 { ((try? Header(serializedBytes: header))?.stamp) ?? 0 }
}
