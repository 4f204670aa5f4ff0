import Contracts
import Cryptography
import Foundation
import Kafka
import Testing

@testable import caredata

extension WholeSystem {
  @Test func `no identifier is found behind pseudonymisation, in logs or among rejected messages`() throws {
    let region = try Region.shared.get()
    var identifiers = try SubmittedIdentifiers.read(region: region.folder)
    #expect(identifiers.nhsNumbers.count > 350 && identifiers.postcodes.count > 20)
    #expect(identifiers.datesOfBirth.count >= 3)
    identifiers.add(nhsNumber: PlantedLeak.nhsNumber)
    for postcode in [PlantedLeak.postcode, "L1 2AB"] { identifiers.add(postcode: postcode) }
    identifiers.datesOfBirth.insert(PlantedLeak.dateOfBirth)
    let scanner = LeakScanner(identifiers)
    // At debug level, where careless code says most.
    try withSystem(.init(environment: ["CAREDATA_LOG_LEVEL": "debug"])) { system in
      try system.submit(region)
      try LeakScanProvocation(system).run()
      try LeakScanProvocation(system).submitMisplaced()
      try system.awaitBalance(extracts: region.organisations.count + 3)
      try LeakScanProvocation(system).awaitRejections()
      try system.resolveRejectedObjections()
      for dataset in ["condition-prevalence", "emergency-admissions", "linkage-quality"] {
        #expect(try !system.release(dataset).csv.isEmpty)
      }

      var places = LeakScanPlaces(system, scanner)
      let clock = ContinuousClock()
      let time = try clock.measure { try places.scanAll() }
      print("leak scan: \(places.scanned.values.reduce(0, +)) bytes in \(places.scanned.count) places, \(time)")
      #expect(places.leaks.isEmpty, "\(places.leaks)")
      expectNothingLeftOut(places)
      try expectBirthsCoarse(system)

      // What the scan would say of the topics before pseudonymisation, where identifiers are at home.
      var before = LeakScanPlaces(system, scanner)
      try before.scan(.extracts)
      try before.scan(.objections)
      #expect(before.leaks.contains(Leak(place: "topic extracts, value", form: "nhs number, text")))
      #expect(before.leaks.contains(Leak(place: "topic extracts, value", form: "date of birth, text")))
      #expect(before.leaks.contains(Leak(place: "topic objections, value", form: "nhs number, text")))

      try expectPlantedLeaksFound(system, scanner)
    }
  }

