import Glibc

/// Where an external sort keeps its memory and its temporary files.
struct SortResources: Sendable {
  /// Bytes of memory, for collecting as well as for merging.
  var memory = 64 * 1024 * 1024
  var temporaryDirectory: String

  /// `TMPDIR`, else /tmp.
  init(memory: Int = 64 * 1024 * 1024, temporaryDirectory: String? = nil) {
    self.memory = memory
    self.temporaryDirectory = temporaryDirectory ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  }

  /// Large enough that a merge reads sequentially, small enough that 16 runs can be merged at once.
  var runBufferBytes: Int { min(256 * 1024, max(64, memory / 16)) }
  var mergeWidth: Int { max(2, memory / runBufferBytes) }
}

/// Sorts items (a key and a value, both bytes) by key, items of the same key in the order they were added, in bounded
/// memory: what does not fit is written as sorted runs to a temporary file, and the runs are merged.
final class ExternalSorter {
  private struct Index {
    /// The first eight bytes of the key, big-endian: decides most comparisons without touching the item.
    let prefix: UInt64
    let offset: Int
  }

  /// What an item costs beside its bytes: the index and the sort's own working copy of it.
  private static let indexBytes = 2 * MemoryLayout<Index>.stride

  private let resources: SortResources
  /// Reserved at full size; pages never touched cost nothing.
  private var arena: UnsafeMutableRawBufferPointer
  private var used = 0
  private var items: [Index] = []
  private var file: TemporaryFile?
  private var runs: [SortedRun] = []

  init(_ resources: SortResources) {
    self.resources = resources
    arena = .allocate(byteCount: resources.memory, alignment: 8)
    items.reserveCapacity(resources.memory / (Self.indexBytes * 2))
  }

  deinit {
    arena.deallocate()
  }

  func add(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ExtractInputError) {
    let size = SortedItem.headerBytes + key.count + value.count
    if used + size + (items.count + 1) * Self.indexBytes > resources.memory { try spill() }
    guard size <= arena.count else { return try addAlone(key, value, size) }
    SortedItem.write(key, value, to: arena.baseAddress! + used)
    items.append(Index(prefix: prefix(of: key), offset: used))
    used += size
  }

  /// An item larger than the whole memory budget becomes a run of its own.
  private func addAlone(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ size: Int
  ) throws(ExtractInputError) {
    let item = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
    defer { item.deallocate() }
    SortedItem.write(key, value, to: item.baseAddress!)
    let file = try runFile()
    runs.append(SortedRun(offset: file.size, count: size))
    try file.append(UnsafeRawBufferPointer(item))
  }

  /// Ends the collection; nothing may be added afterwards.
  func finish() throws(ExtractInputError) -> SortedItems {
    guard var file else {
      sort()
      return SortedItems(memory: self)
    }
    try spill()
    // The merge takes the same memory again, for its buffers.
    items = []
    arena.deallocate()
    arena = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    try file.flush()
    while runs.count > resources.mergeWidth {
      let next = try TemporaryFile(
        directory: resources.temporaryDirectory, bufferBytes: resources.runBufferBytes)
      var merged: [SortedRun] = []
      for start in stride(from: 0, to: runs.count, by: resources.mergeWidth) {
        let group = Array(runs[start..<min(start + resources.mergeWidth, runs.count)])
        let offset = next.size
        let merge = try RunMerge(file, group, bufferBytes: resources.runBufferBytes)
        while let item = try merge.next() { try next.append(item.bytes) }
        merged.append(SortedRun(offset: offset, count: next.size - offset))
      }
      try next.flush()
      file = next
      runs = merged
    }
    return SortedItems(file: file, runs: runs, bufferBytes: resources.runBufferBytes)
  }

  /// The item at a place of the order; only in memory.
  fileprivate func item(_ place: Int) -> SortedItem? {
    place < items.count ? SortedItem(at: UnsafeRawPointer(arena.baseAddress! + items[place].offset)) : nil
  }

  private func spill() throws(ExtractInputError) {
    guard !items.isEmpty else { return }
    sort()
    let file = try runFile()
    let offset = file.size
    for index in items { try file.append(SortedItem(at: UnsafeRawPointer(arena.baseAddress! + index.offset)).bytes) }
    runs.append(SortedRun(offset: offset, count: file.size - offset))
    items.removeAll(keepingCapacity: true)
    used = 0
  }

  private func runFile() throws(ExtractInputError) -> TemporaryFile {
    if let file { return file }
    let created = try TemporaryFile(
      directory: resources.temporaryDirectory, bufferBytes: resources.runBufferBytes)
    file = created
    return created
  }

  private func sort() {
    let base = UnsafeRawPointer(arena.baseAddress!)
    items.sort { left, right in
      if left.prefix != right.prefix { return left.prefix < right.prefix }
      let order = SortedItem(at: base + left.offset).compareKey(SortedItem(at: base + right.offset))
      return order == 0 ? left.offset < right.offset : order < 0
    }
  }

  private func prefix(of key: UnsafeRawBufferPointer) -> UInt64 {
    if key.count >= 8 { return UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)) }
    return key.reduce(0) { $0 << 8 | UInt64($1) } << (8 * UInt64(8 - key.count))
  }
}

/// The sorted items, which can be read any number of times.
struct SortedItems {
  private enum Storage {
    case memory(ExternalSorter)
    case runs(TemporaryFile, [SortedRun], bufferBytes: Int)
  }
  private let storage: Storage

  fileprivate init(memory: ExternalSorter) { storage = .memory(memory) }
  fileprivate init(file: TemporaryFile, runs: [SortedRun], bufferBytes: Int) {
    storage = .runs(file, runs, bufferBytes: bufferBytes)
  }

  func cursor() throws(ExtractInputError) -> SortedCursor {
    switch storage {
    case .memory(let sorter): SortedCursor(memory: sorter)
    case .runs(let file, let runs, let bufferBytes):
      SortedCursor(merge: try RunMerge(file, runs, bufferBytes: bufferBytes))
    }
  }
}

/// Reads sorted items from the first to the last.
final class SortedCursor {
  private var sorter: ExternalSorter?
  private var place = 0
  private var merge: RunMerge?

  fileprivate init(memory sorter: ExternalSorter) { self.sorter = sorter }
  fileprivate init(merge: RunMerge) { self.merge = merge }

  /// The next item, valid until the following call; nil at the end.
  func next() throws(ExtractInputError) -> SortedItem? {
    if let merge { return try merge.next() }
    defer { place += 1 }
    return sorter?.item(place)
  }
}
