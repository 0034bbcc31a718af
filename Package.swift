// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The targets stand layer by layer, in the order of docs/ARCHITECTURE.md. A target may depend on targets of its own
// or a lower layer only; services and adapters never see each other, both see the ports.

let checked: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
/// Everything but bindings and kernels marks each unsafe expression with `unsafe`.
let strict: [SwiftSetting] = checked + [.strictMemorySafety()]

func room(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", swiftSettings: strict)
}

func cKernels(_ name: String) -> Target {
    .target(name: name, path: "Sources/Core/\(name)")
}

/// A thin Swift module over one foreign library, with its C target beside it.
func binding(_ name: String, over library: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: [.target(name: library)] + dependencies, path: "Sources/Bindings/\(name)",
        swiftSettings: checked)
}

/// C++ over header-only libraries and system libraries, behind a C header.
func cxx(_ name: String, linking libraries: [String]) -> Target {
    .target(
        name: name, path: "Sources/Bindings/\(name)",
        cxxSettings: [.define("NDEBUG", .when(configuration: .release))],
        linkerSettings: libraries.map { .linkedLibrary($0) })
}

func systemLibrary(_ name: String, pkgConfig: String, apt: [String]) -> Target {
    .systemLibrary(
        name: name, path: "Sources/Bindings/\(name)", pkgConfig: pkgConfig, providers: [.apt(apt)])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: checked)
}

/// A libFuzzer target in Tests/Fuzz; see scripts/fuzz. Without the fuzzer's main function it would not link, so it
/// exists only where the script asks for it.
func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Tests/Fuzz/\(name)", exclude: fuzzSeeds(name),
        swiftSettings: checked + [.unsafeFlags(["-parse-as-library"])])
}

func fuzzSeeds(_ name: String) -> [String] {
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/Tests/Fuzz/\(name)/Seeds") ? ["Seeds"] : []
}

let core: [Target] = [
    cKernels("CKernels"),
    cKernels("CSystem"),
    room("Core", "SluiceCore", ["CKernels", "CSystem"]),
    room("Core", "HTTPTypes"),
    room("Core", "Observability"),
    room("Core", "Lifecycle", ["SluiceCore", "Observability"]),
    room("Core", "SluicePorts", ["SluiceCore"]),
]

let bindings: [Target] = [
    systemLibrary("CZlib", pkgConfig: "zlib", apt: ["zlib1g-dev"]),
    systemLibrary("CZstd", pkgConfig: "libzstd", apt: ["libzstd-dev"]),
    systemLibrary("CLZ4", pkgConfig: "liblz4", apt: ["liblz4-dev"]),
    systemLibrary("CSnappy", pkgConfig: "snappy", apt: ["libsnappy-dev"]),
    binding("Compression", over: "CZlib", ["CZstd", "CLZ4", "CSnappy"]),
    systemLibrary("CCrypto", pkgConfig: "libcrypto", apt: ["libssl-dev"]),
    binding("Crypto", over: "CCrypto", ["SluiceCore"]),
    systemLibrary("CSQLite", pkgConfig: "sqlite3", apt: ["libsqlite3-dev"]),
    binding("SQLite", over: "CSQLite"),
    systemLibrary("CYAML", pkgConfig: "yaml-0.1", apt: ["libyaml-dev"]),
    binding("YAML", over: "CYAML"),
    systemLibrary("CCurl", pkgConfig: "libcurl", apt: ["libcurl4-openssl-dev"]),
    binding("Curl", over: "CCurl", ["HTTPTypes", "SluiceCore"]),
    cxx("CHTTPServer", linking: ["ssl", "crypto"]),
    binding("HTTPServer", over: "CHTTPServer", ["HTTPTypes"]),
]

let clients: [Target] = [
    room("Clients", "ObjectStorage", ["SluiceCore", "Curl", "Crypto", "HTTPTypes"])
]

let formats: [Target] = [
    room("Formats", "SluiceFormats", ["SluiceCore", "CKernels", "Compression"])
]

let adapters: [Target] = [
    room("Adapters", "SluiceSinkObject", ["SluiceCore", "SluicePorts", "ObjectStorage", "Curl", "Observability"])
]

