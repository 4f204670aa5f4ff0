import Testing

@testable import Linking

struct LinkerTests {
  private let numbers = TestLinkage.numbers
  private var numbered: TestRecord { TestRecord(source: .gp, number: numbers[0]) }

  private func isOne(_ records: TestRecord...) throws -> Bool { try Set(TestLinkage.persons(records)).count == 1 }

  // MARK: With a number

  @Test func `a shared number joins where two parts of the date of birth agree or day and month are exchanged`() throws
  {
    let other = numbered.with {
      $0.source = .community
      $0.postcode = "M1 1AA"
    }
    for born in [(1980, 3, 14), (1980, 3, 15), (1980, 4, 14), (1991, 3, 14)] {
      #expect(try isOne(numbered, other.with { $0.born = born }))
    }
    let may = numbered.with { $0.born = (1980, 3, 5) }
    #expect(try isOne(may, other.with { $0.born = (1980, 5, 3) }))
    for born in [(1980, 4, 15), (1991, 3, 15), (1991, 4, 14), (2026, 10, 2)] {
      #expect(try !isOne(numbered, other.with { $0.born = born }))
    }
  }

  @Test func `who has nothing but a number joins its cluster where there is only one, and contradicts nobody`() throws {
    let bare = numbered.with {
      $0.source = .community
      $0.born = nil
      $0.sex = 0
      $0.postcode = ""
    }
    #expect(try isOne(numbered, bare) && isOne(bare, bare.with { $0.source = .hospital }))
    let child = numbered.with {
      $0.source = .hospital
      $0.born = (2026, 10, 2)
      $0.sex = 1
    }
    let linker = try Linker(TestLinkage.nodes([numbered, bare, child]))
    #expect(Set(linker.clusters).count == 3)
    #expect(linker.isTrusted == [true, false, false], "whose it is that has nothing else nobody knows")
    let among = try Linker(TestLinkage.nodes([numbered.with { $0.source = .hospital }, bare]))
    #expect(among.isTrusted == [true, true], "what says nothing does not dispute a number")
  }

