// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let flyingFox = Target.Dependency.product(name: "FlyingFox", package: "FlyingFox")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

func shared(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Shared/\(name)", exclude: exclude, swiftSettings: strict)
}

func service(
  _ name: String, _ dependencies: [Target.Dependency] = []
) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["StageKit", "Kafka", "Postgres", "Contracts", "Cryptography", "KeyRing", "Clinical", argumentParser]
      + dependencies,
    path: "Services/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
  name: "caredata",
  products: [
    .executable(name: "caredata", targets: ["caredata"]),
    .executable(name: "caredata-ingestion", targets: ["Ingestion"]),
    .executable(name: "caredata-objection-filter", targets: ["ObjectionFilter"]),
    .executable(name: "caredata-pseudonymisation", targets: ["Pseudonymisation"]),
    .executable(name: "caredata-linkage", targets: ["Linkage"]),
    .executable(name: "caredata-publication", targets: ["Publication"]),
    .executable(name: "caredata-benchmarks", targets: ["Benchmarks"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CRdKafka", path: "Shared/CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(name: "CPostgres", path: "Shared/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
      name: "COpenSSL", path: "Shared/COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    shared("Clinical"),
    shared("Cryptography", ["COpenSSL"]),
    shared("Audit", ["Cryptography"]),
    shared("Pseudonyms", ["Cryptography"]),
    shared("Linking", ["Cryptography"]),
    shared("LinkKeys", ["Clinical", "Contracts", "Cryptography", "Linking"]),
    shared("KeyRing", ["Cryptography"]),
    shared("Kafka", ["CRdKafka"]),
    shared("Postgres", ["CPostgres"]),
    shared("Contracts", [protobuf], exclude: ["caredata.proto"]),
    shared("Tables"),
    shared("Specification", ["Clinical", "Contracts", "Cryptography", "Tables", yams]),
    shared("Disclosure", ["Clinical"]),
    shared(
      "Datasets", ["Clinical", "Contracts", "Cryptography", "Disclosure", "Linking", "Specification", "Tables", yams]),
    shared(
      "StageKit",
      [
        "Kafka", "Postgres", "Contracts", "Clinical", "Cryptography", "KeyRing", configuration, flyingFox, lifecycle,
        logging, metrics,
      ]),

    service("Ingestion", ["Specification", protobuf]),
    service("ObjectionFilter", [protobuf]),
    service("Pseudonymisation", ["LinkKeys", "Specification", "Tables", protobuf]),
    service("Linkage", ["Linking", protobuf]),
    service("Publication", ["Datasets", "Disclosure", "Specification", protobuf]),
    service(
      "caredata",
      [
        "Audit", "CRdKafka", "Datasets", "Disclosure", "LinkKeys", "Linking", "Pseudonyms", "Specification", "Tables",
        protobuf,
      ]),

    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "Kafka", "Postgres", "Contracts", "Clinical", "Cryptography", "KeyRing", "LinkKeys", "Linking", "CRdKafka",
        "FaultyRecords", "Fuzzing", argumentParser,
        protobuf,
      ],
      path: "Tests/Benchmarks", swiftSettings: strict),

    // How messages and files are made hostile; shared by the tests and the fuzz run of the benchmark program.
    .target(
      name: "Fuzzing", dependencies: ["Clinical", "Contracts", protobuf], path: "Tests/Fuzzing", swiftSettings: strict),

    // People of whom sources have written down something wrong; shared by the tests and the linkage benchmark.
    .target(
      name: "FaultyRecords", dependencies: ["Clinical", "Fuzzing", "LinkKeys"], path: "Tests/FaultyRecords",
      swiftSettings: strict),

    tests("ClinicalTests", ["Clinical"]),
    tests("CryptographyTests", ["Cryptography"]),
    tests("AuditTests", ["Audit"]),
    tests("PseudonymsTests", ["Pseudonyms", "Cryptography"]),
    tests("LinkKeysTests", ["LinkKeys", "Linking", "Clinical", "Contracts", "Cryptography"]),
    tests("LinkingTests", ["Linking", "LinkKeys", "FaultyRecords", "Fuzzing", "Clinical", "Cryptography"]),
    tests("KeyRingTests", ["KeyRing", "Cryptography"]),
    tests("KafkaTests", ["Kafka", "caredata"]),
    tests("PostgresTests", ["Postgres", "caredata"]),
    tests("ContractsTests", ["Contracts"]),
    tests("SpecificationTests", ["Specification", "Clinical", "Contracts", "Publication"]),
    tests("DisclosureTests", ["Disclosure", "Clinical"]),
    tests("DatasetsTests", ["Datasets", "Disclosure", "Specification", "Clinical", "Contracts", "Cryptography"]),
    tests("StageKitTests", ["StageKit", "Kafka", "Postgres", "caredata"]),
    tests("IngestionTests", ["Ingestion", "Specification", "Fuzzing", "caredata"]),
    tests("ObjectionFilterTests", ["ObjectionFilter", "caredata"]),
    tests("PseudonymisationTests", ["Pseudonymisation", "LinkKeys", "Linking", "Specification"]),
    tests("LinkageTests", ["Linkage", "Linking", "LinkKeys", "FaultyRecords", "Fuzzing", "KeyRing", "caredata"]),
    tests("PublicationTests", ["Publication", "Datasets", "Disclosure", "Specification", "caredata"]),
    tests(
      "ObjectionProperties",
      [
        "Ingestion", "ObjectionFilter", "Pseudonymisation", "Linkage", "Publication", "caredata", "StageKit", "Kafka",
        "Datasets", "FaultyRecords", "Fuzzing", "Specification",
      ]),
    tests(
      "CommandLineTests",
      [
        "caredata", "Ingestion", "ObjectionFilter", "Publication", "Clinical", "Specification", "Tables", "Fuzzing",
        "StageKit", "Postgres", "Contracts", "Cryptography", "Audit", "KeyRing", "Pseudonymisation", "Linkage",
        "Linking",
      ]),
    tests(
      "EndToEnd",
      [
        "caredata", "Audit", "KeyRing", "Pseudonyms", "Specification", "StageKit", "Kafka", "Postgres", "Contracts",
        "Cryptography",
      ]),
  ]
)
