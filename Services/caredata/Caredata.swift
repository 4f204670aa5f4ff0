import ArgumentParser

@main
struct Caredata: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "caredata",
    abstract: "Carry records from practices to commissioners, with every objection honoured.",
    discussion: """
      Start with `caredata try`, which runs everything on generated data. To keep it running, `caredata up` in one \
      terminal and, in another, practices announce, notify and activate, submit, release create and subscribe.

      Commands find the installation through --state DIR (a running `caredata up`, default .caredata) or through \
      CAREDATA_… variables, as the services do.
      """,
    groupedSubcommands: [
      .init(name: "Trying out", subcommands: [TryCommand.self, UpCommand.self, GenerateCommand.self]),
      .init(
        name: "Connectors",
        subcommands: [
          SubmitCommand.self, ReceiptsCommand.self, ObjectionsCommand.self, SupersessionsCommand.self,
          PracticesCommand.self,
        ]),
      .init(name: "Analysts", subcommands: [DatasetsCommand.self, ReleaseCommand.self, SubscribeCommand.self]),
      .init(
        name: "Everybody", subcommands: [SpecificationCommand.self, StatementCommand.self, PseudonymiseCommand.self]),
      .init(
        name: "Operators",
        subcommands: [
          StatusCommand.self, LinkageCommand.self, ExplainCommand.self, ReidentifyCommand.self, AuditCommand.self,
          KeysCommand.self, RejectedCommand.self, TopicsCommand.self, BrokerCommand.self,
        ]),
    ])
}
