import StageKit

/// Linkage: says which records belong to one person, from keyed tokens only.
@main
enum Linkage {
  static func main() async {
    await StageMain<LinkageStage>.run()
  }
}