  private func expectNothingLeftOut(_ places: LeakScanPlaces) {
    for topic in LeakScanPlaces.topics.map(\.name) {
      #expect(places.scanned["topic \(topic)", default: 0] > 0, "\(topic)")
    }
    for table in ["linkage.observation", "publication.record", "publication.release_register"] {
      #expect(places.scanned["table \(table)", default: 0] > 0, "\(table)")
    }
    for schema in LeakScanPlaces.schemas {
      #expect(places.scanned["database file of \(schema)", default: 0] > 8_192)
      #expect(places.scanned["memory of \(schema)", default: 0] > 1 << 20)
    }
    for stage in StageName.allCases { #expect(places.scanned["log \(stage.rawValue)-1.log", default: 0] > 0) }
    #expect(places.scanned.keys.contains { $0.hasPrefix("released file condition-prevalence") })
  }

  /// Of the episodes of those born in the region's half year no day is left, of all others every one.
  private func expectBirthsCoarse(_ system: RunningSystem) throws {
    let database = try system.database()
    defer { database.close() }
    let rows = try database.query(
      """
      with e as (
        select record_id, code, day, encounter, place = any(month_only) as month_only
        from publication.record, unnest(systems, codes, days, encounters) with ordinality
          as e (system, code, day, encounter, place)
        where state = 1 and source = 2),
      b as (select distinct record_id, encounter from e where code in ('82', '83', 'Z380'))
      select count(*), count(*) filter (where not month_only or extract(day from date '1970-01-01' + day) <> 1),
        (select count(*) from e where not month_only and extract(day from date '1970-01-01' + day) <> 1)
      from e join b using (record_id, encounter)
      """)
    #expect(rows.int(0, 0) > 0, "the region has no birth")
    #expect(rows.int(0, 1) == 0)
    #expect(rows.int(0, 2) > 100)
  }

  /// One identifier in each kind of place, each in another form.
  private func expectPlantedLeaksFound(_ system: RunningSystem, _ scanner: LeakScanner) throws {
    let number = Array(PlantedLeak.nhsNumber.utf8)
    let producer = try Producer(try system.kafka())
    defer { producer.close() }
    for topic in LeakScanPlaces.topics {
      let name = try system.layout().name(topic)
      let encoded = Array(Data("?\(PlantedLeak.postcode)?".utf8).base64EncodedString().utf8)
      try producer.send(topic: name, partition: 0, key: number, value: encoded, headers: [("ce_id", "1908-03-07")])
      try producer.flush()
      var places = LeakScanPlaces(system, scanner)
      try places.scan(topic)
      let found = Set(places.leaks.map { "\($0.place): \($0.form)" })
      #expect(
        found.isSuperset(of: [
          "topic \(topic.name), key: nhs number, text", "topic \(topic.name), value: postcode, base64",
          "topic \(topic.name), header ce_id: date of birth, text",
        ]), "\(found)")
    }
    let database = try system.database()
    defer { database.close() }
    for schema in LeakScanPlaces.schemas {
      try database.execute(
        """
        create table \(schema).planted (note text, sealed bytea, born date, days int[]);
        insert into \(schema).planted values
          ('tel. \(PlantedLeak.nhsNumber)', convert_to('.\(PlantedLeak.postcode).', 'UTF8'), '1908-03-07', '{5,-22580}');
        """)
      var places = LeakScanPlaces(system, scanner)
      try places.scan(schema: schema)
      let planted = "table \(schema).planted, column"
      #expect(
        Set(places.leaks.filter { $0.place.contains("planted") })
          == Set([
            Leak(place: "\(planted) note", form: "nhs number, text"),
            Leak(place: "\(planted) sealed", form: "postcode, text"),
            Leak(place: "\(planted) born", form: "date of birth, text"),
            Leak(place: "\(planted) days", form: "date of birth, days since 1970, text"),
          ]))
      var files = LeakScanPlaces(system, scanner)
      try files.scanDatabaseFiles()
      #expect(
        files.leaks.contains { $0.place.hasPrefix("database file of \(schema)") && $0.form == "nhs number, text" })
      try database.execute("drop table \(schema).planted")
    }
    try withExtendedLifetime(number.map { $0 ^ 0 }) { _ in
      var places = LeakScanPlaces(system, scanner)
      try places.scanMemory(of: getpid(), in: "own memory")
      #expect(places.leaks.contains(Leak(place: "own memory", form: "nhs number, text")))
    }
    for (folder, form) in [(system.state.logs, "nhs number, hex"), (system.state.releases + "/x", "nhs number, text")] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let text = form.hasSuffix("hex") ? "39393930353132333835" : PlantedLeak.nhsNumber
      try "a line\nanother: \(text)\n".write(toFile: "\(folder)/planted.log", atomically: true, encoding: .utf8)
      var places = LeakScanPlaces(system, scanner)
      try places.scanLogs()
      try places.scanReleases()
      #expect(places.leaks.contains { $0.place.hasSuffix("planted.log") && $0.form == form })
      try FileManager.default.removeItem(atPath: "\(folder)/planted.log")
    }
  }
}

/// Messages that every stage must refuse, with identifiers in all their parts where identifiers may come: a stage that
/// quoted what it refuses, in its log or its rejection, would be caught.
struct LeakScanProvocation {
  let system: RunningSystem
  init(_ system: RunningSystem) { self.system = system }

