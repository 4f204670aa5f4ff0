import Clinical

/// The names of FHIR R4 and UK Core that the connector knows.
///
/// They are closed lists, because names go into counts that leave the organisation: a name that is not here is counted
/// as "other".
enum FHIRNames {
  static let bundleTypes: Set = ["collection", "searchset", "transaction", "batch"]

  // MARK: - Identifiers

  static let nhsNumber = "https://fhir.nhs.uk/Id/nhs-number"
  static let odsCode = "https://fhir.nhs.uk/Id/ods-organization-code"
  static let identifierType = "http://terminology.hl7.org/CodeSystem/v2-0203"
  static let confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

  // MARK: - Extensions of UK Core

  private static let ukCore = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
  static let ethnicCategoryExtension = ukCore + "EthnicCategory"
  static let admissionMethodExtension = ukCore + "AdmissionMethod"
  static let vaccinationProcedureExtension = ukCore + "VaccinationProcedure"

  static let ethnicCategories: Set = [
    "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategory",
    "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEngland",
  ]
  static let admissionMethods = "https://fhir.hl7.org.uk/CodeSystem/UKCore-AdmissionMethodEngland"

  // MARK: - Code systems

  enum SystemKind: Equatable {
    case collected(ClinicalCode.System)
    /// Known not to hold a code by which a patient objects.
    case leftOut(String)
    /// It may hold one, so what carries it is refused.
    case unknown
  }

  static func system(_ uri: String) -> SystemKind {
    if let system = collected[uri] { return .collected(system) }
    // An edition or version of SNOMED CT.
    if uri.hasPrefix("http://snomed.info/sct/") { return .collected(.snomed) }
    if let name = leftOut[uri] { return .leftOut(name) }
    if uri.hasPrefix(hl7), !ofConsent.contains(String(uri.dropFirst(hl7.count))) { return .leftOut("HL7") }
    return .unknown
  }

  private static let hl7 = "http://terminology.hl7.org/CodeSystem/"
  /// HL7's own systems that can say that somebody opts out.
  private static let ofConsent: Set = [
    "consentaction", "consentpolicycodes", "consentscope", "v3-ActCode", "v3-Confidentiality",
  ]

  private static let collected: [String: ClinicalCode.System] = [
    "http://snomed.info/sct": .snomed,
    "https://dmd.nhs.uk": .snomed,  // dm+d is part of SNOMED CT's UK drug extension
    "http://read.info/readv2": .read2,
    "http://read.info/ctv3": .ctv3,
    "http://hl7.org/fhir/sid/icd-10": .icd10,
    "http://hl7.org/fhir/sid/icd-10-uk": .icd10,
    "https://fhir.hl7.org.uk/Id/icd-10": .icd10,
    "https://fhir.nhs.uk/Id/icd-10": .icd10,
    "https://fhir.hl7.org.uk/Id/opcs-4": .opcs4,
    "https://fhir.nhs.uk/Id/opcs-4": .opcs4,
  ]

  /// Laboratory, drug, vaccine, device and billing codes. EMIS's local codes (egton-codes) are not here: a practice may
  /// have recorded an objection with one.
  private static let leftOut = [
    "http://loinc.org": "LOINC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD-9-CM",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://id.who.int/icd/release/11/mms": "ICD-11",
    "http://unitsofmeasure.org": "UCUM",
    "http://www.whocc.no/atc": "ATC",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "urn:iso:std:iso:11073:10101": "IEEE 11073",
    "https://fhir.hl7.org.uk/Id/emis-drug-codes": "EMIS drug codes",
    "https://fhir.hl7.org.uk/Id/multilex-drug-codes": "Multilex",
    "https://fhir.hl7.org.uk/Id/resipuk-gemscript-drug-codes": "Gemscript",
  ]

