internal import Graphs
package import KerasSpec
package import Tensors

/// The concatenation that a model made of Keras's FeatureSpace ends with.
///
/// Shapes: arrays that differ along `axis` alone → one.
/// Config: `axis`.
/// Source: keras/src/layers/preprocessing/feature_space.py (3.15).
public struct TFDConcat: BuiltInLayer {
    public static let className = "TFDConcat"
    public var common: LayerCommon
    public var axis: Int

    public init(axis: Int, name: String? = nil) {
        common = LayerCommon(name: name)
        self.axis = axis
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        axis = try config.integer("axis")
    }

    /// Keras tells `axis` between the others.
    package var config: ConfigObject {
        [
            "name": common.name.map(ConfigValue.string) ?? .null, "axis": .integer(axis), "trainable": .bool(common.trainable),
            "dtype": .string(common.dtype),
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        [Signal(try context.concatenated(inputs.map(\.value), axis: axis))]
    }
}

/// What a FeatureSpace does to a feature that it leaves alone: nothing.
///
/// Shapes: any → the same.
/// Source: keras/src/layers/preprocessing/feature_space.py (3.15).
public struct TFDIdentity: BuiltInLayer {
    public static let className = "TFDIdentity"
    public var common: LayerCommon

    public init(name: String? = nil) { common = LayerCommon(name: name) }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) { self.common = common }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        [Signal(try inputs.single().value)]
    }
}
