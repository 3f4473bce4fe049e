internal import Kernels
public import Tensors

extension ImageDataGenerator {
    /// The picture after a transformation, as Keras's `apply_transform`.
    ///
    /// - Parameter x: three axes, as `dataFormat` says. float64 stays so, other types become float32.
    ///
    /// Throws 67 `augment.rank`. Brightness of a picture with channels first, which Keras 2.3 can't change, is changed likewise.
    public func applyTransform(_ x: Tensor, _ parameters: TransformParameters) throws(LocatedError) -> Tensor {
        try transformed(x, parameters).tensor
    }

    /// The picture after a transformation that is drawn for it, as Keras's `random_transform`.
    ///
    /// - Parameter seed: seeds the generator first when given. Throws 64 `random.seed`, 67 `augment.rank`.
    public func randomTransform(_ x: Tensor, seed: Int? = nil) throws(LocatedError) -> Tensor {
        try applyTransform(x, getRandomTransform(x.shape, seed: seed))
    }

    private func transformed(_ x: Tensor, _ parameters: TransformParameters) throws(LocatedError) -> (tensor: Tensor, memory: MemoryOrder) {
        let layout = try PictureLayout(x.shape, dataFormat)
        func run<Number: PictureNumber>(_ x: Tensor, as type: Number.Type) -> (Tensor, MemoryOrder) {
            var result = Tensor(uninitialized: x.shape, dtype: x.dtype)
            let transformer = transformer(layout, type)
            let memory = result.withUnsafeMutableElements(as: Number.self) { y in
                x.withUnsafeElements(as: Number.self) { x in
                    guard let x = x.baseAddress, let y = y.baseAddress, layout.count > 0 else { return naturalOrder }
                    return transformer.transform(x, to: y, parameters, from: naturalOrder)
                }
            }
            return (result, memory)
        }
        return x.dtype == .float64 ? run(x, as: Double.self) : run(x.asType(.float32), as: Float.self)
    }

    /// How NumPy holds a picture that was read as an array.
    var naturalOrder: MemoryOrder { MemoryOrder(channelsApart: dataFormat == .channelsFirst) }

    func transformer<Number: PictureNumber>(_ layout: PictureLayout, _ type: Number.Type = Number.self) -> PictureTransformer<Number> {
        let fill: Warp.Fill =
            switch fillMode {
            case .nearest: .nearest
            case .constant: .constant
            case .reflect: .reflect
            case .wrap: .wrap
            }
        return PictureTransformer(layout: layout, fill: fill, cval: cval, order: interpolationOrder)
    }
}
