import Clinical
import Foundation
import Testing

@testable import Pseudonymisation

struct PostcodePlacesTests {
  /// SplitMix64: the same seed gives the same postcodes.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return value ^ (value >> 31)
    }

    /// Of every form: A9 9AA, A99 9AA, A9A 9AA, AA9 9AA, AA99 9AA, AA9A 9AA; from few letters, so that many are close.
    mutating func postcode() -> String {
      func one(_ choices: String) -> Character { choices.randomElement(using: &self)! }
      let form = ["A9", "A99", "A9A", "AA9", "AA99", "AA9A"].randomElement(using: &self)!
      let outward = String(form.map { $0 == "A" ? one("ABYZ") : one("0129") })
      return "\(outward) \(one("019"))\(one("ABZ"))\(one("ADXZ"))"
    }
  }

  private final class Folder {
    let path = FileManager.default.temporaryDirectory.path + "/caredata-postcodes-" + UUID().uuidString

    init() { try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String) -> String {
      let file = path + "/postcodes.csv"
      try! Data(text.utf8).write(to: URL(fileURLWithPath: file))
      return file
    }
  }

  private let folder = Folder()

  private func read(_ text: String) throws -> PostcodePlaces { try PostcodeFile.read(folder.write(text)).places }

  private func fault(_ text: String) -> String {
    let error = #expect(throws: PostcodeFile.Fault.self) { try read(text) }
    return (error?.description ?? "").replacingOccurrences(of: folder.path + "/", with: "")
  }

  @Test(arguments: [(UInt64(1), false), (2, true), (3, false)])
  func `the index answers as a dictionary does, for every postcode and for those beside it`(
    seed: UInt64, isSorted: Bool
  ) throws {
    var generator = Generator(state: seed)
    var expected: [String: PostcodePlaces.Place] = [:]
    for _ in 0..<20_000 {
      let number = Int.random(in: 0..<3_000, using: &generator)
      expected[generator.postcode()] = .init(
        area: number % 50 == 0 ? "" : "E0\(1_000_000 + number)", commissioner: "E54\(100_000 + number % 42)")
    }
    var rows = expected.map { "\($0),\($1.area),\($1.commissioner)" }.sorted()
    if !isSorted { rows.shuffle(using: &generator) }
    let places = try read("pcds,lsoa21,icb\n" + rows.joined(separator: "\n") + "\n")
    #expect(places.count == expected.count && places.count > 5_000)
    var (hits, misses) = (0, 0)
    for text in Array(expected.keys) + (0..<50_000).map({ _ in generator.postcode() }) {
      let found = places[try Postcode(validating: text)]
      #expect(found == expected[text])
      if found == nil { misses += 1 } else { hits += 1 }
    }
    #expect(hits > 10_000 && misses > 10_000)
  }

  @Test func `a postcode takes 8 bytes, and its place few`() throws {
    let rows = (0..<5_000).map {
      "LS\($0 / 500 + 1) \($0 % 10)\(["A", "B", "D"][$0 / 10 % 3])\(letter($0 / 30)),E01000001,E54000054"
    }
    let places = try read("pcds,lsoa,icb\n" + Set(rows).sorted().joined(separator: "\n"))
    #expect(places.bytes - places.count * 8 < 100)
  }

  private func letter(_ number: Int) -> String { String(UnicodeScalar(UInt8(65 + number % 26))) }

  @Test(
    arguments: [
      // National Statistics Postcode Lookup of 2026 and of 2021, Postcode Directory, best-fit lookup, the least.
      ("pcd7,pcd8,pcds,dointr,doterm,oa21cd,lsoa21cd,msoa21cd,sicbl26cd,icb26cd", 2, 6, 9),
      ("pcd,pcd2,pcds,oa11,lsoa11,msoa11,ccg,stp", 2, 4, 7),
      ("pcd,pcds,lsoa11,msoa11,lsoa21,icb", 1, 4, 5),
      ("PCD7,PCD8,PCDS,OA21CD,LSOA21CD,LSOA21NM", 2, 4, nil),
      ("lsoa,postcode,icb,icbnm", 1, 0, 2), ("pcd8,lsoa01,lsoa11,lsoa21nm", 0, 2, nil),
    ] as [(String, Int, Int, Int?)])
  func `columns are known by what the Office for National Statistics calls them, the newest first`(
    header: String, postcode: Int, area: Int, commissioner: Int?
  ) {
    let columns = PostcodeFile.Columns(header.split(separator: ",").map(String.init))
    #expect(columns?.postcode == postcode && columns?.area == area && columns?.commissioner == commissioner)
  }

  @Test func `every width of a postcode and both kinds of quotes are read`() throws {
    let places = try read(
      "\u{FEFF}\"pcd8\",\"lsoa21cd\",\"icb26cd\"\r\n\"LS1  4AP\",\"E01011365\",\"E54000054\"\r\nm1   1ae,E01005062,\r\n"
    )
    #expect(places[try Postcode(validating: "LS1 4AP")] == .init(area: "E01011365", commissioner: "E54000054"))
    #expect(places[try Postcode(validating: "M1 1AE")] == .init(area: "E01005062"))
    #expect(places[try Postcode(validating: "M1 1AF")] == nil)
  }

  @Test func `the codes that stand for no area are none`() throws {
    let places = try read("pcds,lsoa,icb\nJE2 3AB,L99999999,E99999999\n")
    #expect(places[try Postcode(validating: "JE2 3AB")] == PostcodePlaces.Place())
  }

  @Test func `a row whose postcode has no form of one is counted and left out`() throws {
    let (places, malformed) = try PostcodeFile.read(
      folder.write("pcds,lsoa,icb\nGIR 0AA,E01032739,\nLS1 4AP,E01011365,\n"))
    #expect(places.count == 1 && malformed == 1)
  }

  @Test func `a postcode may stand there twice with the same places, with others the file is refused`() throws {
    #expect(try read("pcds,lsoa\nLS1 4AP,E01011365\nLS1 4AQ,E01011365\nLS1 4AP,E01011365\n").count == 2)
    #expect(
      fault("pcds,lsoa\nLS1 4AP,E01011365\nLS1 4AQ,E01011365\nLS1 4AP,E01011366\n")
        == "postcodes.csv holds a postcode twice, with different areas")
  }

  @Test(
    arguments: [
      ("", "has not the columns pcds and lsoa"), ("pcds,msoa21\n", "has not the columns"),
      ("pcds,lsoa\n", "holds no postcode"), ("pcds,lsoa\n123456,E01011365\n", "holds no postcode"),
      ("pcds,lsoa\nLS1 4AP\n", "row 2: 1 values where the header has 2"),
      ("pcds,lsoa\nLS1 4AP,Leeds 111B\n", "row 2: an area or commissioner that is no code"),
      ("pcds,lsoa\n\"LS1 4AP,E01011365\n", "the file ends inside a quoted value"),
    ])
  func `a file that is none of these is refused and not quoted`(text: String, reason: String) {
    let fault = fault(text)
    #expect(fault.contains(reason) && !fault.contains("4AP"), "\(fault)")
  }

  @Test func `a file that cannot be read is refused by its name`() {
    let error = #expect(throws: PostcodeFile.Fault.self) { try PostcodeFile.read("/nowhere/nspl.csv") }
    #expect(error?.description.contains("/nowhere/nspl.csv") == true)
  }

  @Test func `packed postcodes sort as their texts do, and no two are the same`() throws {
    var generator = Generator(state: 9)
    let texts = Set((0..<5_000).map { _ in generator.postcode().replacing(" ", with: "") })
    let sorted = try texts.map { ($0, try Postcode(validating: $0).packed) }.sorted { $0.1 < $1.1 }
    #expect(sorted.map(\.0) == texts.sorted())
    #expect(Set(sorted.map(\.1)).count == texts.count && sorted.allSatisfy { $0.1 < 1 << 37 })
  }
}
