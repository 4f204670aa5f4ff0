/// The files of one extract as somebody's export might have written them.
public struct FuzzFiles: Sendable {
  /// gp, hospital or community.
  public let source: String
  public let organisation: String
  /// csv or fhir.
  public let format: String
  public let files: [(name: String, bytes: [UInt8])]

  public init(source: String, organisation: String, format: String, files: [(name: String, bytes: [UInt8])]) {
    (self.source, self.organisation, self.format, self.files) = (source, organisation, format, files)
  }
}

/// Makes files from sound ones, by changing values and by damaging their text. The same seed makes the same files.
///
/// Every second extract is calm: its values are hostile, but each could stand where it stands, so it can be read.
public struct FileFuzzer {
  var random: FuzzRandom
  private var made = 0

  public init(seed: UInt64) { random = FuzzRandom(seed: seed) }

  /// - Parameter rows: patients; a clinical row or more for each.
  public mutating func next(rows: Int) -> FuzzFiles {
    made += 1
    let isCalm = made % 2 == 0
    switch made / 2 % 4 {
    case 0: return fhir(rows, isCalm)
    case 1: return csv("gp", "A81001", gp(rows, isCalm), isCalm)
    case 2: return csv("hospital", "RXA", [("episodes.csv", hospital(rows, isCalm))], isCalm)
    default: return csv("community", "RY1", [("contacts.csv", community(rows, isCalm))], isCalm)
    }
  }

  // MARK: CSV

  private mutating func csv(
    _ source: String, _ organisation: String, _ files: [(String, CSVText)], _ isCalm: Bool
  ) -> FuzzFiles {
    let damaged = isCalm ? -1 : random.below(files.count)
    return FuzzFiles(
      source: source, organisation: organisation, format: "csv",
      files: files.enumerated().map { place, file in
        (file.0, place == damaged ? file.1.damaged(&random) : file.1.written(&random))
      })
  }

  /// A value that is free text to the reader; it carries the canary wherever it may not be told again.
  private mutating func value(_ usual: String) -> String {
    guard random.isOne(in: 6) else { return usual }
    let text = random.pick(HostileValues.texts + HostileValues.nhsNumbers + HostileValues.postcodes)
    return text.contains("\0") || text.utf8.count > 1_000 ? HostileValues.canary : text
  }

  private func day(_ number: Int) -> String { "2026-0\(1 + number % 9)-1\(number % 10)" }

  private mutating func gp(_ rows: Int, _ isCalm: Bool) -> [(String, CSVText)] {
    var patients = CSVText([
      "patient_ref", "nhs_number", "date_of_birth", "sex", "postcode", "ethnic_category", "registered_from",
      "registered_to",
    ])
    var events = CSVText(["patient_ref", "date", "code_system", "code", "value", "unit", "encounter"])
    for number in 0..<rows {
      let reference = "\(HostileValues.canary)-\(number)"
      patients.rows.append([
        reference, value("9990000018"), random.isOne(in: 9) ? "" : "1950-06-01", value("1"), value("LS1 4AP"),
        value("A"),
        "2001-04-01", "",
      ])
      for _ in 0..<random.below(4) {
        events.rows.append([
          reference, random.isOne(in: 9) ? "" : day(number), random.pick(["read2", "ctv3", "snomed"]), value("C10.."),
          value("5.5"), value("mmol/L"), random.pick(["", "1", "7", "999999999"]),
        ])
      }
    }
    if !isCalm { patients.spoil(&random, dates: [2, 6, 7], references: [0]) }
    if !isCalm { events.spoil(&random, dates: [1], references: [0, 2, 6]) }
    return [("patients.csv", patients), ("events.csv", events)]
  }

  private mutating func hospital(_ rows: Int, _ isCalm: Bool) -> CSVText {
    var table = CSVText([
      "LOPATID", "NEWNHSNO", "DOB", "SEX", "HOMEADD", "GPPRAC", "PROCODET", "ADMIDATE", "DISDATE", "EPIORDER",
      "EPISTART",
      "EPIEND", "ADMIMETH", "DIAG_01", "DIAG_02", "OPERTN_01",
    ])
    for number in 0..<rows {
      table.rows.append([
        "\(HostileValues.canary)-\(number / 2)", value("9990000018"), "1950-06-01", value("2"), value("LS1 4AP"),
        value("A81001"), "RXA", day(number), random.pick(["", day(number)]), "\(1 + random.below(3))", day(number), "",
        value("21"), value("E11.9"), value(""), value("W371"),
      ])
    }
    if !isCalm { table.spoil(&random, dates: [2, 7, 8, 10, 11], references: [0, 6, 9]) }
    return table
  }