let stores: [Target] = [
    room("Stores", "SluiceCatalog", ["SluiceCore", "Observability"]),
    room("Stores", "SluiceCatalogSQLite", ["SluiceCore", "SluiceCatalog", "SQLite"]),
    room("Stores", "SluiceDestinations", ["SluiceCore", "SluiceCatalog", "Crypto", "Observability"]),
    room("Stores", "SluiceLog", ["SluiceCore", "SluicePorts", "Observability"]),
]

let services: [Target] = [
    room(
        "Services", "SluiceStreams",
        ["SluiceCore", "SluicePorts", "SluiceCatalog", "SluiceFormats", "Observability"]),
    room(
        "Services", "SluiceTransfers",
        ["SluiceCore", "SluicePorts", "SluiceCatalog", "SluiceFormats", "Observability"]),
]

let edge: [Target] = [
    room("Edge", "SluiceWire", ["CKernels", "HTTPTypes", "SluiceCore", "SluicePorts"]),
    room(
        "Edge", "SluiceAPI",
        [
            "SluiceCore", "SluicePorts", "HTTPTypes", "Observability", "SluiceWire", "SluiceStreams", "SluiceTransfers",
            "Crypto", "Compression",
        ]),
    room("Edge", "SluiceAuth", ["SluiceCore", "HTTPTypes", "SluiceCatalog", "Crypto", "Observability"]),
]

let app: [Target] = [
    room("App", "Settings", ["SluiceCore", "Observability", "YAML"]),
    room("App", "Terminal", ["SluiceCore"]),
    .executableTarget(
        name: "sluice",
        dependencies: [
            "ClientCommands", "Crypto", "Curl", "HTTPServer", "HTTPTypes", "Lifecycle", "ObjectStorage",
            "Observability", "Settings", "SluiceAPI", "SluiceAuth", "SluiceCatalog", "SluiceCatalogSQLite",
            "SluiceCore", "SluiceDestinations", "SluiceFormats",
            "SluiceLog", "SluicePorts", "SluiceSinkObject", "SluiceStreams",
            "SluiceTransfers", "SluiceWire", "Terminal",
        ], path: "Sources/App/sluice", swiftSettings: strict),
    room("App", "ClientCommands", ["SluiceCore", "HTTPTypes", "Crypto", "Curl", "Terminal"]),
]

let support: [Target] = [
    room("Support", "SluiceTesting", ["SluiceCore", "SluicePorts", "SluiceCatalog"]),
    room("Support", "ScriptedServer", ["HTTPTypes", "SluiceCore"]),
    room(
        "Support", "DeliverySimulation",
        [
            "Compression", "HTTPTypes", "Observability", "SluiceAPI", "SluiceCatalog", "SluiceCatalogSQLite",
            "SluiceCore", "SluiceFormats", "SluiceLog", "SluicePorts", "SluiceStreams", "SluiceTesting",
            "SluiceTransfers", "SluiceWire",
        ]),
    .executableTarget(
        name: "simulate", dependencies: ["DeliverySimulation", "SluiceCore"], path: "Sources/Support/simulate",
        swiftSettings: strict),
]