  func run() throws {
    let layout = try system.layout()
    let producer = try Producer(try system.kafka())
    defer { producer.close() }
    let identifying = Array("\(PlantedLeak.nhsNumber) \(PlantedLeak.postcode) 1908-03-07".utf8)
    func send(_ topic: Topic, _ value: [UInt8], key: [UInt8]? = nil, header: String = PlantedLeak.nhsNumber) throws {
      try producer.send(
        topic: layout.name(topic), partition: 1, key: key ?? identifying, value: value,
        headers: [("ce_subject", header)])
    }
    let json = Array("{\"record\":{\"nhsNumber\":\"\(PlantedLeak.nhsNumber)\",\"postcode\":\"LX4 2AB\",".utf8)
    let incomplete = ExtractMessage.with {
      $0.record.nhsNumber = PlantedLeak.nhsNumber
      $0.record.postcode = PlantedLeak.postcode
      $0.record.dateOfBirth = PlantedLeak.dateOfBirth.iso
    }
    for value in [identifying, json, try incomplete.serializedBytes()] {
      try send(.extracts, value)
      try send(.objections, value)
      try send(.practices, value)
    }
    try send(.validated, identifying)
    try send(.permitted, identifying)
    let unreadable = Envelope.with {
      $0.kind = .record
      $0.header = Data(identifying)
      $0.identity = Data(identifying)
    }
    try send(.validated, unreadable.serializedBytes())
    try send(.permitted, unreadable.serializedBytes())
    for topic in [Topic.pseudonymised, .linked] { try send(topic, [0xff, 0xff], key: [1, 2, 3], header: "none") }
    try producer.flush()
  }

  /// Extracts that are in order but for identifiers in columns where none belong.
  func submitMisplaced() throws {
    let number = PlantedLeak.nhsNumber
    let gp = [
      "patients.csv": """
      patient_ref,nhs_number,date_of_birth,sex,postcode,ethnic_category,registered_from,registered_to
      \(number),\(number),1908-03-07,1,L1 2AB,L12AB,2010-04-01,

      """,
      "events.csv": """
      patient_ref,date,code_system,code,value,unit
      \(number),2019-02-03,snomed,44054006,1,\(number)
      \(number),2019-02-03,snomed,\(number),,
      \(number),2019-02-03,read2,\(number),,L12AB

      """,
    ]
    let hospital = """
      LOPATID,NEWNHSNO,DOB,SEX,HOMEADD,GPPRAC,PROCODET,ADMIDATE,DISDATE,EPIORDER,EPISTART,EPIEND,ADMIMETH,DIAG_01,OPERTN_01
      \(number),\(number),1908-03-07,1,L1 2AB,L12AB,T99,2026-10-05,2026-10-07,1,2026-10-05,2026-10-07,\(number),\(number),L12AB

      """
    let community = """
      LocalPatientID,NHSNumber,DateOfBirth,Gender,Postcode,OrgID_GP,CareContactID,Contact_Date,TeamType,AttendanceStatus
      \(number),\(number),1908-03-07,1,L1 2AB,L12AB,\(number),2026-10-05,\(number),5
      \(number),\(number),1908-03-07,1,L1 2AB,L12AB,L1 2AB,2026-10-06,L1 2AB,5

      """
    let folder = TestFolder.make("misplaced")
    try system.enrol(["A81099", "T99", "T98"])
    for (source, code, files) in [
      ("gp", "A81099", gp), ("hospital", "T99", ["episodes.csv": hospital]),
      ("community", "T98", ["contacts.csv": community]),
    ] {
      let path = "\(folder)/\(source)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (name, text) in files { try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }
      try system.run(["submit", "--source", source, "--organisation", code, "--period", "2026-10", path])
    }
  }

  func awaitRejections() throws {
    for stage in StageName.allCases {
      try awaited("a rejection by \(stage)") { try !system.records(in: .rejected(stage)).isEmpty }
    }
  }
}