  /// A system that may be named in an error: an address, and nothing that could be somebody's.
  static func printable(_ uri: String) -> String? {
    guard uri.hasPrefix("http://") || uri.hasPrefix("https://"), uri.utf8.count <= 120 else { return nil }
    var digits = 0
    for byte in uri.utf8 {
      digits = (0x30...0x39).contains(byte) ? digits + 1 : 0
      let isPlain = (0x21...0x7E).contains(byte) && !"\"<>@\\^`{|}?#".utf8.contains(byte)
      guard isPlain, digits < 8 else { return nil }
    }
    return uri
  }

  // MARK: - Elements

  /// Says nothing about care that could be missed: who, where and how recorded, and what the resource is.
  static let administrative: Set = [
    "resourceType", "id", "meta", "implicitRules", "language", "identifier", "active", "account", "appointment",
    "asserter", "basedOn", "category", "class", "clinicalStatus", "courseOfTherapyType", "criticality",
    "dataAbsentReason", "derivedFrom", "device", "encounter", "episodeOfCare", "eventHistory", "expirationDate",
    "focus", "fundingSource", "groupIdentifier", "hasMember", "instantiatesCanonical", "instantiatesUri", "insurance",
    "intent", "isSubpotent", "issued", "length", "location", "managingOrganization", "manufacturer", "method",
    "participant", "partOf", "performer", "performerType", "period", "primarySource", "priority", "recorded",
    "recordedDate", "recorder", "reportOrigin", "requester", "serviceProvider", "serviceType", "specimen", "status",
    "statusHistory", "classHistory", "subject", "patient", "type", "verificationStatus",
  ]

  /// The other elements of the resources that are read. Text, and what the contracts have no place for.
  static let counted: Set = [
    "text", "contained", "extension", "modifierExtension", "note", "comment", "display",
    // Patient
    "name", "telecom", "address", "birthDate", "gender", "generalPractitioner", "deceasedBoolean", "deceasedDateTime",
    "maritalStatus", "multipleBirthBoolean", "multipleBirthInteger", "photo", "contact", "communication", "link",
    // Condition, AllergyIntolerance
    "abatementAge", "abatementDateTime", "abatementPeriod", "abatementRange", "abatementString", "bodySite", "code",
    "evidence", "lastOccurrence", "onsetAge", "onsetDateTime", "onsetPeriod", "onsetRange", "onsetString", "reaction",
    "severity", "stage",
    // Observation
    "component", "effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming", "interpretation",
    "referenceRange", "valueBoolean", "valueCodeableConcept", "valueDateTime", "valueInteger", "valuePeriod",
    "valueQuantity", "valueRange", "valueRatio", "valueSampledData", "valueString", "valueTime",
    // MedicationRequest
    "authoredOn", "detectedIssue", "dispenseRequest", "doNotPerform", "dosageInstruction", "medicationCodeableConcept",
    "medicationReference", "patientInstruction", "priorPrescription", "reasonCode", "reasonReference",
    "reportedBoolean", "reportedReference", "statusReason", "substitution", "supportingInformation",
    // Immunization
    "doseQuantity", "education", "lotNumber", "occurrenceDateTime", "occurrenceString", "programEligibility",
    "protocolApplied", "route", "site", "subpotentReason", "vaccineCode",
    // Procedure
    "complication", "complicationDetail", "focalDevice", "followUp", "outcome", "performedAge", "performedDateTime",
    "performedPeriod", "performedRange", "performedString", "report", "usedCode", "usedReference",
    // Encounter
    "diagnosis", "hospitalization",
  ]

  /// The resources of FHIR R4.
  static let resourceTypes = Set(
    """
    Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary \
    BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem \
    ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest \
    CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest \
    CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement \
    DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest \
    EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit \
    FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization \
    ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List \
    Location Measure MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge \
    MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization \
    MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient \
    MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged \
    MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader \
    MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition OperationDefinition \
    OperationOutcome Organization OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation \
    Person PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse \
    RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject \
    RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition \
    StructureDefinition StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein \
    SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task \
    TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription
    """.split(separator: " ").map(String.init))
}