  private mutating func community(_ rows: Int, _ isCalm: Bool) -> CSVText {
    var table = CSVText([
      "LocalPatientID", "NHSNumber", "DateOfBirth", "Gender", "Postcode", "OrgID_GP", "CareContactID", "Contact_Date",
      "TeamType", "AttendanceStatus",
    ])
    for number in 0..<rows {
      table.rows.append([
        "\(HostileValues.canary)-\(number / 2)", value("9990000018"), "1950-06-01", value("X"), value("LS1 4AP"),
        value("A81001"), "contact-\(number)", day(number), value("01"), random.pick(["", "2", "5"]),
      ])
    }
    if !isCalm { table.spoil(&random, dates: [2, 7], references: [0, 6, 9]) }
    return table
  }
}

/// A table on its way to bytes.
struct CSVText {
  var header: [String]
  var rows: [[String]] = []

  init(_ header: [String]) { self.header = header }

  /// Puts what cannot stand there into one value, or changes what the columns are.
  mutating func spoil(_ random: inout FuzzRandom, dates: [Int], references: [Int]) {
    guard !rows.isEmpty, random.isOne(in: 2) else { return }
    let row = random.below(rows.count)
    switch random.below(8) {
    case 0: rows[row][random.pick(dates)] = random.pick(HostileValues.dates)
    case 1:
      rows[row][random.pick(references)] = random.pick(["", "\(HostileValues.canary)-of nobody", "-1", "99999999999"])
    case 2: rows[row].removeLast()
    case 3: rows[row] += [HostileValues.canary]
    case 4: rows.append(rows[row])
    case 5: header[random.below(header.count)] = random.pick(["", "sex ", "surname", header[0]])
    case 6: header = rows[0]
    default: rows[row][random.below(rows[row].count)] = random.pick(HostileValues.texts)
    }
  }

  func written(_ random: inout FuzzRandom) -> [UInt8] {
    let end = random.pick(["\n", "\r\n"])
    let lines = ([header] + rows).map { $0.map(Self.quoted).joined(separator: ",") }
    return Array((random.isOne(in: 5) ? "\u{FEFF}" : "").utf8) + Array((lines.joined(separator: end) + end).utf8)
  }

  private static func quoted(_ value: String) -> String {
    value.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
      ? "\"\(value.replacing("\"", with: "\"\""))\"" : value
  }

  func damaged(_ random: inout FuzzRandom) -> [UInt8] {
    var bytes = written(&random)
    guard random.isOne(in: 2), !bytes.isEmpty else { return bytes }
    let structure = bytes.indices.filter { ",\"\r\n".utf8.contains(bytes[$0]) }
    // The header is a line among many, and where a value could be taken for a name.
    let place = structure.isEmpty ? 0 : random.pick(random.isOne(in: 3) ? Array(structure.prefix(12)) : structure)
    switch random.below(7) {
    case 0: bytes.insert(contentsOf: random.pick(["\"", "\r", "\n", ",", "\"\"", "\0", ";", "\t"]).utf8, at: place)
    case 1: bytes.remove(at: place)
    case 2: bytes.removeLast(bytes.count - place)
    case 3: bytes.insert(contentsOf: [UInt8](repeating: UInt8(ascii: ","), count: 1 + random.below(2_000)), at: place)
    case 4: bytes.insert(contentsOf: [UInt8](repeating: 0x78, count: 65_500 + random.below(80)), at: place)
    case 5: return ByteMutation.mutate(bytes, Array(bytes.suffix(50)), &random)
    default: bytes.insert(contentsOf: random.pick([[0xE9], [0xFF, 0xFE], [0xED, 0xA0, 0x80]]), at: place)
    }
    return bytes
  }
}