  @Test func `a link is as sure as the last step by which it came to its person`() throws {
    let weak = numbered.with {
      $0.source = .community
      $0.number = 0
      $0.local = 7
    }
    func ranks(_ records: TestRecord...) throws -> [UInt8] {
      let linker = try Linker(TestLinkage.nodes(records))
      return records.indices.map(linker.rank)
    }
    func rank(_ pass: LinkPass) -> UInt8 { pass.rawValue }
    let place = { (record: inout TestRecord) in record.postcode = "M1 1AA" }
    #expect(try ranks(numbered) == [1] && ranks(weak) == [0])
    #expect(try ranks(numbered, weak) == [1, rank(.demographics)])
    // Two that joined by their local id come to the person by what one of them shares with it.
    #expect(try ranks(numbered, weak, weak.with(place)) == [1, rank(.demographics), rank(.demographics)])
    #expect(try ranks(weak, weak.with(place)) == [rank(.local), rank(.local)])
    // Who comes later does not make a link less sure.
    let registered = weak.with { $0.source = .gp }
    let near = weak.with {
      $0.local = 0
      $0.postcode = "LS11 4AQ"
    }
    #expect(
      try ranks(registered, weak, near) == [rank(.local), rank(.local), rank(.unitNearlyAlone)])
  }

  @Test func `1 January stands for its year, and no date of birth for any, with the same sex`() throws {
    for born in [(1980, 1, 1), (1900, 1, 1), nil] {
      #expect(
        try isOne(
          numbered,
          numbered.with {
            $0.born = born
            $0.source = .hospital
            $0.postcode = "M1 1AA"
          }))
      #expect(
        try !isOne(
          numbered,
          numbered.with {
            $0.born = born
            $0.sex = 1
            $0.source = .hospital
          }))
    }
    #expect(
      try !isOne(
        numbered,
        numbered.with {
          $0.born = (1981, 1, 1)
          $0.postcode = "M1 1AA"
        }))
  }

  @Test func `a newborn under the mother's number is the newborn`() throws {
    let newborn = TestRecord(source: .gp, number: numbers[1], born: (2026, 8, 2))
    let underHers = newborn.with {
      $0.source = .hospital
      $0.number = numbers[0]
    }
    let persons = try TestLinkage.persons([numbered, newborn, underHers])
    #expect(persons == [0, 1, 1])
  }

  @Test func `the number belongs to whom a practice has it from, and to none where none stands out`() throws {
    let stranger = numbered.with {
      $0.source = .hospital
      $0.born = (1955, 6, 7)
    }
    let nodes = try TestLinkage.nodes([stranger, numbered])
    var sets = DisjointSets(nodes.count)
    #expect(NumberClusters(nodes, joining: &sets).isTrusted == [false, true])
    let even = try TestLinkage.nodes([stranger, numbered.with { $0.source = .hospital }])
    sets = DisjointSets(even.count)
    let clusters = NumberClusters(even, joining: &sets)
    #expect(clusters.isTrusted == [false, false] && clusters.disputed == 1)
  }

  @Test func `twins with a number each stay two, and a record without one is neither's`() throws {
    let twin = numbered.with { $0.number = numbers[1] }
    let either = TestRecord()
    let linker = try Linker(TestLinkage.nodes([numbered, twin, either]))
    #expect(linker.clusters == [0, 1, 2])
    #expect(linker.ambiguous.map(\.node) == [2] && linker.ambiguous.map(\.pass) == [.demographics])
  }

  @Test func `two valid numbers are never joined, however much agrees`() throws {
    #expect(
      try !isOne(
        numbered.with { $0.local = 5 },
        numbered.with {
          $0.number = numbers[1]
          $0.local = 5
        }))
  }

  // MARK: To a number

  struct Near: CustomTestStringConvertible {
    let pass: LinkPass
    let change: @Sendable (inout TestRecord) -> Void
    var testDescription: String { "\(pass)" }
  }

  static let near: [Near] = [
    Near(pass: .local) { ($0.local, $0.postcode, $0.born) = (5, "M1 1AA", (1944, 5, 6)) },
    Near(pass: .numberNearly) { ($0.mistyped, $0.postcode) = (TestLinkage.numbers[0] ^ 1, "M1 1AA") },
    Near(pass: .demographics) { _ in },
    Near(pass: .birthPostcode) { $0.sex = 1 },
    Near(pass: .postcodeNearly) { $0.postcode = "LX11 4AP" },
    Near(pass: .postcodeNearly) { $0.postcode = "LS12 4AP" },
    Near(pass: .postcodeNearly) { $0.postcode = "LS11 5AP" },
    Near(pass: .dayMonthSwapped) { $0.born = (1980, 5, 3) },
    Near(pass: .numberOfAnother) { ($0.number, $0.born) = (TestLinkage.numbers[0], (1944, 5, 6)) },
  ]

  @Test(arguments: near) func `a record joins by what is left when the rest is wrong, and by nothing weaker`(
    _ near: Near
  ) throws {
    let anchor = numbered.with {
      $0.local = 5
      $0.born = (1980, 3, 5)
    }
    let record = TestRecord(born: (1980, 3, 5)).with(near.change)
    let linker = try Linker(TestLinkage.nodes([anchor, record]))
    #expect(linker.clusters == [0, 0] && linker.passes == [nil, near.pass])
    // Without that, it is somebody else.
    #expect(
      try !isOne(anchor, record.with { ($0.born, $0.sex, $0.local, $0.postcode) = ((1971, 12, 30), 1, 6, "B2 2BB") }))
  }

  @Test func `a record that comes by one key brings another that shares what it has besides`() throws {
    let moved = TestRecord(postcode: "M1 1AA", local: 5)
    #expect(try isOne(numbered.with { $0.local = 5 }, moved, moved.with { $0.local = 6 }))
  }

  @Test func `whoever is registered under something nearly equal is somebody else`() throws {
    #expect(try !isOne(numbered, TestRecord(source: .gp, postcode: "LS12 4AP")))
    #expect(try isOne(numbered, TestRecord(source: .hospital, postcode: "LS12 4AP")))
  }

  @Test func `a local id that people with different numbers have joins nobody, and keeps nobody from another key`()
    throws
  {
    let others = numbers[1...].map { number in
      TestRecord(source: .gp, number: number, born: (1955, 6, Int(number % 7) + 1), postcode: "M1 1AA", local: 5)
    }
    let records =
      [numbered.with { $0.local = 6 }] + others
      + [TestRecord(local: 5), TestRecord(born: (1980, 3, 30), postcode: "B2 2BB", local: 5)]
    #expect(try TestLinkage.persons(records) == [0, 1, 2, 0, 4])
  }

  // MARK: Without any number

  @Test func `without numbers equal demographics are one person`() throws {
    #expect(try isOne(TestRecord(source: .gp), TestRecord(), TestRecord(source: .community)))
    #expect(try !isOne(TestRecord(source: .gp), TestRecord(source: .gp, born: (1980, 3, 15))))
  }

  @Test func `without numbers something nearly equal joins where only two have it`() throws {
    let registered = TestRecord(source: .gp)
    let moved = TestRecord(postcode: "LS11 9ZZ")
    #expect(try isOne(registered, moved))
    #expect(try Set(TestLinkage.persons([registered, moved, registered.with { $0.postcode = "LS11 7QQ" }])).count == 3)
  }

  @Test func `several records that say 1 January mean it`() throws {
    let january = TestRecord(born: (1980, 1, 1))
    #expect(try isOne(TestRecord(source: .gp), january))
    #expect(
      try TestLinkage.persons([TestRecord(source: .gp), january, january.with { $0.source = .community }]) == [0, 1, 1])
  }

  @Test func `what has nothing to go by is alone`() throws {
    let nothing = TestRecord(born: nil, sex: 0, postcode: "")
    #expect(try TestLinkage.persons([nothing, nothing]) == [0, 1])
  }
}
