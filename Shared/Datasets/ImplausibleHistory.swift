/// Histories that no person has: signs that two people's records were linked (Hagger-Johnson and others 2014, on HESID).
public enum ImplausibleHistory: String, CaseIterable, Sendable {
  /// Two births as one of several, in one month.
  case multipleBirths = "multiple_births"
  /// Two births in different months.
  case twoBirths = "two_births"
  /// Admitted after having died.
  case activityAfterDeath = "activity_after_death"
  /// In two hospitals at once.
  case simultaneousAdmission = "simultaneous_admission"
  /// Delivered a child as an infant.
  case infantDelivery = "infant_delivery"
  /// Born as an adolescent.
  case adolescentBirth = "adolescent_birth"
}
