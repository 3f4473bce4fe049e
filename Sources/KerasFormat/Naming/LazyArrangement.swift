import Tensors

/// Arrays cut, joined and turned when they are loaded. Shapes are the caller's to check beforehand.
extension LazyTensor {
    /// The axes in another order, as `numpy.transpose` gives them.
    func transposed(_ axes: [Int]) -> LazyTensor {
        precondition(axes.sorted() == Array(0..<shape.rank))
        let target = Shape(axes.map { shape.dims[$0] })
        return map(shape: target, dtype: dtype) { (tensor) throws(LocatedError) in tensor.transposed(axes, to: target) }
    }

    /// The same elements in order under another shape.
    func reshaped(to target: Shape) -> LazyTensor {
        precondition(target.count == shape.count)
        return map(shape: target, dtype: dtype) { (tensor) throws(LocatedError) in tensor.reshaped(to: target) }
    }

    /// Arrays that differ in nothing but their values, one after another along the last axis.
    static func joined(_ parts: [LazyTensor]) -> LazyTensor {
        let (shape, dtype) = (parts[0].shape, parts[0].dtype)
        precondition(shape.rank > 0 && parts.allSatisfy { $0.shape == shape && $0.dtype == dtype })
        var dims = shape.dims
        dims[dims.count - 1] *= parts.count
        let target = Shape(dims)
        return LazyTensor(shape: target, dtype: dtype) { () throws(LocatedError) in
            var result = Tensor(uninitialized: target, dtype: dtype)
            let chunk = (shape.dims.last ?? 0) * dtype.byteCount
            for (index, part) in parts.enumerated() {
                let tensor = try part.load()
                result.copyColumns(of: tensor, chunk: chunk, from: (0, chunk), to: (index * chunk, parts.count * chunk))
            }
            return result
        }
    }

    /// One of `count` equal parts along the last axis.
    func part(_ index: Int, of count: Int) -> LazyTensor {
        var dims = shape.dims
        dims[dims.count - 1] /= count
        let target = Shape(dims)
        return map(shape: target, dtype: dtype) { (tensor) throws(LocatedError) in
            var result = Tensor(uninitialized: target, dtype: tensor.dtype)
            let chunk = (target.dims.last ?? 0) * tensor.dtype.byteCount
            result.copyColumns(of: tensor, chunk: chunk, from: (index * chunk, count * chunk), to: (0, chunk))
            return result
        }
    }
}

extension Tensor {
    /// Copies a run of `chunk` bytes of each row; `from` and `to` are where it begins and how long a row is.
    fileprivate mutating func copyColumns(
        of source: Tensor, chunk: Int, from: (start: Int, row: Int), to: (start: Int, row: Int)
    ) {
        guard chunk > 0 else { return }
        withUnsafeMutableBytes { target in
            source.withUnsafeBytes { source in
                for row in 0..<(source.count / from.row) {
                    let bytes = source[row * from.row + from.start..<row * from.row + from.start + chunk]
                    let place = target[row * to.row + to.start..<row * to.row + to.start + chunk]
                    UnsafeMutableRawBufferPointer(rebasing: place).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
                }
            }
        }
    }

    fileprivate func transposed(_ axes: [Int], to target: Shape) -> Tensor {
        var result = Tensor(uninitialized: target, dtype: dtype)
        var strides = [Int](repeating: 1, count: shape.rank)
        for axis in stride(from: shape.rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * shape.dims[axis + 1] }
        let steps = axes.map { strides[$0] }
        let (dims, size, count) = (target.dims, dtype.byteCount, target.count)
        result.withUnsafeMutableBytes { target in
            self.withUnsafeBytes { source in
                guard count > 0, let to = target.baseAddress, let from = source.baseAddress else { return }
                var index = [Int](repeating: 0, count: dims.count)
                var place = 0
                for number in 0..<count {
                    if size == 4 {
                        to.storeBytes(of: from.loadUnaligned(fromByteOffset: place * 4, as: UInt32.self), toByteOffset: number * 4, as: UInt32.self)
                    } else {
                        (to + number * size).copyMemory(from: from + place * size, byteCount: size)
                    }
                    // Counts up like an odometer, from the last axis.
                    var axis = dims.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        place += steps[axis]
                        if index[axis] < dims[axis] { break }
                        place -= steps[axis] * dims[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
        return result
    }
}
