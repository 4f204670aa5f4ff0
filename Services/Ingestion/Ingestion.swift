import StageKit

@main
struct Ingestion {
  static func main() async {
    await StageMain<IngestionStage>.run()
  }
}
