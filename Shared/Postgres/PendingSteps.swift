/// The indices of the steps to apply; both lists rise by version.
func pendingSteps(
  _ versions: [Int], checksums: [[UInt8]], applied: [(version: Int, checksum: [UInt8])], schema: String
) throws(MigrationError) -> [Int] {
  let known = Dictionary(uniqueKeysWithValues: zip(versions, checksums))
  for step in applied {
    guard let checksum = known[step.version] else {
      throw .unknownStep(schema: schema, version: step.version)
    }
    guard checksum == step.checksum else { throw .altered(schema: schema, version: step.version) }
  }
  let pending = versions.indices.filter { index in !applied.contains { $0.version == versions[index] } }
  if let first = pending.first, let last = applied.last, versions[first] < last.version {
    throw .outOfOrder(schema: schema, version: versions[first])
  }
  return pending
}
