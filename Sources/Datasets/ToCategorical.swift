public import Tensors

/// Class numbers to rows with a one at the class, as Keras's `to_categorical`: shape (n, 1) or (n,) gives float32 of shape
/// (n, `numClasses`); without `numClasses`, one more than the largest label.
///
/// Labels of any other shape gain the classes as their last axis, in place of a last axis of extent 1. Floats are cut to
/// whole numbers. Throws 65 `labels.negative`, `labels.value` (no number), `labels.empty` (no labels and no
/// `numClasses`), `labels.limit`; 67 `labels.range` for a label that is not below `numClasses`; 64 `labels.classes`.
public func toCategorical(_ y: Tensor, numClasses: Int? = nil) throws(LocatedError) -> Tensor {
    if let numClasses, numClasses < 1 {
        throw LocatedError(.usage, "labels.classes", "expected 1 class or more, got \(numClasses)")
    }
    let labels = try classNumbers(y)
    guard let classes = numClasses ?? labels.max().map({ $0 + 1 }) else {
        throw LocatedError(.invalid, "labels.empty", "expected labels or a number of classes, got neither")
    }
    for (position, label) in labels.enumerated() where label >= classes {
        throw LocatedError(
            .mismatch, "labels.range", "expected labels from 0 to \(classes - 1), got \(label)", at: ["label \(position)"])
    }
    var dims = y.shape.dims
    if dims.count > 1, dims.last == 1 { dims.removeLast() }
    dims.append(classes)
    guard Memory.holds(Shape(dims)) else {
        throw LocatedError(
            .invalid, "labels.limit", "expected labels that can be spread over classes in memory, got \(labels.count) labels and \(classes) classes")
    }
    var result = Tensor(zeros: Shape(dims))
    result.withUnsafeMutableElements(as: Float.self) { rows in
        for (row, label) in labels.enumerated() { rows[row * classes + label] = 1 }
    }
    return result
}

/// The labels as class numbers, none negative and none so large that one more would overflow.
private func classNumbers(_ y: Tensor) throws(LocatedError) -> [Int] {
    func negative(_ label: String, _ position: Int) -> LocatedError {
        LocatedError(.invalid, "labels.negative", "expected a class number of 0 or more, got \(label)", at: ["label \(position)"])
    }
    func noNumber(_ label: String, _ position: Int) -> LocatedError {
        LocatedError(.invalid, "labels.value", "expected a class number, got \(label)", at: ["label \(position)"])
    }
    var labels: [Int] = []
    labels.reserveCapacity(y.count)
    if y.dtype.isFloatingPoint {
        for (position, value) in y.asType(.float64).array(as: Double.self).enumerated() {
            guard value.isFinite, value < 0x1p62 else { throw noNumber("\(value)", position) }
            guard value > -1 else { throw negative("\(value)", position) }
            labels.append(Int(value))
        }
    } else {
        let isUnsigned = y.dtype == .uint64
        for (position, value) in y.asType(.int64).array(as: Int64.self).enumerated() {
            if isUnsigned, value < 0 || value == .max { throw noNumber("\(UInt64(bitPattern: value))", position) }
            guard value >= 0 else { throw negative("\(value)", position) }
            guard value < .max else { throw noNumber("\(value)", position) }
            labels.append(Int(value))
        }
    }
    return labels
}
