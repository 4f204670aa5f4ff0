import Contracts

/// The conditions of the synthetic region, with the codes that its practices record.
enum SyntheticCondition: String, CaseIterable, Codable {
  case diabetes
  case asthma
  case copd
  case hypertension

  /// Diagnosis codes, the usual one first.
  func codes(_ system: GPCodeSystem) -> [String] {
    switch (self, system) {
    // Type 2 and type 1 diabetes mellitus
    case (.diabetes, .read2): ["C10F.", "C10E."]
    case (.diabetes, .ctv3): ["X40J5", "X40J4"]
    case (.diabetes, .snomed): ["44054006", "46635009"]
    case (.asthma, .read2): ["H33.."]
    case (.asthma, .ctv3): ["H33.."]
    case (.asthma, .snomed): ["195967001"]
    // Chronic obstructive pulmonary disease
    case (.copd, .read2): ["H3..."]
    case (.copd, .ctv3): ["H3..."]
    case (.copd, .snomed): ["13645005"]
    // Essential hypertension; hypertensive disorder in SNOMED CT
    case (.hypertension, .read2): ["G20.."]
    case (.hypertension, .ctv3): ["XE0Ub"]
    case (.hypertension, .snomed): ["38341003"]
    }
  }

  /// ICD-10 codes of an admission for the condition.
  var admissionCodes: [String] {
    switch self {
    case .diabetes: ["E111", "E116", "E119", "E101"]
    case .asthma: ["J459", "J450", "J46"]
    case .copd: ["J440", "J441", "J449"]
    case .hypertension: ["I10", "I119"]
    }
  }

  /// Patients per thousand at ages 0-17, 18-39, 40-49, 50-59, 60-69, 70-79 and from 80.
  var prevalence: [Int] {
    switch self {
    case .diabetes: [3, 15, 58, 105, 155, 195, 200]
    case .asthma: [60, 65, 65, 65, 70, 70, 60]
    case .copd: [0, 1, 9, 23, 50, 72, 76]
    case .hypertension: [0, 15, 100, 195, 325, 450, 520]
    }
  }
}

/// The code systems of GP records, with their names in events.csv.
enum GPCodeSystem: String, CaseIterable {
  case read2
  case ctv3
  case snomed
}
