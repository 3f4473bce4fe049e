package import KerasSpec
package import Tensors

/// Adds a penalty on its input to the loss, and passes the input on.
///
/// Formula: y = x; the loss grows by l1·Σ|x| + l2·Σx².
/// Shapes: any → the same. The mask goes on.
/// Config: `l1`, `l2`.
/// Source: keras/src/layers/regularization/activity_regularization.py (3.15), keras/layers/core.py (2.3.1).
public struct ActivityRegularization: BuiltInLayer {
    public static let className = "ActivityRegularization"
    public var common: LayerCommon
    public var l1: Double
    public var l2: Double

    public init(l1: Double = 0, l2: Double = 0, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.l1 = l1
        self.l2 = l2
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        l1 = try config.number("l1", default: 0)
        l2 = try config.number("l2", default: 0)
        config.ignore("activity_regularizer")
    }

    package func encode(into config: inout ConfigObject) {
        config["l1"] = .float(l1)
        config["l2"] = .float(l2)
    }

    package var activityRegularizer: Regularizer? { l1 == 0 && l2 == 0 ? nil : .l1L2(l1: l1, l2: l2) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        [try inputs.single()]
    }
}
