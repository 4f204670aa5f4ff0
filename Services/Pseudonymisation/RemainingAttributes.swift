import Clinical
import Contracts
import Specification
import StageKit

/// What the policy lets remain of a person's identity, as attributes of one record. Everything else is dropped.
final class RemainingAttributes {
  private let policy: AttributePolicy
  private let places: PostcodePlaces?
  /// What applies to records of the period that came last; extracts mostly follow one another.
  private var latest: (period: [UInt8], years: YearOfBirth?)?

  /// - Parameter places: nil where there is no file of postcodes; then the outward code is the area.
  init(policy: AttributePolicy, places: PostcodePlaces?) {
    self.policy = policy
    self.places = places
  }

  /// - Parameter period: of the record's header. Ages count on its last day, so that a record has the same attributes
  ///   whenever it is handled.
  func section(_ identity: IdentitySection, period: UnsafeRawBufferPointer) -> AttributesSection {
    var section = AttributesSection()
    let remaining = policy.attributes
    if remaining.contains(.yearOfBirth), identity.hasBirthDay {
      section.yearOfBirth = years(period)?.year(bornOn: identity.birthDay) ?? 0
    }
    if remaining.contains(.sex) { section.sex = identity.sex }
    if remaining.contains(.practice) { section.practice = identity.practice }
    if remaining.contains(.ethnicCategory) { section.ethnicCategory = identity.ethnicCategory }
    if remaining.contains(.area) || remaining.contains(.commissioner),
      let postcode = try? Postcode(validating: identity.postcode), !postcode.isPseudo
    {
      let place = place(postcode)
      if remaining.contains(.area) { section.area = place.area }
      if remaining.contains(.commissioner) { section.commissioner = place.commissioner }
    }
    return section
  }

  /// A postcode that the file does not hold has no area: an outward code among small areas would be another kind.
  private func place(_ postcode: Postcode) -> PostcodePlaces.Place {
    guard let places else { return PostcodePlaces.Place(area: postcode.outward) }
    return places[postcode] ?? PostcodePlaces.Place()
  }

  /// Nil for a period that is none: an age that nobody can tell might be one of the oldest.
  private func years(_ period: UnsafeRawBufferPointer) -> YearOfBirth? {
    if let latest, latest.period.elementsEqual(period) { return latest.years }
    let month = Period(String(decoding: period, as: UTF8.self))
    let years = month.map { YearOfBirth(policy, on: $0.last) }
    latest = (Array(period), years)
    return years
  }
}

extension RemainingAttributes {
  /// Without a policy nobody knows what may remain, so the service does not start; nor without the postcodes it is told
  /// to use, since areas of two kinds would be compared.
  ///
  /// - Throws: `StageError` with code `configuration`.
  convenience init(_ context: StageContext) throws {
    let configuration = context.configuration
    let policy: AttributePolicy
    do {
      policy = try AttributePolicy.load(file: configuration.policyFile)
    } catch {
      throw StageError.configuration("the policy of attributes cannot be used (CAREDATA_POLICY_FILE):\n\(error)")
    }
    guard !configuration.postcodesFile.isEmpty else {
      self.init(policy: policy, places: nil)
      return
    }
    let places: PostcodePlaces
    do {
      let malformed: Int
      (places, malformed) = try PostcodeFile.read(configuration.postcodesFile)
      context.logger.info(
        "postcodes loaded",
        metadata: ["postcodes": "\(places.count)", "bytes": "\(places.bytes)", "malformed": "\(malformed)"])
    } catch {
      throw StageError.configuration("the postcodes cannot be used (CAREDATA_POSTCODES_FILE): \(error)")
    }
    self.init(policy: policy, places: places)
  }
}
