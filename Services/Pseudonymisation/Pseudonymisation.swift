import StageKit

@main
struct Pseudonymisation {
  static func main() async {
    await StageMain<PseudonymisationStage>.run()
  }
}
