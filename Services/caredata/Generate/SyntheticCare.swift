import Clinical

/// One row of episodes.csv before the patient's identity.
struct SyntheticEpisode {
  let hospital: Int
  let admitted: CalendarDate
  let discharged: CalendarDate?
  let order: Int
  let started: CalendarDate
  let ended: CalendarDate?
  let method: String
  let diagnoses: [String]
  let operations: [String]
  /// HES DISMETH; empty where the stay has not ended.
  var dischargeMethod = ""
}

/// One row of contacts.csv before the patient's identity.
struct SyntheticContact {
  let day: CalendarDate
  let team: String
  let attendance: String
}

extension SyntheticPopulation {
  static let hospitals = ["RXA", "RXB"]
  static let communityProvider = "RY1"
  /// Admissions and contacts lie from here to the end of the period.
  static let firstAdmission = CalendarDate(year: 2026, month: 5, day: 1)!
  static let emergencyMethods = ["21", "21", "21", "21", "21", "22", "22", "23", "24", "2A", "2D", "28"]
  private static let electiveMethods = ["11", "11", "12", "13"]

  func episodes(of person: SyntheticPerson) -> [SyntheticEpisode] {
    var random = SplitMix64(seed: seed, .spells, person.index)
    let age = person.age(on: Self.period.last)
    var episodes: [SyntheticEpisode] = []
    if person.born >= Self.firstAdmission {
      let method = random.chance(perMille: 950) ? "82" : "83"
      episodes += spell(person, method, "Z380", [], on: person.born, &random)
    }
    var emergencies = random.chance(perMille: emergencyPerMille(person, age)) ? 1 : 0
    if emergencies == 1, random.chance(perMille: 200) { emergencies = 2 }
    if person.isCanary { emergencies = max(1, emergencies) }
    if case .hospital = person.objectionCanary { emergencies = max(1, emergencies) }
    for _ in 0..<emergencies {
      let primary = emergencyDiagnosis(person, &random)
      episodes += spell(person, random.pick(Self.emergencyMethods), primary, [], &random)
    }
    if random.chance(perMille: age < 18 ? 10 : age < 65 ? 30 : 70) {
      let (diagnosis, operation) = random.pick(Self.electiveCare)
      episodes += spell(person, random.pick(Self.electiveMethods), diagnosis, [operation], &random)
    }
    if person.sex == 2, (18...40).contains(age), random.chance(perMille: 12) {
      episodes += spell(person, "31", "O800", ["R249"], &random)
    }
    return ended(episodes, of: person)
  }

  /// How stays ended: of a few who are not seen again, with death.
  private func ended(_ episodes: [SyntheticEpisode], of person: SyntheticPerson) -> [SyntheticEpisode] {
    var random = SplitMix64(seed: seed, .deaths, person.index)
    let latest = episodes.map(\.admitted).max()
    let isLast = contacts(of: person).allSatisfy { $0.day <= latest ?? $0.day }
    let hasDied = isLast && !person.isCanary && person.objectionCanary == nil && random.chance(perMille: 30)
    return episodes.map { episode in
      var episode = episode
      let isFinal = hasDied && episode.admitted == latest && episode.method.hasPrefix("2")
      episode.dischargeMethod = episode.discharged == nil ? "" : isFinal ? "4" : "1"
      return episode
    }
  }

  /// Of six months. Conditions, not only age, make emergencies likely.
  private func emergencyPerMille(_ person: SyntheticPerson, _ age: Int) -> Int {
    var perMille = age < 18 ? 32 : age < 65 ? 38 : age < 80 ? 52 : 75
    for condition in person.conditions {
      switch condition {
      case .copd: perMille = perMille * 19 / 10
      case .diabetes: perMille = perMille * 18 / 10
      case .asthma: perMille = perMille * 14 / 10
      case .hypertension: perMille = perMille * 11 / 10
      }
    }
    return perMille
  }

  private func emergencyDiagnosis(_ person: SyntheticPerson, _ random: inout SplitMix64) -> String {
    if let condition = person.conditions.first(where: { $0 != .hypertension }), random.chance(perMille: 350) {
      return random.pick(condition.admissionCodes)
    }
    return random.pick(Self.emergencyDiagnoses)
  }

  /// One stay of one to three episodes; none for someone not yet born.
  ///
  /// - Parameter day: of admission; nil: any day of the half year.
  private func spell(
    _ person: SyntheticPerson, _ method: String, _ diagnosis: String, _ operations: [String],
    on day: CalendarDate? = nil, _ random: inout SplitMix64
  ) -> [SyntheticEpisode] {
    let last = Self.period.last
    let admitted =
      day
      ?? CalendarDate(day: Self.firstAdmission.day + Int32(random.below(Int(last.day - Self.firstAdmission.day) + 1)))
    guard admitted > person.born || day != nil else { return [] }
    var hospital = random.chance(perMille: 100) ? 1 - person.practice % 2 : person.practice % 2
    if case .hospital(let own) = person.objectionCanary { hospital = own }
    let others = person.conditions.map { $0.admissionCodes[$0.admissionCodes.count - 1] }.filter { $0 != diagnosis }
    let lengths = (0...random.place(weights: [75, 18, 7])).map { _ in random.below(operations.isEmpty ? 9 : 3) }
    // What lies beyond the period is not known yet: a stay may be unfinished.
    func known(_ day: Int32) -> CalendarDate? { day > last.day ? nil : CalendarDate(day: day) }
    let discharged = known(admitted.day + Int32(lengths.reduce(0, +)))
    var started = admitted.day
    var episodes: [SyntheticEpisode] = []
    for (place, length) in lengths.enumerated() where started <= last.day {
      let ended = started + Int32(length)
      episodes.append(
        SyntheticEpisode(
          hospital: hospital, admitted: admitted, discharged: discharged, order: place + 1,
          started: CalendarDate(day: started), ended: known(ended), method: method,
          diagnoses: ([diagnosis] + others).map { spelling($0, hospital) }, operations: operations))
      started = ended
    }
    return episodes
  }

  /// The second hospital fills three-character codes with X.
  private func spelling(_ code: String, _ hospital: Int) -> String {
    code.utf8.count == 3 && hospital == 1 ? code + "X" : code
  }

  func contacts(of person: SyntheticPerson) -> [SyntheticContact] {
    var random = SplitMix64(seed: seed, .contacts, person.index)
    let age = person.age(on: Self.period.last)
    let perMille = age < 5 ? 60 : age < 65 ? 8 : age < 80 ? 120 : 300
    guard random.chance(perMille: perMille) || person.isCanary || person.objectionCanary == .community else {
      return []
    }
    let team = age < 5 ? "27" : random.pick(["12", "13", "15", "18", "23"])
    let first = max(Self.firstAdmission.day, person.born.day)
    return (0..<random.within(1...8)).map { _ in
      SyntheticContact(
        day: CalendarDate(day: first + Int32(random.below(Int(Self.period.last.day - first) + 1))), team: team,
        attendance: random.pick(["5", "5", "5", "5", "5", "5", "5", "5", "6", "6", "7", "3", "2", "4", ""]))
    }
  }

  private static let emergencyDiagnoses = [
    "R074", "R104", "N390", "K529", "S720", "I214", "J181", "J22", "A419", "R55", "I639", "L031", "S099", "R51", "K859",
  ]
  private static let electiveCare = [
    ("H269", "C751"), ("M171", "W401"), ("M169", "W371"), ("K409", "T202"), ("K802", "J183"), ("D125", "H201"),
    ("K219", "G451"), ("C509", "B282"),
  ]
}
