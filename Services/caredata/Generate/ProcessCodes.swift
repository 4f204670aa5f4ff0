/// A coded observation of a GP record: what was measured or done, not what was diagnosed.
struct SyntheticProcess {
  let read2: String
  let ctv3: String
  let snomed: String
  /// Tenths of the unit; nil when the code has no value.
  let tenths: ClosedRange<Int>?
  let unit: String

  init(_ read2: String, _ ctv3: String, _ snomed: String, _ tenths: ClosedRange<Int>? = nil, _ unit: String = "") {
    (self.read2, self.ctv3, self.snomed, self.tenths, self.unit) = (read2, ctv3, snomed, tenths, unit)
  }

  func code(_ system: GPCodeSystem) -> String {
    switch system {
    case .read2: read2
    case .ctv3: ctv3
    case .snomed: snomed
    }
  }

  static let bodyMassIndex = SyntheticProcess("22K..", "22K..", "60621009", 165...440, "kg/m2")
  static let weight = SyntheticProcess("22A..", "22A..", "27113001", 480...1250, "kg")
  static let weightOfChild = SyntheticProcess("22A..", "22A..", "27113001", 35...600, "kg")
  static let systolic = SyntheticProcess("2469.", "2469.", "271649006", 950...1850, "mmHg")
  static let diastolic = SyntheticProcess("246A.", "246A.", "271650006", 550...1050, "mmHg")
  static let cholesterol = SyntheticProcess("44P..", "XE2eD", "1005671000000105", 28...81, "mmol/L")
  static let creatinine = SyntheticProcess("44J3.", "XE2q5", "1000731000000107", 450...1500, "umol/L")
  /// IFCC standardised haemoglobin A1c
  static let haemoglobinA1c = SyntheticProcess("42W5.", "XaPbt", "999791000000106", 250...1050, "mmol/mol")
  static let neverSmoked = SyntheticProcess("1371.", "XE0oh", "266919005")
  static let exSmoker = SyntheticProcess("137S.", "137S.", "8517006")
  static let smoker = SyntheticProcess("137R.", "137R.", "77176002")
  static let influenzaVaccination = SyntheticProcess("65E..", "65E..", "86198006")
  static let dementia = SyntheticProcess("Eu00.", "XE1Xs", "52448006")
  static let asthmaReview = SyntheticProcess("66YJ.", "XaIeq", "394700004")

  static let all = [
    bodyMassIndex, weight, weightOfChild, systolic, diastolic, cholesterol, creatinine, haemoglobinA1c, neverSmoked,
    exSmoker, smoker, influenzaVaccination, asthmaReview, dementia,
  ]
}

/// Drugs that practices issue, by their dm+d identifiers.
enum SyntheticMedicine: String, CaseIterable {
  /// Salbutamol 100 micrograms per dose inhaler
  case salbutamol = "3408611000001107"
  /// Citalopram 20 mg tablets
  case citalopram = "42269411000001107"
}

/// The objection codes of GP records (the national clinical directives on secondary use).
enum SyntheticObjectionCode: CaseIterable {
  case type1Dissent
  case type1Withdrawn
  case type2Dissent

  func code(_ system: GPCodeSystem) -> String {
    switch (self, system) {
    case (.type1Dissent, .read2): "9Nu0."
    case (.type1Dissent, .ctv3): "XaZ89"
    case (.type1Dissent, .snomed): "827241000000103"
    case (.type1Withdrawn, .read2): "9Nu1."
    case (.type1Withdrawn, .ctv3): "XaZ8a"
    case (.type1Withdrawn, .snomed): "827261000000102"
    case (.type2Dissent, .read2): "9Nu4."
    case (.type2Dissent, .ctv3): "XaaVL"
    case (.type2Dissent, .snomed): "881561000000100"
    }
  }
}
