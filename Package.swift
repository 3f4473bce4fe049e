// swift-tools-version: 6.1
import PackageDescription

/// Settings of every room: Swift 6 mode, `any` spelled out, imports that do not leak.
let manners: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A room of the house (see docs/house.md): a library target under Sources with a test target beside it.
func room(
    _ name: String, _ dependencies: [Target.Dependency], tested: Bool = true, forTests: [Target.Dependency] = []
) -> [Target] {
    let target = Target.target(name: name, dependencies: dependencies, swiftSettings: manners)
    guard tested else { return [target] }
    let tests = Target.testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies + forTests,
        swiftSettings: manners)
    return [target, tests]
}

let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let cellar: [Target] = [
    .systemLibrary(
        name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
    .systemLibrary(
        name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .systemLibrary(
        name: "CLibZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
    .systemLibrary(
        name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(
        name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
        name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .target(name: "CHDF5Driver", dependencies: ["CHDF5"]),
    .target(name: "CDownloads", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CImageCodecs", dependencies: ["CPNG", "CJPEG"]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
]

let rooms: [[Target]] = [
    // floor
    room("Tensors", []),
    // storey 1
    room("KerasSpec", ["Tensors", orderedCollections]),
    room("Files", ["Tensors"]),
    room("Pickles", ["Tensors"], forTests: ["Datasets", "Files"]),
    room("Graphs", ["Tensors"]),
    room("Kernels", ["COpenBLAS", "CKernels"]),
    room("Plots", ["Tensors"]),
    room("Batches", ["Tensors"], tested: false),
    // storey 2
    room("ZipFiles", ["CKernels", "CLibZip", "Files", "Tensors"]),
    room("HDF5Files", ["CHDF5", "CHDF5Driver", "Tensors"]),
    room("Ops", ["Graphs", "Kernels", "Tensors"]),
    room("Engine", ["Graphs", "Tensors"], forTests: ["Kernels", "Ops"]),
    room("KerasOps", ["Graphs", "Kernels", "Ops", "Tensors"], tested: false),
    // storey 3
    room(
        "KerasFormat", ["Files", "HDF5Files", "KerasSpec", "Pickles", "Tensors", "ZipFiles", orderedCollections, yams],
        forTests: ["Datasets"]),
    room(
        "Layers", ["KerasSpec", "Graphs", "Kernels", "KerasOps", "Ops", "Tensors", orderedCollections],
        forTests: ["Engine", "KerasFormat"]),
    room("Datasets", ["Batches", "CDownloads", "CImageCodecs", "CZlib", "Files", "Pickles", "Tensors", "ZipFiles"]),
    room("Augmentation", ["Batches", "Datasets", "Engine", "Files", "Kernels", "Tensors"]),
    room(
        "Training",
        ["Batches", "Engine", "Graphs", "Ops", "Kernels", "KerasOps", "KerasSpec", "Layers", "Tensors", orderedCollections],
        forTests: ["KerasFormat", "Datasets"]),
    // façade
    room(
        "SwiftKeras",
        [
            "Augmentation", "Batches", "Tensors", "Files", "KerasSpec", "Graphs", "Ops", "Engine", "HDF5Files", "KerasFormat",
            "KerasOps", "Layers", "Datasets", "Plots", "Training", orderedCollections,
        ]),
]

let street: [Target] = [
    .executableTarget(
        name: "kernel-benchmarks",
        dependencies: ["Augmentation", "Batches", "Files", "Graphs", "KerasFormat", "KerasSpec", "Kernels", "Ops", "Tensors"],
        swiftSettings: manners,
        linkerSettings: [.linkedLibrary("m")]),
    .executableTarget(
        name: "cifar10-notebook", dependencies: ["SwiftKeras", argumentParser], swiftSettings: manners),
    .executableTarget(
        name: "swift-keras", dependencies: ["SwiftKeras", argumentParser], swiftSettings: manners),
    .testTarget(name: "CommandLineTests", dependencies: ["swift-keras", "cifar10-notebook", "Datasets", "Tensors", "TestSupport"], swiftSettings: manners),
    .target(
        name: "TestSupport", dependencies: ["Tensors", "Graphs", "CTestSupport"], path: "Tests/TestSupport",
        swiftSettings: manners),
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
]

let package = Package(
    name: "swift-keras",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "SwiftKeras", targets: ["SwiftKeras"]),
        .executable(name: "swift-keras", targets: ["swift-keras"]),
        .executable(name: "cifar10-notebook", targets: ["cifar10-notebook"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: cellar + rooms.flatMap(\.self) + street
)
