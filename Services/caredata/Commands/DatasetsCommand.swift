import ArgumentParser
import Datasets
import Foundation
import Specification

struct DatasetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "datasets", abstract: "The definitions of datasets: check the files, list them, show what one counts.",
    subcommands: [Check.self, List.self, Show.self])

  struct Folder: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Folder of the definitions; default: CAREDATA_DATASETS_DIRECTORY, else compose/datasets.", valueName: "dir"))
    var directory: String?

    func load() throws -> DatasetFolder {
      try DatasetFolder.load(directory: try ProjectFolder.datasets.locate(directory))
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Name every fault of the definitions and what they refer to; exit code 1 when there is one.",
      discussion: "Codes that no extract is asked for would silently count nothing; they are faults as well.")

    @Argument(help: ArgumentHelp("Folder of the definitions; default as for list.", valueName: "directory"))
    var directory: String?

    @Option(
      help: ArgumentHelp(
        "Folder of the extract specifications; default: CAREDATA_SPECIFICATION_DIRECTORY, else compose/specification.",
        valueName: "dir"))
    var specification: String?

    func run() throws {
      do throws(SpecificationFaults) {
        let folder = try DatasetFolder.load(directory: try Self.located(.datasets, directory))
        let specifications = try Specifications.load(directory: try Self.located(.specification, specification))
        let faults = DatasetCheck.uncollected(folder, specifications)
        guard faults.isEmpty else { throw SpecificationFaults(faults) }
        print("\(folder.definitions.count) datasets without fault")
      } catch {
        print("\(error)")
        print("\(error.faults.count) \(error.faults.count == 1 ? "fault" : "faults")")
        throw ExitCode(1)
      }
    }

    private static func located(_ folder: ProjectFolder, _ given: String?) throws(SpecificationFaults) -> String {
      do {
        return try folder.locate(given)
      } catch {
        throw SpecificationFaults([SpecificationFault(file: given ?? folder.path, line: nil, "\(error)")])
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Name, class and title of every dataset.")

    @OptionGroup var folder: Folder

    func run() throws {
      var table = TextTable("dataset", "class", "rule", "title")
      for definition in try folder.load().definitions {
        table.row([definition.name, definition.releaseClass.rawValue, definition.rule.name, definition.title])
      }
      print(table.render())
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Columns of a dataset, and what each of them says.")

    @OptionGroup var folder: Folder

    @Argument(help: "Name of the dataset.")
    var dataset: String

    func run() throws {
      let folder = try folder.load()
      guard let definition = folder[dataset] else {
        throw ClientError(
          "there is no dataset '\(dataset)'; there are \(folder.definitions.map(\.name).joined(separator: ", "))")
      }
      print("\(definition.title)\n\(definition.purpose); for \(definition.recipients.joined(separator: ", "))")
      print("\(definition.legalBasis)\n\(definition.rule.meaning)\n")
      var table = TextTable("column", "what it says")
      for column in definition.tableColumns { table.row([column.name, column.text]) }
      print(table.render())
    }
  }
}
