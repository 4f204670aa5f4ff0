import Contracts

/// Changes fields of records, manifests, objections and enrolments into what a connector might send.
struct RecordMutation {
  /// What describes the extract stays, and every code system is one that is known: so its extract can be admitted.
  let keepsExtract: Bool

  func mutate(_ record: inout PatientRecord, _ random: inout FuzzRandom) {
    for _ in 0..<random.below(4) { field(&record, &random) }
    if !keepsExtract, random.isOne(in: 6) { header(&record, &random) }
  }

  private func field(_ record: inout PatientRecord, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(15) {
    case 14: record.patientRef = ""
    case 0: record.nhsNumber = random.pick(hostile.nhsNumbers)
    case 1: record.dateOfBirth = random.pick(hostile.dates)
    case 2: record.sex = random.pick(["0", "1", "2", "9", "X", "3", "M", "１", ""])
    case 3: record.statedGender = random.pick(["0", "1", "2", "9", "X", "x", "XX", ""])
    case 4: record.postcode = random.pick(hostile.postcodes)
    case 5: record.ethnicCategory = random.pick(["A", "Z", "99", "I", "a", "Α", ""])
    case 6: record.practice = random.pick(hostile.organisations)
    case 7: record.registeredFrom = random.pick(hostile.dates)
    case 8: record.registeredTo = random.pick(hostile.dates)
    case 9: text(&record, random.pick(hostile.texts), &random)
    case 10: record.entries = []
    case 11: entries(&record, &random)
    default:
      if let place = record.entries.indices.randomElement(using: &random) { entry(&record.entries[place], &random) }
    }
  }

  private func text(_ record: inout PatientRecord, _ text: String, _ random: inout FuzzRandom) {
    let fields: [WritableKeyPath<PatientRecord, String>] = [
      \.patientRef, \.nhsNumber, \.dateOfBirth, \.sex, \.postcode, \.ethnicCategory, \.practice, \.registeredFrom,
      \.registeredTo, \.statedGender,
    ]
    record[keyPath: random.pick(fields)] = text
  }

  private func header(_ record: inout PatientRecord, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(7) {
    case 0: record.extractID = random.pick(hostile.extractIDs)
    case 1: record.organisation = random.pick(hostile.organisations)
    case 2:
      record.source = random.pick([.unspecified, .gp, .hospital, .community, .UNRECOGNIZED(4), .UNRECOGNIZED(-1)])
    case 3: record.period = random.pick(hostile.periods)
    case 4: record.submittedAt = random.pick(hostile.times)
    case 5: record.specification = random.pick(hostile.specifications)
    default: record.sequence = random.pick(hostile.unsigned)
    }
  }

  // MARK: Entries

  /// Repeated, numerous, or tied to a sensitive code.
  private func entries(_ record: inout PatientRecord, _ random: inout FuzzRandom) {
    guard let first = record.entries.first else { return }
    switch random.below(60) {
    case 0: record.entries = Array(repeating: first, count: 1_000 + random.below(3_000))
    case 1...20: record.entries += record.entries
    default:
      var sensitive = first
      (sensitive.system, sensitive.code) = random.pick(HostileValues.codes)
      sensitive.encounter = UInt32(1 + random.below(3))
      for place in record.entries.indices { record.entries[place].encounter = UInt32(random.below(4)) }
      record.entries.append(sensitive)
    }
  }

  private func entry(_ entry: inout Entry, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(10) {
    case 0:
      (entry.system, entry.code) = random.pick(hostile.objections)
      if keepsExtract, case .UNRECOGNIZED = entry.system { entry.system = .read2 }
    case 1, 2: (entry.system, entry.code) = random.pick(hostile.codes)
    case 3: entry.code = random.pick(hostile.texts)
    case 4: entry.day = random.pick(hostile.days)
    case 5: entry.endDay = random.pick(hostile.days)
    case 6: entry.value = random.pick(hostile.values)
    case 7: entry.unit = random.pick(hostile.units)
    case 8:
      entry.encounter = random.pick(hostile.unsigned)
      entry.position = random.pick(hostile.unsigned)
    default:
      if keepsExtract { entry.clearDay() } else { entry.system = random.pick(hostile.systems) }
    }
  }

