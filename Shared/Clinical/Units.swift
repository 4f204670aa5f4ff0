/// The units of measurement that may travel with a numeric value.
///
/// A closed list, because the unit column is free text at its origin and could hold anything a person typed. A unit
/// that is not listed is left behind; its value travels without one.
public enum Units {
  public static let longest = listed.map(\.utf8.count).max() ?? 0

  public static func isListed(_ unit: String) -> Bool {
    unit.utf8.count <= longest && (listed.contains(unit) || listed.contains(unit.lowercased()))
  }

  /// In lower case; the case of a unit as sent is kept.
  private static let listed: Set<String> = [
    "%", "/day", "/min", "/week", "10*12/l", "10*9/l", "10^12/l", "10^9/l", "beats/min", "bpm", "cel", "cigarettes/day",
    "cm", "days", "degc", "fl", "g", "g/dl", "g/l", "iu/l", "iu/ml", "kg", "kg/m*2", "kg/m2", "kg/m^2", "kpa", "l",
    "l/l", "l/min", "m", "mg", "mg/dl", "mg/g", "mg/l", "mg/mmol", "miu/l", "ml", "ml/min", "ml/min/1.73m*2",
    "ml/min/1.73m2", "ml/min/1.73m^2", "mm", "mm/h", "mm/hr", "mm[hg]", "mmhg", "mmol/l", "mmol/mol", "months", "mu/l",
    "ng/l", "ng/ml", "nmol/l", "pg", "pg/ml", "pmol/l", "points", "ratio", "score", "u/l", "u/week", "ug/g", "ug/l",
    "umol/l", "units/day", "units/week", "weeks", "years", "µg/l", "µmol/l", "μg/l", "μmol/l",
  ]
}
