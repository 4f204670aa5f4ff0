/// How an organisation comes to take part and leaves again:
/// announced → notifying → ready → active ⇄ suspended → withdrawn.
///
/// Patients are told before anything is taken: an organisation is ready once the notice period has passed since they
/// were. Ready is never written down, it is notifying and time. Days count from 1970-01-01.
public struct PracticeGate: Sendable {
  public static let usualNoticeDays = 56

  public enum State: String, CaseIterable, Sendable {
    case announced, notifying, ready, active, suspended, withdrawn
  }

  public enum Change: Hashable, Sendable {
    /// Takes part from now on in principle, as part of a pilot wave or of none.
    case announce(wave: String)
    /// Its patients were or will be told on this day.
    case notify(on: Int32)
    case activate
    case suspend
    /// Leaves the scheme; `erase` also takes back everything it ever sent.
    case withdraw(erase: Bool)
  }

  /// Why an enrolment is not accepted. Part of receipts: a closed list.
  public enum Refusal: String, Error, CaseIterable {
    case notAnnounced = "not_announced"
    case alreadyAnnounced = "already_announced"
    case notNotified = "patients_not_notified"
    case noticePeriodNotOver = "notice_period_not_over"
    case notActive = "not_active"
    case alreadyActive = "already_active"
    case withdrawn = "withdrawn"
    /// Dates are missing or do not follow one another.
    case datesInconsistent = "dates_inconsistent"
  }

  public let noticeDays: Int32

  public init(noticeDays: Int = usualNoticeDays) { self.noticeDays = Int32(noticeDays) }

  /// Nil when the organisation was never announced, or its enrolment cannot be relied on.
  public func state(of enrolment: PracticeEnrolment?, on day: Int32) -> State? {
    guard let enrolment else { return nil }
    switch enrolment.state {
    case .announced: return .announced
    case .notifying: return isReady(enrolment, on: day) ? .ready : .notifying
    // Whoever declares itself active from a later day on is so from that day on.
    case .active:
      if enrolment.hasActiveFrom, enrolment.activeFrom <= day { return .active }
      return isReady(enrolment, on: day) ? .ready : .notifying
    case .suspended: return .suspended
    case .withdrawn: return .withdrawn
    case .unspecified, .UNRECOGNIZED: return nil
    }
  }

  private func isReady(_ enrolment: PracticeEnrolment, on day: Int32) -> Bool {
    readyDay(enrolment).map { $0 <= day } ?? false
  }

  /// The first day on which it may be active.
  public func readyDay(_ enrolment: PracticeEnrolment) -> Int32? {
    enrolment.hasNotifiedOn ? Int32(clamping: Int64(enrolment.notifiedOn) + Int64(noticeDays)) : nil
  }

  /// The enrolment after a change made on a day.
  public func enrolment(
    of organisation: String, after held: PracticeEnrolment?, _ change: Change, on day: Int32, at microseconds: Int64
  ) throws(Refusal) -> PracticeEnrolment {
    var next = held ?? PracticeEnrolment()
    next.organisation = organisation
    next.changedAt = microseconds
    let state = state(of: held, on: day)
    switch change {
    case .announce(let wave):
      guard state == nil || state == .withdrawn else { throw .alreadyAnnounced }
      next = PracticeEnrolment()
      next.organisation = organisation
      next.changedAt = microseconds
      next.state = .announced
      next.announcedOn = day
      next.wave = wave
    case .notify(let noticeDay):
      switch state {
      case .announced, .notifying, .ready: break
      case nil: throw .notAnnounced
      case .withdrawn: throw .withdrawn
      case .active, .suspended: throw .alreadyActive
      }
      next.state = .notifying
      next.notifiedOn = noticeDay
    case .activate:
      switch state {
      case .ready, .suspended: break
      case nil: throw .notAnnounced
      case .announced: throw .notNotified
      case .notifying: throw .noticePeriodNotOver
      case .active: throw .alreadyActive
      case .withdrawn: throw .withdrawn
      }
      next.state = .active
      next.activeFrom = day
      next.clearSuspendedOn()
    case .suspend:
      guard state == .active else { throw state == nil ? .notAnnounced : .notActive }
      next.state = .suspended
      next.suspendedOn = day
    case .withdraw(let erase):
      guard state != nil else { throw .notAnnounced }
      // Whoever has left may still ask for erasure, once.
      guard state != .withdrawn || (erase && !next.erase) else { throw .withdrawn }
      next.state = .withdrawn
      if !next.hasWithdrawnOn { next.withdrawnOn = day }
      next.erase = erase
    }
    return next
  }

  /// Throws unless an enrolment that comes from elsewhere is sound in itself and may follow the one held.
  public func check(_ next: PracticeEnrolment, after held: PracticeEnrolment?) throws(Refusal) {
    switch next.state {
    case .active, .suspended:
      guard let readyDay = readyDay(next), next.hasActiveFrom else { throw .notNotified }
      guard next.activeFrom >= readyDay else { throw .noticePeriodNotOver }
      guard next.state != .suspended || next.hasSuspendedOn && next.suspendedOn >= next.activeFrom else {
        throw .datesInconsistent
      }
    case .notifying: guard next.hasAnnouncedOn, next.hasNotifiedOn else { throw .datesInconsistent }
    case .announced: guard next.hasAnnouncedOn else { throw .datesInconsistent }
    case .withdrawn: guard next.hasWithdrawnOn else { throw .datesInconsistent }
    case .unspecified, .UNRECOGNIZED: throw .datesInconsistent
    }
    // Of an organisation never heard of, as after the loss of the database, the newest enrolment tells everything.
    guard let held else { return }
    switch (held.state, next.state) {
    case (.withdrawn, .withdrawn) where next.erase: break
    case (.withdrawn, .announced): break
    case (.withdrawn, _): throw .withdrawn
    case (_, .withdrawn): break
    case (_, .announced): throw .alreadyAnnounced
    case (.announced, .notifying), (.notifying, .notifying): break
    case (.notifying, .active), (.suspended, .active):
      guard next.notifiedOn == held.notifiedOn else { throw .datesInconsistent }
    case (.announced, .active): throw .notNotified
    case (.active, .suspended): break
    case (_, .suspended): throw .notActive
    default: throw .alreadyActive
    }
  }

  /// Why an extract of the organisation is refused; nil when it is accepted.
  public func reasonToRefuse(_ enrolment: PracticeEnrolment?, on day: Int32) -> String? {
    switch state(of: enrolment, on: day) {
    case .active: nil
    case nil: "organisation_not_enrolled"
    case .some(let state): "organisation_\(state.rawValue)"
    }
  }
}