  // MARK: Other messages

  func mutate(_ manifest: inout Manifest, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    for _ in 0...random.below(2) {
      switch random.below(11) {
      case 0: manifest.extractID = random.pick(hostile.extractIDs)
      case 1: manifest.organisation = random.pick(hostile.organisations)
      case 2: manifest.source = random.pick([.unspecified, .gp, .hospital, .UNRECOGNIZED(4)])
      case 3: manifest.period = random.pick(hostile.periods)
      case 4: manifest.submittedAt = random.pick(hostile.times)
      case 5: manifest.specification = random.pick(hostile.specifications)
      case 6: manifest.expectedRecords = random.pick(hostile.unsigned)
      case 7: manifest.state = random.pick([.unspecified, .opened, .closed, .abandoned, .UNRECOGNIZED(7)])
      case 8: manifest.expectedEntries = random.pick([0, 1, UInt64(Int64.max), .max])
      case 9:
        for _ in 0...random.below(3) {
          manifest.rejectedByConnector[random.pick(hostile.texts)] = random.pick(hostile.unsigned)
        }
      default:
        for _ in 0...random.below(3) {
          manifest.leftOutByConnector[random.pick(hostile.texts)] = random.pick([0, 1, .max])
        }
      }
    }
  }

  func mutate(_ objection: inout Objection, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(8) {
    case 0: objection.nhsNumber = random.pick(hostile.nhsNumbers + hostile.texts)
    case 1: objection.submissionID = random.pick(hostile.extractIDs)
    case 2: objection.sequence = random.pick(hostile.unsigned)
    case 3: objection.expected = random.pick(hostile.unsigned)
    case 4: objection.type = random.pick([.unspecified, .objectionType1, .objectionType2, .UNRECOGNIZED(3)])
    case 5: objection.decision = random.pick([.unspecified, .dissent, .withdrawn, .UNRECOGNIZED(3)])
    case 6: objection.day = random.pick(hostile.days)
    default: objection.origin = random.pick(hostile.texts)
    }
  }

  func mutate(_ list: inout NationalList, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(3) {
    case 0: list.submissionID = random.pick(hostile.extractIDs)
    case 1: list.expected = random.pick(hostile.unsigned)
    default: list.drawnAt = random.pick(hostile.times)
    }
  }

  func mutate(_ supersession: inout Supersession, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(5) {
    case 0: supersession.superseded = random.pick(hostile.nhsNumbers)
    case 1: supersession.current = random.pick(hostile.nhsNumbers)
    case 2: supersession.submissionID = random.pick(hostile.extractIDs)
    case 3: supersession.sequence = random.pick(hostile.unsigned)
    default: supersession.expected = random.pick(hostile.unsigned)
    }
  }

  func mutate(_ enrolment: inout PracticeEnrolment, _ random: inout FuzzRandom) {
    let hostile = HostileValues.self
    switch random.below(9) {
    case 0:
      enrolment.state = random.pick([
        .unspecified, .active, .suspended, .announced, .notifying, .withdrawn, .UNRECOGNIZED(9),
      ])
    case 1: enrolment.changedAt = random.pick(hostile.times)
    case 2: enrolment.announcedOn = random.pick(hostile.days)
    case 3: enrolment.notifiedOn = random.pick(hostile.days)
    case 4: enrolment.activeFrom = random.pick(hostile.days)
    case 5: enrolment.suspendedOn = random.pick(hostile.days)
    case 6: enrolment.withdrawnOn = random.pick(hostile.days)
    case 7: enrolment.wave = random.pick(hostile.texts)
    default: enrolment.erase.toggle()
    }
  }
}
