internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

/// Images and what a dictionary has beside them.
struct ImageScene {
    /// (batch, rows, columns, channels), the channels last.
    var images: Value
    /// (batch, …), one for each image.
    var labels: Value?
    var boxes: BoundingBoxes?
    /// (batch, rows, columns, channels), the channels last.
    var masks: Value?

    /// Images through projections of their own, (batch, 8); masks through the same, each point as the nearest.
    mutating func project(
        _ transforms: Value, _ interpolation: ImageInterpolation, _ border: FillMode, fill: Double, _ context: LoweringContext
    ) throws(LocatedError) {
        images = try context.projected(images, transforms, interpolation, border, fill: fill)
        if let masks {
            let moved = try context.projected(try context.floats(masks), transforms, .nearest, border, fill: fill)
            self.masks = try context.cast(moved, to: context.dtype(masks))
        }
    }
}

extension ImageLayer {
    /// The format that boxes are given in. Throws where the configuration says none, as Keras does.
    func boxFormat(_ context: LoweringContext) throws(LocatedError) -> BoundingBoxFormat {
        guard let name = options.boundingBoxFormat.string else {
            throw LocatedError(
                .mismatch, "images.boxFormat", "expected a bounding_box_format for the bounding_boxes, got none", at: [context.label])
        }
        guard let format = BoundingBoxFormat(rawValue: name.lowercased()) else {
            throw LocatedError(
                .mismatch, "images.boxFormat",
                "expected a bounding_box_format of \(BoundingBoxFormat.allCases.map(\.rawValue).joined(separator: ", ")), got \(name)",
                at: [context.label])
        }
        return format
    }

    /// What Keras doesn't compute either, or not in a way that means anything.
    func refusal(of key: String, _ reason: String, _ context: LoweringContext) -> LocatedError {
        LocatedError(
            .unsupported, "images.dictionary", "expected no \(key) beside images for \(Self.className), got some: \(reason)",
            at: [context.label])
    }

    /// For layers whose boxes Keras computes neither in training nor at inference.
    func refuseBoxes(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) {
        if scene.boxes != nil { throw refusal(of: "bounding_boxes", "Keras 3.15 has none for it", context) }
    }
}
