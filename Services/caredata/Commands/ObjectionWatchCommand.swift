import ArgumentParser
import Contracts
import Foundation
import StageKit

extension ObjectionCheckCommand {
  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take in the replies that a MESH client drops into a folder, until stopped.",
      discussion: """
        `check request --folder DIR` writes requests to DIR/out. Replies are taken from DIR/in, each under the name of \
        its request, and go to DIR/done, or to DIR/refused with the reason beside them. A reply whose request is not \
        known stays. A reply is taken once it has not changed for a while, and moved only when its receipt has come.
        """)

    @OptionGroup var installation: InstallationOptions
    @Option(help: ArgumentHelp("The file drop.", valueName: "dir"))
    var folder: String
    @Flag(help: "Take in what is there and end; exit code 2 when a reply was refused.")
    var once = false
    @Option(help: ArgumentHelp("A reply is complete when it has not changed for so long.", valueName: "seconds"))
    var quiet = 10.0
    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
    var interval = 5.0
    @Option(help: ArgumentHelp("Seconds to wait until a list is judged.", valueName: "seconds"))
    var timeout = 1800

    func validate() throws {
      guard quiet >= 0, interval > 0 else { throw ValidationError("--quiet and --interval are seconds.") }
    }

    func run() async throws {
      let drop = try CheckDrop(folder)
      let lock = try DirectoryLock.acquire(folder)
      defer { lock.release() }
      let stop = StopFlag()
      let signals = StopSignals { stop.set() }
      defer { signals.cancel() }
      var mentioned: Set<String> = []
      while !stop.isSet {
        var refused = false
        for name in drop.replies(quietFor: quiet) where !stop.isSet {
          do {
            let target = try await installation.installation()
            switch try drop.handle(name, { try $0.run(target, timeout: .seconds(timeout)) }) {
            case .processed(let text): say("\(name): \(text)")
            case .refused(let reason):
              refused = true
              say("\(name): refused: \(reason)")
            case .unknownRequest:
              if mentioned.insert(name).inserted { say("\(name): its request is not known here; it stays") }
            }
          } catch {
            if once { throw error }
            say("\(name): stays for the next time: \(error)")
          }
        }
        if once {
          if refused { throw ExitCode(2) }
          return
        }
        _ = stop.wait(seconds: interval)
      }
    }

    private func say(_ text: String) {
      print(text)
      fflush(nil)
    }
  }
}
