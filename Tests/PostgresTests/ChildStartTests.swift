import Foundation
import Synchronization
import Testing

@testable import caredata

@Suite struct ChildStartTests {
  /// Whoever inherits the pipe of a command that another thread starts keeps that thread waiting for as long as it
  /// lives.
  @Test func `a command ends although programs that stay are started beside it`() throws {
    let directory = temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let programs = try PostgresPrograms.find(version: nil)
    defer { for child in staying.withLock({ $0 }) { child.killNow() } }
    let (threads, rounds) = (4, 100)
    let done = DispatchSemaphore(value: 0)
    for thread in 0..<threads {
      Thread {
        for _ in 0..<rounds where (try? programs.run(["true"]))?.status == 0 {
          endedCommands.add(1, ordering: .relaxed)
        }
        done.signal()
      }.start()
      Thread {
        for round in 0..<rounds {
          let child = try? ChildProcess(
            name: "cat-\(thread)-\(round)", executable: "/bin/cat", environment: [:], log: "\(directory)/log"
          ) { _ in }
          if let child { staying.withLock { $0.append(child) } }
        }
      }.start()
    }
    let end = DispatchTime.now() + .seconds(30)
    let results = (0..<threads).map { _ in done.wait(timeout: end) }
    #expect(results.allSatisfy { $0 == .success })
    #expect(endedCommands.load(ordering: .relaxed) == threads * rounds)
  }
}

private let endedCommands = Atomic(0)
private let staying = Mutex<[ChildProcess]>([])
