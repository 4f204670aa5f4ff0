/// What follows a release in topic `releases`, as JSON; the offsets tell a subscriber when it has every row.
public struct ReleaseManifest: Codable, Equatable, Sendable {
  public struct Range: Codable, Equatable, Sendable {
    public let partition: Int32
    public let first: Int64
    /// The offset after the last row.
    public let end: Int64

    public init(partition: Int32, first: Int64, end: Int64) {
      self.partition = partition
      self.first = first
      self.end = end
    }
  }

  public let dataset: String
  public let release: String
  public let rows: Int
  /// Of the published CSV file, hexadecimal.
  public let sha256: String
  public let topic: String
  /// In published order; the objects of the rows have none.
  public let columns: [String]
  /// Those of them that have one digit after the point.
  public let rates: [String]?
  public let partitions: [Range]

  public init(
    dataset: String, release: String, rows: Int, sha256: String, topic: String, columns: [String],
    rates: [String]? = nil, partitions: [Range]
  ) {
    self.dataset = dataset
    self.release = release
    self.rows = rows
    self.sha256 = sha256
    self.topic = topic
    self.columns = columns
    self.rates = rates
    self.partitions = partitions
  }
}
