import KerasFormat
import KerasSpec
import Layers
import Testing

/// The table of classes × checks: which class of the registry is compared with genuine Keras, and how. It is computed from the
/// fixtures that `LayerParityTests` runs; a hole fails.
///
/// `LayerParityTests` runs every case in every mode: inference with and without the passes, inference of the re-encoded
/// configuration, training with and without the passes, each on one thread and two.
@Suite struct CoverageTests {
    /// What has no gradient to compare: whole numbers and text in, or what is drawn at random.
    private static let withoutGradients: Set<String> = [
        "CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization",
        "AugMix", "AutoContrast", "CutMix", "Equalization", "MaxNumBoundingBoxes", "MixUp", "Pipeline", "RandAugment",
        "RandomApply", "RandomBrightness", "RandomChoice", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast",
        "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
        "RandomHeight", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
        "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom", "Solarization",
        "ContrastLimitedAdaptiveHistogramEqualization", "CenterCrop", "Resizing", "MelSpectrogram", "STFTSpectrogram",
        "TFDConcat", "TFDIdentity",
    ]
    /// Classes that are tested elsewhere: what they give has another size in every call (`RandomSizeTests`), or is their input.
    private static let withFewCases: Set<String> = ["RandomHeight", "RandomWidth", "TFDIdentity"]
    /// Their tables are assets of the file; arrays beside these are tf-keras's (`TfKerasTests`).
    private static let withAssets: Set<String> = ["StringLookup", "IntegerLookup", "TextVectorization"]
    /// Classes whose cases differ in inputs alone: they have no settings, or one of two values.
    private static let withFewSettings: Set<String> = ["AutoContrast", "CenterCrop", "Flatten", "TFDConcat"]
    /// The default, and two others.
    private static let fewestCases = 3

    private struct Row {
        var cases = 0
        var settings: Set<[String: ConfigValue]> = []
        var gradients = 0
        var trained = 0
        var others = 0
        var needsTrained = false
        var needsOthers = false
    }

    private static let cases = ParityCase.all + ParityCase.catalogue

    /// The configurations of a class in a model, at any depth, without what is common to all layers.
    private static func settings(of className: String, in spec: ModelSpec) -> [ConfigObject] {
        spec.layers.flatMap { layer -> [ConfigObject] in
            if let model = layer.model?.value { return settings(of: className, in: model) }
            guard layer.className == className else { return [] }
            return [layer.config]
        }
    }

    @Test func everyClassIsCompared() throws {
        let byClass = Dictionary(grouping: Self.cases, by: \.className)
        var holes: [String] = []
        var checks = 0, cases = 0
        let classes = LayerRegistry.builtIn.classNames
        for className in classes {
            var row = Row()
            for example in byClass[className] ?? [] {
                row.cases += 1
                if example.training, example.gradients { row.gradients += 1 }
                row.trained += example.trainableWeights.count
                row.others += example.updatedWeights.count
                // Three different settings are enough to know.
                guard row.settings.count < Self.fewestCases || row.trained + row.others == 0,
                    let spec = try KerasFile.read(example.file(example.model)).spec
                else { continue }
                for config in Self.settings(of: className, in: spec) {
                    for outline in WeightLayout(of: className, config: config)?.outlines ?? [] {
                        if outline.role == .trained { row.needsTrained = true }
                        if outline.role == .other { row.needsOthers = true }
                    }
                    let own = config.lazy.filter { !["name", "trainable", "dtype"].contains($0.key) && !$0.key.hasPrefix("legacy>") }
                    row.settings.insert(Dictionary(own.map { ($0.key, $0.value) }) { first, _ in first })
                }
            }
            func check(_ holds: Bool, _ what: String) {
                checks += 1
                if !holds { holes.append("\(className): \(what)") }
            }
            cases += row.cases
            if Self.withFewCases.contains(className) { continue }
            check(row.cases >= Self.fewestCases, "outputs and configurations of \(row.cases) cases, expected \(Self.fewestCases)")
            if row.settings.contains(where: { !$0.isEmpty }), !Self.withFewSettings.contains(className) {
                check(
                    row.settings.count >= Self.fewestCases,
                    "\(row.settings.count) different configurations, expected \(Self.fewestCases)")
            }
            if !Self.withoutGradients.contains(className) { check(row.gradients > 0, "no gradients") }
            if row.needsTrained { check(row.trained > 0, "no trained weights") }
            if row.needsOthers, !Self.withAssets.contains(className) { check(row.others > 0, "no weights beside the trained ones") }
        }
        print("\(classes.count) layer classes, \(cases) cases, \(checks) checks, \(holes.count) holes")
        #expect(holes.isEmpty, "\(holes.joined(separator: "\n"))")
    }

    @Test func everyFunctionIsCompared() throws {
        let byClass = Dictionary(grouping: ParityCase.catalogue, by: \.className)
        let functions = OperationLayer.supported.map(\.className)
        let holes = functions.filter { byClass[$0] == nil }
        let cases = functions.reduce(0) { $0 + (byClass[$1]?.count ?? 0) }
        print("\(functions.count) functions of keras.ops, \(cases) cases, \(holes.count) holes")
        #expect(holes.isEmpty, "\(holes.joined(separator: "\n"))")
    }
}
