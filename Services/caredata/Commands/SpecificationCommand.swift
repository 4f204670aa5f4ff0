import ArgumentParser
import Clinical
import Foundation
import Specification
import StageKit

struct SpecificationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "specification",
    abstract: "What is collected, how far back, and what is left out: show it, compare versions, check the files.",
    subcommands: [Show.self, Diff.self, Check.self])

  struct Folder: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Folder of the versions; default: CAREDATA_SPECIFICATION_DIRECTORY, else compose/specification.",
        valueName: "dir"))
    var directory: String?

    func load() throws -> Specifications {
      try Specifications.load(directory: try ProjectFolder.specification.locate(directory))
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sources, fields, look-back, reference sets, and the exclusion lists in force today.")

    @OptionGroup var folder: Folder

    @Flag(help: "Print as JSON.")
    var json = false

    @Argument(help: "The version; default: the one in force for the present month.")
    var version: String?

    func run() throws {
      let specifications = try folder.load()
      let today = CalendarDate.today
      let report = SpecificationReport(specifications, try specifications.version(version, on: today), on: today)
      print(try json ? SpecificationJSON.text(report) : report.text)
    }
  }

  struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What changes from one version to another: fields, severities, look-back, codes, exclusion lists.",
      discussion: "Exclusion lists are compared as they are in force on the day each version takes effect.")

    @OptionGroup var folder: Folder

    @Flag(help: "Print as JSON.")
    var json = false

    @Argument(help: "The version before.")
    var before: String

    @Argument(help: "The version after.")
    var after: String

    func run() throws {
      let specifications = try folder.load()
      let today = CalendarDate.today
      let report = SpecificationDifferenceReport(
        specifications, from: try specifications.version(before, on: today),
        to: try specifications.version(after, on: today))
      print(try json ? SpecificationJSON.text(report) : report.text)
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Name every fault of the specification files and code lists; exit code 1 when there is one.")

    @Argument(help: ArgumentHelp("Folder of the versions; default as for show.", valueName: "directory"))
    var directory: String?

    func run() throws {
      let folder = try ProjectFolder.specification.locate(directory)
      do throws(SpecificationFaults) {
        print(SpecificationCheck.text(try Specifications.load(directory: folder)))
      } catch {
        print(SpecificationCheck.text(error))
        throw ExitCode(1)
      }
    }
  }
}

extension Specifications {
  /// The version asked for; without one that of the day's month, or where none is in force yet the first.
  func version(_ name: String?, on day: CalendarDate) throws -> ExtractSpecification {
    guard let name else {
      guard let version = newest(for: Period(containing: day)) ?? inOrder.first else {
        throw ClientError("there is no version")
      }
      return version
    }
    guard let version = versions[name] else {
      throw ClientError(
        "there is no version '\(name)'; there are \(inOrder.map(\.version).joined(separator: ", "))")
    }
    return version
  }
}

enum SpecificationJSON {
  static func text(_ report: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }
}
