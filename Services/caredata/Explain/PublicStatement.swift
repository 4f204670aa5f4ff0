import Clinical
import Contracts
import Specification

/// In plain English, for patients: what is collected, what is left out, and what an objection changes.
///
/// Every sentence follows from the rules in force (the extract specification, the exclusion lists, the rules on notice
/// and on the national list, the order of decisions), so that it cannot say what the programs do not do.
struct PublicStatement {
  let specifications: Specifications
  let version: ExtractSpecification
  let day: CalendarDate
  let noticeDays: Int
  let list: NationalListRule

  var text: String {
    [collected, leftOut, notice, objections, order, national, proof].joined(separator: "\n\n")
  }

  // MARK: - What is collected

  private var collected: String {
    var lines = [
      "WHAT IS COLLECTED",
      "",
      "This is version \(version.version), \(version.title), in force from \(version.effectiveFrom.text). It describes "
        + "what is collected on \(day.iso). Nothing else is taken.",
    ]
    for source in Source.specified {
      guard let specification = version.sources[source] else { continue }
      lines += ["", "From \(Self.name(source)), once a month:", ""]
      let fields = SourceSpecification.Field.allCases.filter { specification.fields[$0] != nil }.map(Self.name)
      lines.append("- about you: \(Self.list(fields));")
      for (name, set) in specification.codes.referenceSets.sorted(by: { $0.key < $1.key }) {
        let title = specifications.titles[version.version]?[name] ?? name
        lines.append("- entries on \(title): \(Self.counted(set.codes.count, "code"));")
      }
      for system in specification.codes.systems.sorted(by: { $0.rawValue < $1.rawValue }) {
        lines.append("- every \(Self.name(system));")
      }
      lines.append("- \(Self.text(specification.lookBack)).")
    }
    lines += [
      "", "Free text is never collected. Your name and address are never collected; a postcode is, where it is named.",
      "Names and numbers that identify you are replaced before records are linked and counted.",
    ]
    return lines.joined(separator: "\n")
  }

  private var leftOut: String {
    let lists = specifications.exclusions.lists.filter {
      $0.uses.contains { $0.isInForce(for: version.exclusionPurpose, on: day) }
    }
    var lines = ["WHAT IS LEFT OUT", ""]
    guard !lists.isEmpty else { return (lines + ["No codes are left out as sensitive."]).joined(separator: "\n") }
    lines += ["These are left out although they may stand in your record, with everything of the same encounter:", ""]
    lines += lists.map { list in
      "- \(list.title): \(Self.counted(list.codes.codes.count, "code"))"
        + (list.isStatutory
          ? "; the law restricts them, so that record also leaves without anything that names you" : "")
    }
    return lines.joined(separator: "\n")
  }

  private var notice: String {
    """
    WHEN IT BEGINS

    Your practice, hospital or community service must have told its patients \
    \(Self.counted(noticeDays, "day")) before anything is collected from it.
    """
  }

  // MARK: - Objections

  private var objections: String {
    let type1 = Self.codes(.type1)
    let type2 = Self.codes(.type2)
    let national =
      list.maximumDays == nil
      ? "This installation does not use the national list."
      : "To be on the national list (the national data opt-out) has the same effect."
    return """
      WHAT YOUR OBJECTION CHANGES

      Type 1, recorded by your practice (\(type1)): nothing of what general practices hold about you is used. What \
      hospitals and community services send is not covered.

      Type 2, recorded by your practice (\(type2)): nothing about you is used, whoever holds it. \(national)

      You may also ask the operator directly, for either type.

      A record that comes without your NHS number is recognised as yours when its date of birth, sex and postcode are \
      those of one that has it. Where you are not known with a number anywhere, an objection cannot reach it; such \
      records are counted.

      An objection counts from the moment it is acknowledged, wherever it was recorded. What was used before is taken \
      back: it is in no later release. Releases that were made before cannot be called back.

      When you withdraw an objection, what is sent from then on is used. What the objection has erased comes back only \
      when it is sent again; organisations are asked to do so, without being told for whom.
      """
  }

