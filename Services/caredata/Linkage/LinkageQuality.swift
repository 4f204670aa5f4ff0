/// How persons found agree with persons known.
///
/// Pairs of records: precision is the share of joined pairs that are one person, recall the share of one person's pairs
/// that are joined. B-cubed: the same shares within the record's own cluster and person, on average over the records
/// (Bagga and Baldwin 1998); large clusters weigh less.
struct LinkageQuality: Equatable, Encodable {
  struct Rates: Equatable, Encodable {
    let precision: Double
    let recall: Double
    let f1: Double

    init(precision: Double, recall: Double) {
      (self.precision, self.recall) = (precision, recall)
      f1 = precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
    }
  }

  private enum CodingKeys: CodingKey { case pairs, bCubed, people, exactPeople, mixedClusters }

  let pairs: Rates
  let bCubed: Rates
  /// Whose records are one cluster, and the cluster theirs alone.
  let exactPeople: Int
  let people: Int
  /// Clusters with records of several people.
  let mixedClusters: Int
  let clusters: Int

  /// - Parameters: by record, who it is found to be and who it is.
  init(found: [Int32], known: [Int32]) {
    var records: [UInt64: Double] = [:]
    var ofCluster: [Int32: (records: Double, people: Int)] = [:]
    var ofPerson: [Int32: Double] = [:]
    for (cluster, person) in zip(found, known) {
      let part = UInt64(UInt32(bitPattern: cluster)) << 32 | UInt64(UInt32(bitPattern: person))
      if records[part, default: 0] == 0 { ofCluster[cluster, default: (0, 0)].people += 1 }
      records[part, default: 0] += 1
      ofCluster[cluster, default: (0, 0)].records += 1
      ofPerson[person, default: 0] += 1
    }
    func pairs(_ count: Double) -> Double { count * (count - 1) / 2 }
    var (joined, precision, recall, exact) = (0.0, 0.0, 0.0, 0)
    for (part, count) in records {
      let inCluster = ofCluster[Int32(truncatingIfNeeded: part >> 32)]!.records
      let ofHim = ofPerson[Int32(truncatingIfNeeded: part)]!
      joined += pairs(count)
      precision += count * count / inCluster
      recall += count * count / ofHim
      if count == inCluster, count == ofHim { exact += 1 }
    }
    func share(_ part: Double, _ whole: Double) -> Double { whole == 0 ? 1 : part / whole }
    self.pairs = Rates(
      precision: share(joined, ofCluster.values.reduce(0) { $0 + pairs($1.records) }),
      recall: share(joined, ofPerson.values.reduce(0) { $0 + pairs($1) }))
    bCubed = Rates(
      precision: share(precision, Double(found.count)), recall: share(recall, Double(found.count)))
    exactPeople = exact
    people = ofPerson.count
    mixedClusters = ofCluster.values.count { $0.people > 1 }
    clusters = ofCluster.count
  }
}
