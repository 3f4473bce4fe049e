internal import Graphs
package import KerasSpec
package import Tensors

/// A model's input: computes nothing, declares shape and type.
///
/// Shapes: (batch, …) → the same.
/// Config: `batch_shape`, `dtype`, `sparse`, `ragged`, `optional`.
/// Differs from Keras: 64-bit types are taken in as their 32-bit ones, and whole numbers that don't fit are refused; sparse and ragged inputs are refused.
/// Source: keras/src/layers/core/input_layer.py (3.15), keras/engine/input_layer.py (2.3.1).
public struct InputLayer: BuiltInLayer {
    public static let className = "InputLayer"
    public var common: LayerCommon

    /// - Parameter inputShape: the shape of one sample; nil where an extent may vary.
    public init(inputShape: [Int?], dtype: String = "float32", name: String? = nil) {
        common = LayerCommon(name: name, dtype: dtype, inputShape: inputShape)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard let value = config.value("batch_shape") else {
            throw LocatedError(.invalid, "config.missing", "expected a list of extents, got nothing", at: ["config/batch_shape"])
        }
        guard let items = value.array, !items.isEmpty else {
            throw config.wrong("batch_shape", "a list of extents, the batch's first", value)
        }
        var dims: [Int?] = []
        for item in items {
            switch item {
            case .null: dims.append(nil)
            case .integer(let extent) where extent >= 0 && extent < 1 << 40: dims.append(extent)
            default: throw config.wrong("batch_shape", "integers of at least 0 or null", item)
            }
        }
        self.common.batchShape = PartialShape(dims)
        for key in ["sparse", "ragged"] where try config.bool(key, default: false) {
            throw LocatedError(.unsupported, "input.\(key)", "expected a dense input, got \(key)", at: ["config/\(key)"])
        }
        config.ignore("optional")
        guard ["float32", "int32", "int64", "uint8", "bool", "float64", "float16", "bfloat16", "string"].contains(self.common.dtype) else {
            throw LocatedError(
                .unsupported, "input.dtype", "expected an input of numbers or strings, got \(self.common.dtype)", at: ["config/dtype"])
        }
    }

    package func encode(into config: inout ConfigObject) {
        config = [
            "batch_shape": .extents(common.batchShape?.dims ?? []), "dtype": .string(common.dtype), "sparse": false,
            "ragged": false, "name": common.name.map(ConfigValue.string) ?? .null, "optional": false,
        ]
    }

    /// What the engine takes in.
    var info: ValueInfo {
        let integers = ["int32", "int64", "uint8"].contains(common.dtype)
        let type: DType = integers ? .int32 : common.dtype == "bool" ? .bool : common.dtype == "string" ? .string : .float32
        return ValueInfo(common.batchShape ?? [], type)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard let expected = common.batchShape, inputs.count == 1 else { return inputs }
        let got = context.shape(inputs[0].value)
        guard got.rank == expected.rank, zip(expected.dims, got.dims).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) else {
            throw LocatedError(
                .mismatch, "input.shape", "expected an input of shape \(expected), got \(got)", at: [context.label])
        }
        return inputs
    }
}
