import CoreMetrics
import Testing

@testable import StageKit

struct PrometheusRegistryTests {
  private let registry = PrometheusRegistry()

  @Test func `counters and gauges are rendered in the text format, sorted and typed once`() {
    registry.makeCounter(label: "b_total", dimensions: [("stage", "linkage")]).increment(by: 2)
    registry.makeCounter(label: "b_total", dimensions: [("stage", "ingestion")]).increment(by: 5)
    registry.makeCounter(label: "a_total", dimensions: []).increment(by: 1)
    registry.makeRecorder(label: "held", dimensions: [], aggregate: false).record(Int64(12))
    #expect(
      registry.render() == """
        # TYPE a_total counter
        a_total 1
        # TYPE b_total counter
        b_total{stage="ingestion"} 5
        b_total{stage="linkage"} 2
        # TYPE held gauge
        held 12.0

        """)
  }

  @Test func `the same name and labels are the same series`() {
    registry.makeCounter(label: "n", dimensions: [("a", "1")]).increment(by: 1)
    registry.makeCounter(label: "n", dimensions: [("a", "1")]).increment(by: 1)
    #expect(registry.render().contains("n{a=\"1\"} 2\n"))
  }

  @Test func `quotes, backslashes and line ends in a label are escaped`() {
    registry.makeCounter(label: "n", dimensions: [("a", "x\"y\\z\n")]).increment(by: 1)
    #expect(registry.render().contains(#"n{a="x\"y\\z\n"} 1"#))
  }

  @Test func `a duration is counted in every bucket that it fits and in the sum, in seconds`() {
    let timer = registry.makeTimer(label: "t", dimensions: [("stage", "linkage")])
    timer.recordNanoseconds(20_000_000)
    timer.recordNanoseconds(90_000_000_000)
    let lines = registry.render().split(separator: "\n").map(String.init)
    #expect(lines.first == "# TYPE t histogram")
    #expect(lines.contains(#"t_bucket{stage="linkage",le="0.01"} 0"#))
    #expect(lines.contains(#"t_bucket{stage="linkage",le="0.025"} 1"#))
    #expect(lines.contains(#"t_bucket{stage="linkage",le="60.0"} 1"#))
    #expect(lines.contains(#"t_bucket{stage="linkage",le="+Inf"} 2"#))
    #expect(lines.contains(#"t_sum{stage="linkage"} 90.02"#))
    #expect(lines.contains(#"t_count{stage="linkage"} 2"#))
  }
}
