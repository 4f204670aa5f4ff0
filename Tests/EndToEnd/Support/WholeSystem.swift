import Testing

/// Every test that runs the whole system as real processes: one system at a time, for two would share the processors
/// and bend each other's times. Other files add their suites by extension.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WholeSystem {}
