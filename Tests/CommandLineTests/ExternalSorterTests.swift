import Foundation
import Testing

@testable import caredata

@Suite struct ExternalSorterTests {
  private struct Item: Equatable {
    let key: [UInt8]
    let value: [UInt8]
  }

  private let fixture = ExtractFixture()

  private func sorted(_ items: [Item], memory: Int) throws -> SortedItems {
    let sorter = ExternalSorter(SortResources(memory: memory, temporaryDirectory: fixture.folder))
    for item in items {
      try item.key.withUnsafeBytes { key in
        try item.value.withUnsafeBytes { value in try sorter.add(key: key, value: value) }
      }
    }
    return try sorter.finish()
  }

  private func read(_ items: SortedItems) throws -> [Item] {
    let cursor = try items.cursor()
    var result: [Item] = []
    while let item = try cursor.next() { result.append(Item(key: Array(item.key), value: Array(item.value))) }
    return result
  }

  /// Equal keys, keys that begin with another, and values from none to longer than a merge buffer.
  private func randomItems(_ random: inout SplitMix64) -> [Item] {
    (0..<random.below(600)).map { number in
      let letters = (0..<random.within(1...12)).map { _ in UInt8(random.pick([0, 1, 0x61, 0xFF])) }
      let length = random.chance(perMille: 20) ? random.below(3000) : random.below(40)
      return Item(
        key: letters,
        value: withUnsafeBytes(of: number) { Array($0) } + Array(repeating: UInt8(number & 255), count: length))
    }
  }

  @Test(arguments: [256, 1024, 4096, 65_536, 1 << 24])
  func `any memory gives the order of a stable sort in memory`(memory: Int) throws {
    for seed in 0..<20 {
      var random = SplitMix64(seed: UInt64(seed))
      let items = randomItems(&random)
      let oracle = items.enumerated().sorted { left, right in
        left.element.key == right.element.key
          ? left.offset < right.offset : left.element.key.lexicographicallyPrecedes(right.element.key)
      }.map(\.element)
      let result = try sorted(items, memory: memory)
      #expect(try read(result) == oracle)
      // The check of an extract reads everything before the records are read again.
      #expect(try read(result) == oracle)
    }
  }

  @Test func `temporary files have no name and are for the owner only`() throws {
    var random = SplitMix64(seed: 7)
    let items = (0..<2000).map { Item(key: Array("\(random.next())".utf8), value: Array("\($0)".utf8)) }
    let result = try sorted(items, memory: 4096)
    let cursor = try result.cursor()
    #expect(try cursor.next() != nil)
    #expect(fixture.contents().isEmpty)
    let modes = try openFiles(in: fixture.folder)
    #expect(!modes.isEmpty)
    #expect(modes.allSatisfy { $0 == 0o600 })
    withExtendedLifetime(result) {}
  }

  @Test func `temporary files are closed with the sort`() throws {
    do {
      let items = (0..<2000).map { Item(key: Array("\($0)".utf8), value: [1]) }
      _ = try read(sorted(items, memory: 4096))
    }
    #expect(try openFiles(in: fixture.folder).isEmpty)
  }

  @Test func `a sort that fits in memory writes nothing`() throws {
    let result = try sorted([Item(key: [2], value: []), Item(key: [1], value: [])], memory: 4096)
    #expect(try read(result).map(\.key) == [[1], [2]])
    #expect(try openFiles(in: fixture.folder).isEmpty)
  }

  @Test func `a folder that cannot hold temporary files is named`() {
    let items = (0..<2000).map { Item(key: Array("\($0)".utf8), value: [1]) }
    let resources = SortResources(memory: 4096, temporaryDirectory: fixture.folder + "/none")
    let sorter = ExternalSorter(resources)
    let line = errorLine(fixture) {
      for item in items {
        try item.key.withUnsafeBytes { key in try sorter.add(key: key, value: key) }
      }
    }
    #expect(line == "none: a temporary file cannot be used: No such file or directory")
  }

  /// The modes of this process's open files in a folder, which have no name there any more.
  private func openFiles(in folder: String) throws -> [mode_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { descriptor in
      let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
      guard let path, path.hasPrefix(folder), path.hasSuffix("(deleted)") else { return nil }
      var information = stat()
      fstat(Int32(descriptor) ?? -1, &information)
      return information.st_mode & 0o777
    }
  }
}
