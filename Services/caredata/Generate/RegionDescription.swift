/// region.json: what a synthetic region holds, for the programs that submit it and the tests that judge the outcome.
struct RegionDescription: Codable, Equatable {
  struct Organisation: Codable, Equatable {
    let code: String
    let source: ExtractSource
    let period: String
    /// Of the extract, relative to the region's folder.
    let path: String
    /// Patients of the extract, one record each, with those that are too large to be sent.
    var patients = 0
    /// Rows of events.csv, episodes.csv or contacts.csv.
    var rows = 0
    /// Patients with an identifier missing or wrong.
    var faultyIdentities = 0
    /// Patients whose record is too large to be sent.
    var tooLarge = 0
  }

  /// A person born before 1925, when no event lies: its identifiers may be found nowhere behind pseudonymisation.
  struct Canary: Codable, Equatable {
    let nhsNumber: String
    let dateOfBirth: String
    let postcode: String
  }

  /// An objector whose record would otherwise count: it may be found nowhere behind the objection filter.
  struct ObjectionCanary: Codable, Equatable {
    /// The organisation whose records of this person may not pass.
    let organisation: String
    let nhsNumber: String
    /// type_1, or national for the national list.
    let objection: String
  }

  /// What is true of the people, before objections, wrong identifiers and disclosure control.
  struct Facts: Codable, Equatable {
    /// By kind (`SyntheticObjection`).
    var objections: [String: Int] = [:]
    var objectionsInForce = 0
    /// People on the national list, with those who live elsewhere.
    var nationalListRows = 0
    var patients = 0
    /// Patients with a GP diagnosis, by condition.
    var patientsByCondition: [String: Int] = [:]
    /// Emergency admissions of patients with a GP diagnosis, by condition.
    var emergencySpellsByCondition: [String: Int] = [:]
    var emergencySpells = 0
    /// By month of admission, YYYY-MM.
    var emergencySpellsByMonth: [String: Int] = [:]
  }

  let seed: UInt64
  let patients: Int
  let period: String
  var organisations: [Organisation]
  var canaries: [Canary]
  /// Also in canaries.csv.
  var objectionCanaries: [ObjectionCanary] = []
  /// The national list, relative to the region's folder.
  let nationalList: String
  var facts = Facts()
}