let testTargets: [Target] = [
    tests("SluiceStreamsTests", ["SluiceCatalog", "SluiceCore", "SluiceFormats", "SluiceStreams", "SluiceTesting"]),
    tests("CompressionTests", ["Compression"]),
    tests("SluiceFormatsTests", ["SluiceCore", "SluiceFormats"]),
    tests(
        "SluiceAPITests",
        [
            "HTTPTypes", "Observability", "SluiceAPI", "SluiceCatalog", "SluiceCore", "SluiceStreams", "SluiceTesting",
            "SluiceTransfers", "SluiceSinkObject", "SluicePorts", "SluiceWire",
        ]),
    tests("SluiceWireTests", ["SluiceWire", "Crypto", "SluiceCore", "SluicePorts", "HTTPTypes"]),
    tests(
        "ObjectStorageTests",

        [
            "ObjectStorage", "SluiceSinkObject", "Curl", "HTTPTypes", "Observability", "ScriptedServer", "SluiceCore",
            "SluicePorts", "SluiceTesting",
        ]),
    tests("Simulation", ["DeliverySimulation"]),
    tests(
        "SluiceTransfersTests",
        [
            "SluiceTransfers", "SluiceSinkObject", "SluiceFormats", "SluiceCatalog", "SluiceCore", "SluicePorts",
            "SluiceTesting", "Observability", "Compression",
        ]),
    tests("SluiceCoreTests", ["SluiceCore", "SluicePorts", "SluiceCatalog", "SluiceTesting"]),
    tests("SluiceDestinationsTests", ["SluiceDestinations", "SluiceCatalog", "SluiceCore", "Crypto", "SluiceTesting"]),
    tests("SluiceTestingTests", ["SluiceCore", "SluicePorts", "SluiceTesting"]),
    tests("CryptoTests", ["Crypto"]),
    tests("ObservabilityTests", ["Observability"]),
    tests("LifecycleTests", ["Lifecycle", "Observability", "SluiceCore", "SluiceTesting"]),
    tests("YAMLTests", ["YAML"]),
    tests("SettingsTests", ["Settings", "SluiceCore", "Observability"]),
    tests(
        "SluiceCatalogTests",
        ["Observability", "SluiceCore", "SluiceCatalog", "SluiceCatalogSQLite", "SQLite", "SluiceTesting"]),
    tests(
        "ClientCommandsTests",
        ["ClientCommands", "Terminal", "SluiceCore", "HTTPTypes", "ScriptedServer", "SluiceTesting"]),
    tests("TerminalTests", ["Terminal", "SluiceCore", "SluiceTesting"]),
    tests("CurlTests", ["Curl", "HTTPTypes", "ScriptedServer"]),
    tests(
        "SluiceAuthTests",
        ["SluiceAuth", "SluiceCore", "HTTPTypes", "SluiceCatalog", "Crypto", "Observability", "SluiceTesting"],
        exclude: ["Fixtures"]),
    tests("HTTPServerTests", ["HTTPServer", "HTTPTypes"]),
    tests("SluiceLogTests", ["SluiceCore", "SluicePorts", "SluiceLog", "SluiceTesting", "Observability"]),
]

let fuzzTargets: [Target] =
    Context.environment["SLUICE_FUZZ"] == nil
    ? []
    : [
        fuzz("FuzzHTTPEdge", ["CHTTPServer"]),
        fuzz("FuzzLogReader", ["SluiceCore", "SluiceLog", "SluiceTesting", "Observability"]),
        fuzz("FuzzSignature", ["SluiceAuth", "SluiceCore", "HTTPTypes", "Crypto"]),
        fuzz("FuzzParquetRecords", ["SluiceCore", "SluiceFormats"]),
        .target(
            name: "PutRecordsRoundTrip", dependencies: ["HTTPTypes", "SluiceCore", "SluicePorts", "SluiceWire"],
            path: "Tests/Fuzz/PutRecordsRoundTrip", swiftSettings: checked),
        fuzz("FuzzPutRecordsJSON", ["HTTPTypes", "PutRecordsRoundTrip", "SluiceWire"]),
        fuzz("FuzzPutRecordsProtobuf", ["HTTPTypes", "PutRecordsRoundTrip", "SluiceWire"]),
    ]

/// Measured by scripts/bench, in a build of its own.
let benchTargets: [Target] =
    Context.environment["SLUICE_BENCH"] == nil
    ? []
    : [
        .executableTarget(
            name: "BenchKernels", dependencies: ["HTTPTypes", "SluiceCore", "SluicePorts", "SluiceWire"],
            path: "Benchmarks/kernels", swiftSettings: checked),
        .executableTarget(
            name: "BenchLog", dependencies: ["SluiceCore", "SluicePorts", "SluiceLog", "Observability"],
            path: "Benchmarks/log", swiftSettings: checked),
        .executableTarget(
            name: "BenchParquet", dependencies: ["SluiceCore", "SluiceFormats"], path: "Benchmarks/parquet",
            swiftSettings: checked),
        .executableTarget(
            name: "BenchUpload",
            dependencies: ["Curl", "ObjectStorage", "SluiceCore", "SluicePorts", "SluiceSinkObject"],
            path: "Benchmarks/deliver", swiftSettings: checked),
    ]

let package = Package(
    name: "sluice",
    products: [.executable(name: "sluice", targets: ["sluice"])],
    targets: core + bindings + clients + formats + adapters + stores + services + edge + app + support
        + testTargets + fuzzTargets + benchTargets,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