  private var order: String {
    func inForce(_ decisions: DatedObjectionDecision...) -> Bool { decisions.inForce == .dissent }
    let (earlier, later) = (CalendarDate(day: 0), CalendarDate(day: 1))
    let lines = [
      inForce(.init(.dissent, on: earlier), .init(.withdrawn, on: later)) == false
        && inForce(.init(.withdrawn, on: earlier), .init(.dissent, on: later))
        ? "The latest decision counts, whichever practice recorded it."
        : "The latest decision does not always count.",
      inForce(.init(.dissent, on: earlier), .init(.withdrawn, on: earlier))
        ? "Of an objection and its withdrawal on the same day the objection counts."
        : "Of an objection and its withdrawal on the same day the withdrawal counts.",
      inForce(.init(.dissent, on: nil), .init(.withdrawn, on: later))
        ? "An objection without a date counts whatever else is recorded."
        : "An objection without a date does not count against a later withdrawal.",
      inForce(.init(.dissent, on: earlier), .init(.withdrawn, on: nil))
        ? "A withdrawal without a date changes nothing." : "A withdrawal without a date ends the objection.",
      "When a practice's records no longer hold an objection, that alone does not end it.",
    ]
    return "WHEN DECISIONS DIFFER\n\n" + lines.map { "- \($0)" }.joined(separator: "\n")
  }

  private var national: String {
    guard let days = list.maximumDays else {
      return "THE NATIONAL LIST\n\nThis installation does not use the national list of objections."
    }
    return """
      THE NATIONAL LIST

      The list is loaded anew again and again. When it is older than \(Self.counted(days, "day")), or there is none, \
      nothing is taken in, passed on or released until a newer one is there. Who is no longer on a whole list no longer \
      objects by it; what they or their practice have said otherwise still counts. A list that is empty or much shorter \
      than the last is not believed.
      """
  }

  private var proof: String {
    """
    HOW YOU CAN SEE THAT IT WAS DONE

    Objections received and acted upon are counted for every organisation and day and must agree; before each release \
    it is checked that no fact of an objector is in it, and there is no release otherwise. Every release is entered in \
    a register that cannot be changed unnoticed. Ask the operator: for your NHS number it can be looked up what was \
    said, what left, when, and why not; every such question is itself recorded.
    """
  }

  // MARK: - Words

  private static func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }

  private static func list(_ words: [String]) -> String {
    words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + words[words.count - 1]
  }

  private static func codes(_ type: ObjectionCode.Kind) -> String {
    let codes = ObjectionCode.dissents.filter { ObjectionCode.decision($0)?.type == type }
    return "codes " + list(codes.map { "\($0.code) in \(name($0.system))" })
  }

  private static func name(_ system: ClinicalCode.System) -> String {
    switch system {
    case .read2: "Read v2"
    case .ctv3: "CTV3"
    case .snomed: "SNOMED CT"
    default: system.name
    }
  }

  private static func name(_ source: Source) -> String {
    switch source {
    case .gp: "general practices"
    case .hospital: "hospitals"
    case .community: "community services"
    case .unspecified, .UNRECOGNIZED: "others"
    }
  }

  private static func name(_ system: CodeSystem) -> String {
    switch system {
    case .icd10: "diagnosis of a stay (ICD-10)"
    case .opcs4: "operation of a stay (OPCS-4)"
    case .admissionMethod: "admission: how it came about, when it began and ended"
    case .communityTeam: "contact: the kind of team and the day"
    case .dischargeMethod: "discharge: how a stay ended, and when"
    case .read2: "Read v2 code"
    case .ctv3: "CTV3 code"
    case .snomed: "SNOMED CT code"
    case .unspecified, .UNRECOGNIZED: "code of another system"
    }
  }

  private static func name(_ field: SourceSpecification.Field) -> String {
    switch field {
    case .nhsNumber: "NHS number"
    case .dateOfBirth: "date of birth"
    case .sex: "sex"
    case .postcode: "postcode"
    case .ethnicCategory: "ethnic category"
    case .practice: "practice"
    case .registeredFrom: "day of registration"
    case .registeredTo: "day the registration ended"
    }
  }

  private static func text(_ lookBack: SourceSpecification.LookBack) -> String {
    switch lookBack {
    case .since(let date): "nothing dated before \(date.iso)"
    case .months(let months): "nothing dated more than \(counted(months, "month")) before the month collected"
    }
  }
}
