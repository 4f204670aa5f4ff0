extension NHSNumber {
  /// Whether a text that is no place for one holds a valid number: ten digits in a row, or 3-3-4 with one character
  /// between.
  public static func isWritten(in text: String) -> Bool {
    let runs = text.utf8.split(omittingEmptySubsequences: false) { !(0x30...0x39 ~= $0) }.map { String($0) ?? "" }
    return runs.indices.contains { place in
      let groups = runs[place...].prefix(3)
      let written = groups.map(\.utf8.count) == [3, 3, 4] ? groups.joined() : runs[place]
      return written.utf8.count == 10 && (try? NHSNumber(validating: written)) != nil
    }
  }
}
