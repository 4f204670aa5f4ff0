import Foundation

/// A condition that did not come true in time, or a program that did not do what it should.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Asks `probe` every few milliseconds until it gives a value.
///
/// - Throws: ``Failure`` after `seconds`; what `probe` throws.
@discardableResult
func awaitedValue<T>(_ what: String, seconds: Double = 60, _ probe: () throws -> T?) throws -> T {
  let end = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
  while ContinuousClock.now < end {
    if let value = try probe() { return value }
    usleep(3_000)
  }
  throw Failure("\(what): not within \(Int(seconds)) s")
}

/// The same for a condition.
func awaited(_ what: String, seconds: Double = 60, until condition: () throws -> Bool) throws {
  try awaitedValue(what, seconds: seconds) { try condition() ? true : nil }
}
