/// The little arithmetic that preparing data takes; models compute with graphs, not with this.
extension Tensor {
    /// Each element divided by a number, in float32 (float64 stays float64), as NumPy does it for a float tensor.
    public static func / (tensor: Tensor, divisor: Double) -> Tensor {
        tensor.mapFloats({ $0 / Float(divisor) }, { $0 / divisor })
    }

    /// Each element multiplied by a number, in float32 (float64 stays float64).
    public static func * (tensor: Tensor, factor: Double) -> Tensor {
        tensor.mapFloats({ $0 * Float(factor) }, { $0 * factor })
    }

    private func mapFloats(_ single: (Float) -> Float, _ double: (Double) -> Double) -> Tensor {
        if dtype == .float64 {
            var result = self
            result.withUnsafeMutableElements(as: Double.self) { for index in $0.indices { $0[index] = double($0[index]) } }
            return result
        }
        var result = asType(.float32)
        result.withUnsafeMutableElements(as: Float.self) { for index in $0.indices { $0[index] = single($0[index]) } }
        return result
    }
}
