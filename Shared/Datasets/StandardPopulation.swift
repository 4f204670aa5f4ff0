/// The 2013 European Standard Population (Eurostat 2013): people by age, of 100,000.
enum StandardPopulation {
  /// From 0 to 4, 5 to 9, … 90 to 94, and 95 and over.
  private static let esp2013 = [
    5_000, 5_500, 5_500, 5_500, 6_000, 6_000, 6_500, 7_000, 7_000, 7_000, 7_000, 6_500, 6_000, 5_500, 5_000, 4_000,
    2_500, 1_500, 800, 200,
  ]

  /// Of each band; nil where a band does not begin at a multiple of five years up to 95.
  static func weights(of bands: [Band]) -> [Int]? {
    guard bands.allSatisfy({ $0.lower % 5 == 0 && $0.lower / 5 < esp2013.count }) else { return nil }
    return bands.indices.map { place in
      let end = place + 1 < bands.count ? bands[place + 1].lower / 5 : esp2013.count
      return esp2013[(bands[place].lower / 5)..<end].reduce(0, +)
    }
  }
}
