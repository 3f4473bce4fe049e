internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

// keras.ops.nn: what goes back from windows to images, and from a network's outputs to labels.

extension Operation {
    static let nnComposed: [Operation] = [
        Operation("Fold", "x", "output_size kernel_size dilation padding stride") { call in
            let context = call.context
            let x = try call.float("x"), dims = context.shape(x).dims
            func pair(_ key: String, _ fallback: Int, _ range: ClosedRange<Int>) throws -> [Int] {
                let given = try call.integers(key) ?? [fallback]
                guard given.count <= 2, let first = given.first, given.allSatisfy(range.contains) else {
                    throw call.wrong(key, "one number or two, \(range.lowerBound) to \(range.upperBound)")
                }
                return given.count == 2 ? given : [first, first]
            }
            let size = try pair("output_size", 0, 1...1 << 20), kernel = try pair("kernel_size", 0, 1...1 << 10)
            let dilation = try pair("dilation", 1, 1...1 << 20), margins = try pair("padding", 0, 0...1 << 20)
            let stride = try pair("stride", 1, 1...1 << 20), taps = kernel[0] * kernel[1]
            let whole = (0..<2).map { size[$0] + 2 * margins[$0] }, reach = (0..<2).map { dilation[$0] * (kernel[$0] - 1) + 1 }
            guard taps <= 1 << 12, whole[0] >= reach[0], whole[1] >= reach[1] else { throw call.wrong("kernel_size", "a window that fits") }
            let counts = (0..<2).map { (whole[$0] - reach[$0]) / stride[$0] + 1 }
            guard dims.count == 3, let depth = dims[1], depth % taps == 0, dims[2] == nil || dims[2] == counts[0] * counts[1] else {
                throw call.wrong("x", "windows (batch, channels · \(taps), \(counts[0] * counts[1]))")
            }
            // Each channel is an image of its own: the transpose of taking windows.
            let windows = try context.transposed(
                try context.reshaped(x, to: [dims[0].map { $0 * (depth / taps) }, taps, counts[0] * counts[1]]), [0, 2, 1])
            var identity = [Float](repeating: 0, count: taps * taps)
            for tap in 0..<taps { identity[tap * taps + tap] = 1 }
            let folded = try context.apply(
                ConvolutionTranspose(
                    strides: stride, padding: .valid, dilation: dilation,
                    outputPadding: (0..<2).map { whole[$0] - reach[$0] - (counts[$0] - 1) * stride[$0] }, hasBias: false),
                try context.reshaped(windows, to: [dims[0].map { $0 * (depth / taps) }, counts[0], counts[1], taps]),
                context.constant(Tensor(identity, shape: [kernel[0], kernel[1], 1, taps])))
            var image = try context.reshaped(folded, to: [dims[0], depth / taps, whole[0], whole[1]])
            for axis in 0..<2 {
                image = try context.sliced(image, axis: axis + 2, from: margins[axis], to: margins[axis] + size[axis])
            }
            return try context.cast(image, to: context.dtype(try call.tensor("x")))
        },
        Operation(several: "CTCDecode", "inputs sequence_lengths", "strategy beam_width top_paths merge_repeated mask_index") { call in
            let context = call.context
            let strategy = try call.string("strategy", default: "greedy")
            if strategy == "beam_search" { return try beamSearch(call) }
            guard strategy == "greedy" else { throw call.wrong("strategy", "greedy or beam_search") }
            let x = try call.float("inputs"), lengths = try context.cast(try call.tensor("sequence_lengths"), to: .int32)
            guard context.rank(x) == 3, let steps = context.shape(x)[1], let classes = context.shape(x)[2], steps < 1 << 30 else {
                throw call.wrong("inputs", "outputs (batch, steps, classes) of known extents")
            }
            var blank = try call.integer("mask_index", default: 0)
            if blank < 0 { blank += classes }
            let places = context.constant(Tensor((0..<Int32(steps)).map { $0 }))
            let isInside = try context.compare(.less, places, try context.expanded(lengths, axes: [1]))
            let best = try context.apply(ArgExtremum(axis: -1), x)
            var isKept = try context.logical(
                .and, isInside, try context.compare(.notEqual, best, context.scalar(Int32(clamping: blank))))
            if try call.bool("merge_repeated", default: true) {
                // Labels from 1 on: 0 stands before the first.
                let numbers = try context.add(best, context.scalar(1 as Int32))
                let before = try context.apply(
                    Pad(before: [0, 1], after: [0, 0]), try context.sliced(numbers, axis: 1, from: 0, to: max(steps - 1, 0)))
                isKept = try context.logical(.and, isKept, try context.compare(.notEqual, numbers, before))
            }
            let labels = try context.apply(TakeAlongAxis(axis: 1), best, try context.positionsFirst(isKept))
            let count = try context.reduce(.sum, try context.cast(isKept, to: .int32), axes: [1], keepsAxes: true)
            let decoded = try context.select(try context.compare(.less, places, count), labels, context.scalar(-1 as Int32))
            let largest = try context.select(isInside, try context.reduce(.max, x, axes: [-1]), context.scalar(0.0))
            return [
                try context.expanded(decoded, axes: [0]),
                try context.scaled(try context.reduce(.sum, largest, axes: [1], keepsAxes: true), by: -1),
            ]
        },
        Operation("CTCLoss", "target output target_length output_length", "mask_index") { call in
            let context = call.context
            return try context.apply(
                CTCLoss(blank: try call.integer("mask_index", default: 0), hasLengths: true), try call.float("output"),
                try context.cast(try call.tensor("target"), to: .int32), try context.cast(try call.tensor("target_length"), to: .int32),
                try context.cast(try call.tensor("output_length"), to: .int32))
        },
    ]

    private static func beamSearch(_ call: OperationCall) throws -> [Value] {
        // The index may be null, which means the last class, not the default.
        let blank: Int? = call.says("mask_index") ? try call.integer("mask_index") : 0
        // Of it, Keras 3.15 takes all classes but one twice.
        guard blank != -1 else { throw call.wrong("mask_index", "other than -1 with beam_search: the number itself, or null") }
        let search = CTCBeamSearch(
            width: try call.integer("beam_width", default: 100), paths: try call.integer("top_paths", default: 1), blank: blank)
        return try call.context.apply(
            search, to: [try call.float("inputs"), try call.context.cast(try call.tensor("sequence_lengths"), to: .int32)])
    }
}

extension LoweringContext {
    /// Along the last axis: the places where `isChosen` holds, in order, then the others.
    func positionsFirst(_ isChosen: Value) throws(LocatedError) -> Value {
        try apply(ArgSort(axis: -1), try logicalNot(isChosen))
    }
}
