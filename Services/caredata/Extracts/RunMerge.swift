import Glibc

/// One item of a sort, as it lies in memory or in a run: key length, value length (4 bytes each), key, value.
struct SortedItem {
  static let headerBytes = 8
  let bytes: UnsafeRawBufferPointer

  init(at start: UnsafeRawPointer) {
    bytes = UnsafeRawBufferPointer(start: start, count: Self.size(at: start))
  }

  /// The size of the item whose first eight bytes lie at `start`.
  static func size(at start: UnsafeRawPointer) -> Int {
    headerBytes + Int(start.loadUnaligned(as: UInt32.self))
      + Int(start.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
  }

  static func write(
    _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer
  ) {
    target.storeBytes(of: UInt32(key.count), as: UInt32.self)
    target.storeBytes(of: UInt32(value.count), toByteOffset: 4, as: UInt32.self)
    if let start = key.baseAddress { (target + headerBytes).copyMemory(from: start, byteCount: key.count) }
    if let start = value.baseAddress {
      (target + headerBytes + key.count).copyMemory(from: start, byteCount: value.count)
    }
  }

  private var keyCount: Int { Int(bytes.loadUnaligned(as: UInt32.self)) }

  var key: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[Self.headerBytes..<(Self.headerBytes + keyCount)])
  }

  var value: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[(Self.headerBytes + keyCount)...]) }

  /// Below, equal to or above 0 as `memcmp`; a key that another begins with comes first.
  func compareKey(_ other: SortedItem) -> Int {
    let left = key
    let right = other.key
    let order = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
    return order == 0 ? left.count - right.count : Int(order)
  }
}

/// The place of a sorted run in its file.
struct SortedRun {
  let offset: Int
  let count: Int
}

/// Merges sorted runs of one file; items of the same key come in the order of the runs.
final class RunMerge {
  private let readers: [RunReader]
  /// A binary heap of reader numbers, smallest current item first.
  private var heap: [Int] = []
  /// The reader whose item was given out and is to move on.
  private var taken = false

  init(_ file: TemporaryFile, _ runs: [SortedRun], bufferBytes: Int) throws(ExtractInputError) {
    readers = runs.map { RunReader(file, $0, bufferBytes: bufferBytes) }
    for (number, reader) in readers.enumerated() where try reader.advance() { heap.append(number) }
    for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(place) }
  }

  func next() throws(ExtractInputError) -> SortedItem? {
    if taken, let first = heap.first {
      if try !readers[first].advance() {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
      }
      sink(0)
    }
    taken = true
    return heap.first.map { readers[$0].item }
  }

  private func sink(_ start: Int) {
    var place = start
    while true {
      var smallest = place
      let left = 2 * place + 1
      if left < heap.count, precedes(heap[left], heap[smallest]) { smallest = left }
      if left + 1 < heap.count, precedes(heap[left + 1], heap[smallest]) { smallest = left + 1 }
      if smallest == place { return }
      heap.swapAt(place, smallest)
      place = smallest
    }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let order = readers[left].item.compareKey(readers[right].item)
    return order == 0 ? left < right : order < 0
  }
}

/// Reads one run through a buffer that grows only for an item larger than it.
private final class RunReader {
  private let file: TemporaryFile
  private var offset: Int
  private let end: Int
  private var buffer: UnsafeMutableRawBufferPointer
  private var position = 0
  private var available = 0
  private(set) var item: SortedItem

  init(_ file: TemporaryFile, _ run: SortedRun, bufferBytes: Int) {
    self.file = file
    offset = run.offset
    end = run.offset + run.count
    buffer = .allocate(byteCount: bufferBytes, alignment: 8)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    item = SortedItem(at: UnsafeRawPointer(buffer.baseAddress!))
  }

  deinit {
    buffer.deallocate()
  }

  /// Moves to the next item; false at the end of the run.
  func advance() throws(ExtractInputError) -> Bool {
    if position == available, offset == end { return false }
    try need(SortedItem.headerBytes)
    let size = SortedItem.size(at: UnsafeRawPointer(buffer.baseAddress! + position))
    try need(size)
    item = SortedItem(at: UnsafeRawPointer(buffer.baseAddress! + position))
    position += size
    return true
  }

  private func need(_ count: Int) throws(ExtractInputError) {
    let rest = available - position
    guard rest < count else { return }
    let source = buffer
    if count > buffer.count { buffer = .allocate(byteCount: count, alignment: 8) }
    buffer.baseAddress!.copyMemory(from: source.baseAddress! + position, byteCount: rest)
    if source.baseAddress != buffer.baseAddress { source.deallocate() }
    let wanted = min(buffer.count - rest, end - offset)
    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[rest..<(rest + wanted)])
    let read = try file.read(at: offset, into: target)
    offset += read
    position = 0
    available = rest + read
    guard available >= count else { throw file.failure("it is shorter than what was written") }
  }
}
