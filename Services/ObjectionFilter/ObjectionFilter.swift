import StageKit

@main
struct ObjectionFilter {
  static func main() async {
    await StageMain<ObjectionFilterStage>.run()
  }
}
