import Foundation

/// Memory that nobody else gets while it is held.
///
/// In a virtual machine a page costs several times as much when the machine has to get it from its host as when somebody in
/// it has just freed it. What is measured first would find freed pages, and what is measured later would not: held and
/// touched, these are out of the way, and everything measured pays the same.
final class Ballast {
  private let memory: UnsafeMutableRawPointer

  /// - Parameter byteCount: a third of the machine's memory, unless it is given.
  init(byteCount: Int = Int(ProcessInfo.processInfo.physicalMemory / 3)) {
    memory = .allocate(byteCount: byteCount, alignment: 4_096)
    for place in stride(from: 0, to: byteCount, by: 4_096) {
      memory.storeBytes(of: UInt8.max, toByteOffset: place, as: UInt8.self)
    }
  }

  deinit { memory.deallocate() }
}
