import Datasets
import Graphs
import KerasSpec
import Kernels
@testable import Layers
import Tensors
import TestSupport
import Testing

/// Boxes by transformations that are given, not drawn: what genuine Keras 3.15.1 makes of them, in `fixtures/boxes.npz`.
@Suite struct BoundingBoxTests {
    private static let (rows, columns) = (6, 5)

    private static func array(_ name: String) throws -> Tensor { try NPZ(reading: Fixtures.path("boxes.npz")).tensor(name) }

    /// Holds what a layer makes of boxes in a format against what Keras made of them.
    private func check(
        _ format: BoundingBoxFormat, _ layer: some ImageLayer, _ name: String, given: [Tensor],
        _ body: (BoundingBoxes, [Value], LoweringContext) throws -> BoundingBoxes
    ) throws {
        var builder = GraphBuilder()
        let arrays = [try Self.array("\(format.rawValue)/boxes"), try Self.array("labels")] + given
        let values = arrays.map { builder.input(ValueInfo($0.shape, $0.dtype)) }
        let context = LoweringContext(continuing: builder, label: "test")
        let moved = try body(BoundingBoxes(boxes: values[0], labels: values[1]), Array(values[2...]), context)
        let graph = context.finish(outputs: [moved.boxes, moved.labels])
        let outputs = try GraphInterpreter.run(graph, inputs: arrays, outputGradients: nil).outputs
        for (got, part) in zip(outputs, ["boxes", "labels"]) {
            let expected = try Self.array("\(format.rawValue)/\(name)/\(part)")
            #expect(got.shape == expected.shape)
            for (a, b) in zip(got.floats, expected.floats) {
                #expect(abs(a - b) <= 1e-5 * max(1, abs(b)), "\(format) \(name) \(part): \(a), not \(b)")
            }
        }
    }

    private func inFormat<L: ImageLayer>(_ layer: L, _ format: BoundingBoxFormat) -> L {
        var layer = layer
        layer.options.boundingBoxFormat = .string(format.rawValue)
        return layer
    }

    @Test(arguments: BoundingBoxFormat.allCases, RandomFlip.Mode.allCases)
    func flips(_ format: BoundingBoxFormat, _ mode: RandomFlip.Mode) throws {
        let layer = inFormat(RandomFlip(mode: mode), format)
        try check(format, layer, mode.rawValue, given: [try Self.array("flips")]) { boxes, given, context in
            let flips = try context.compare(.greater, given[0], context.scalar(0.5))
            return try layer.flipped(boxes, flips, rows: Self.rows, columns: Self.columns, context)
        }
    }

    @Test(arguments: BoundingBoxFormat.allCases)
    func shears(_ format: BoundingBoxFormat) throws {
        let layer = inFormat(RandomShear(), format)
        try check(format, layer, "shear", given: [try Self.array("shears")]) { boxes, given, context in
            func part(_ place: Int) throws -> Value {
                try context.reshaped(try context.sliced(given[0], axis: 1, from: place, to: place + 1), to: [4, 1, 1, 1])
            }
            return try layer.sheared(boxes, x: try part(0), y: try part(1), rows: Self.rows, columns: Self.columns, context)
        }
    }

    @Test(arguments: BoundingBoxFormat.allCases)
    func perspectives(_ format: BoundingBoxFormat) throws {
        let layer = inFormat(RandomPerspective(), format)
        let given = try ["applies", "start", "end"].map { try Self.array($0) }
        try check(format, layer, "perspective", given: given) { boxes, given, context in
            let applies = try context.compare(.greater, given[0], context.scalar(0.5))
            let transforms = try RandomPerspective.transforms(from: given[1], to: given[2], context)
            return try layer.seen(boxes, applies, transforms, rows: Self.rows, columns: Self.columns, context)
        }
    }

    @Test(arguments: BoundingBoxFormat.allCases)
    func crops(_ format: BoundingBoxFormat) throws {
        let layer = inFormat(RandomCrop(3, 4), format)
        try check(format, layer, "crop", given: []) { boxes, _, context in
            try layer.cropped(boxes, top: context.scalar(2.0), left: context.scalar(1.0), context)
        }
    }

    /// Without a format, or with one that isn't there, boxes are an error where they would be moved.
    @Test func aFormatIsNeeded() throws {
        for format in [ConfigValue.null, "xxyy"] {
            var builder = GraphBuilder()
            let values = [PartialShape([2, 3, 4]), [2, 3], [2, 1, 1, 1]].map { builder.input(ValueInfo($0, .float32)) }
            let context = LoweringContext(continuing: builder, label: "test")
            var layer = RandomFlip()
            layer.options.boundingBoxFormat = format
            let error = #expect(throws: LocatedError.self) {
                _ = try layer.flipped(BoundingBoxes(boxes: values[0], labels: values[1]), values[2], rows: 6, columns: 5, context)
            }
            #expect(error?.code == "images.boxFormat")
        }
    }
}
