package import Graphs
import Kernels
package import Tensors

/// The same numbers in another type: float32, int32 and bool. Floats truncate towards zero (NaN to 0, out of range to the
/// nearest end, where TensorFlow leaves both undefined); bool is "not 0". No gradient passes, except float32 to itself.
package struct Cast: Op {
    package var dtype: DType

    package init(to dtype: DType) { self.dtype = dtype }

    package var name: String { "cast" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        for type in [inputs[0].dtype, dtype] where PlainType(type) == nil {
            throw LocatedError(
                .unsupported, "cast.dtype", "cast expected float32, int32 or bool, got \(type.rawValue)")
        }
        return [ValueInfo(inputs[0].shape, dtype)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundCast(
            from: PlainType(site.inputs[0].dtype)!, to: PlainType(dtype)!,
            elements: TileCut(elements: site.inputs[0].shape.count))
    }
}

extension PlainType {
    init?(_ dtype: DType) {
        switch dtype {
        case .float32: self = .float
        case .int32: self = .integer
        case .bool: self = .mask
        default: return nil
        }
    }

    var byteCount: Int { self == .mask ? 1 : 4 }
}

private struct BoundCast: BoundOp {
    let from: PlainType
    let to: PlainType
    let elements: TileCut

    var cost: Double { Double(elements.extent) }
    var alias: Int? { from == to ? 0 : nil }

    var forwardStages: [Int] { from == to ? [] : [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile)
        convert(
            frame.inputs[0] + range.lowerBound * from.byteCount, from,
            frame.outputs[0] + range.lowerBound * to.byteCount, to, count: range.count)
    }

    var backwardStages: [Int] { from == .float && to == .float ? [elements.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) { frame.passGradient(to: 0, elements.range(tile)) }
}
