import Clinical
import Contracts

@testable import caredata

/// What a patient asks for.
struct Request {
  let person: Int
  let type: ObjectionType
  let decision: ObjectionDecision
  let day: Int32?
}

/// One thing that happens: somebody says something, a practice or hospital sends all it has, or leaves for good and has
/// everything erased.
enum Event {
  case list([Bool])
  case requests([Request])
  case extract(Place, [Person])
  case leave(Place)
  /// Everybody has another routing token from here on.
  case newRoutingKey
  /// Linkage's tokens are put under another key, while messages under the former one are on their way.
  case newLinkageKey

  /// What would have happened had nobody ever objected.
  var withoutObjections: Event? {
    switch self {
    case .list(let listed): return .list(listed.map { _ in false })
    case .requests: return nil
    case .leave, .newRoutingKey, .newLinkageKey: return self
    case .extract(let place, let people):
      return .extract(
        place,
        people.map { person in
          var person = person
          person.codes = person.codes.map { _ in [] }
          return person
        })
    }
  }

  /// The same with one person's voice taken away.
  func silencing(_ silent: Int) -> Event? {
    switch self {
    case .list(let listed): return .list(listed.enumerated().map { $0.offset != silent && $0.element })
    case .requests(let requests): return .requests(requests.filter { $0.person != silent })
    case .leave, .newRoutingKey, .newLinkageKey: return self
    case .extract(let place, var people):
      people[silent].codes = people[silent].codes.map { _ in [] }
      return .extract(place, people)
    }
  }
}

/// The order in which everything happens to everybody: a function of the seed alone. Each person's part of it is an
/// interleaving of its own.
struct Timeline {
  let events: [Event]
  let people: Int
  /// Behind these events everything arrives before anything else is sent. From the first of them on nobody says anything
  /// new and everybody's records are sent twice with new content. What linkage took for an objector's before it heard
  /// that the other record had lost its number stays so until its next version, so that must come after.
  let rests: [Int]

  static let lists = 4
  static let leaver = Place.otherPractice

  init(seed: UInt64, people count: Int, rounds: Int) {
    var random = SplitMix64(seed: seed)
    var people = (0..<count).map { Person.make($0, &random) }
    var events: [Event] = [.list(people.map { _ in false })]
    func send(_ places: [Place]) { for place in places { events.append(.extract(place, people)) } }
    send(Place.allCases)
    var places = Place.allCases
    for round in 0..<rounds {
      var pending: [Event] = []
      var requests: [Request] = []
      for no in people.indices {
        Self.live(&people[no], at: places, &random)
        if random.below(4) == 0 { requests.append(Self.request(no, &random)) }
      }
      if round % max(1, rounds / (Self.lists - 1)) == 1 { pending.append(.list(people.map(\.isListed))) }
      for place in places where random.below(3) > 0 { pending.append(.extract(place, people)) }
      // Several at a time, so that a run of many people has no more steps than their lives need.
      random.shuffle(&requests)
      while !requests.isEmpty {
        let some = requests.suffix(1 + random.below(count / 10))
        requests.removeLast(some.count)
        pending.append(.requests(Array(some)))
      }
      pending.append(round % 2 == 0 ? .newRoutingKey : .newLinkageKey)
      random.shuffle(&pending)
      events += pending
      if round == rounds / 2 {
        events.append(.leave(Self.leaver))
        places.removeAll { $0 == Self.leaver }
        for no in people.indices { people[no].presence[Self.leaver.rawValue] = .absent }
      }
    }
    events.append(.list(people.map(\.isListed)))
    let silent = events.count
    send(places)
    rests = [silent - 1, events.count - 1]
    send(places)
    self.events = events
    self.people = count
  }

  private static func live(_ person: inout Person, at places: [Place], _ random: inout SplitMix64) {
    for place in places {
      // Moves, comes for the first time, or is sent with or without the number.
      if random.below(5) == 0 {
        person.presence[place.rawValue] = [.absent, .numbered, .numbered, .unnumbered][random.below(4)]
      }
      guard place.source == .gp else { continue }
      if random.below(6) == 0 { person.codes[place.rawValue].append(code(&random)) }
      // A code that is no longer sent says nothing.
      if random.below(8) == 0 { person.codes[place.rawValue].removeAll() }
    }
    if random.below(10) == 0 { person.isListed.toggle() }
  }

  private static func request(_ no: Int, _ random: inout SplitMix64) -> Request {
    Request(
      person: no, type: random.below(2) == 0 ? .objectionType1 : .objectionType2,
      decision: random.below(5) < 2 ? .dissent : .withdrawn, day: day(&random))
  }

  /// Few days, so that ties are frequent; sometimes none.
  private static func day(_ random: inout SplitMix64) -> Int32? {
    random.below(12) == 0 ? nil : CalendarDate.today.day - 12 + Int32(random.below(12))
  }

  private static func code(_ random: inout SplitMix64) -> Entry {
    let codes: [(CodeSystem, [String])] = [
      (.read2, ["9Nu0.", "9Nu1", "9Nu4.", "9Nu5."]), (.ctv3, ["XaZ89", "XaZ8a", "XaaVL", "XaaVM"]),
      (.snomed, ["827241000000103", "827261000000102", "881561000000100", "881581000000109"]),
    ]
    let (system, texts) = codes[random.below(codes.count)]
    let text = texts[random.below(texts.count)]
    let day = day(&random)
    return Entry.with {
      $0.system = system
      $0.code = text
      if let day { $0.day = day }
    }
  }
}

extension SplitMix64 {
  /// Fisher and Yates.
  fileprivate mutating func shuffle<Element>(_ elements: inout [Element]) {
    for place in elements.indices.dropFirst() { elements.swapAt(place, below(place + 1)) }
  }
}
