import CKernels

/// What a window gives of the cells in it.
package enum PoolKind: Hashable, Sendable {
    case max
    /// The mean over the cells that are there: padding doesn't count.
    case average
}

/// Windows over channels-last images, each channel on its own. Windows have no dilation.
package struct Pooling: Sendable {
    package let kind: PoolKind
    package let axes: WindowAxes
    package let channels: Int
    /// Whether cells of padding are zeros in a maximum; forward only.
    package let countsPadding: Bool

    package init(_ kind: PoolKind, axes: WindowAxes, channels: Int, countsPadding: Bool = false) {
        self.countsPadding = countsPadding
        self.kind = kind
        self.axes = axes
        self.channels = channels
    }

    package var inputCount: Int { axes.inputCells * channels }
    package var outputCount: Int { axes.outputCells * channels }

    /// Cells that the windows of one image see, at most, and at least 1.
    package var readCount: Int {
        let seen = axes.all.reduce(Double(outputCount)) { $0 * Double(min($1.kernel, max(1, $1.input))) }
        return Int(min(max(1, seen), 1e15))
    }

    /// Each cell belongs to one window.
    private var isPartition: Bool {
        axes.all.allSatisfy { $0.stride == $0.kernel && $0.begin == 0 && $0.output * $0.stride >= $0.input }
    }

    private func withAxes(_ body: (UnsafePointer<ck_pool_axis>) -> Void) {
        withUnsafeTemporaryAllocation(of: ck_pool_axis.self, capacity: 3) { axes in
            for (index, axis) in [self.axes.first, self.axes.middle, self.axes.last].enumerated() {
                axes.initializeElement(
                    at: index,
                    to: ck_pool_axis(
                        input: axis.input, kernel: axis.kernel, stride: axis.stride, begin: axis.begin, output: axis.output))
            }
            body(UnsafePointer(axes.baseAddress!))
        }
    }

    /// Output planes of one image; `x` and `y` are the whole image.
    package func forward(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, planes: Range<Int>) {
        withAxes { axes in
            switch kind {
            case .max: ck_max_pool(axes, channels, countsPadding, x, y, planes.lowerBound, planes.upperBound)
            case .average: ck_average_pool(axes, channels, x, y, planes.lowerBound, planes.upperBound)
            }
        }
    }

    /// The gradient of one image; for `max` it goes to the first of the largest cells in row-major order of the window.
    ///
    /// - Parameter x: read for `max` only.
    package func gradient(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>, accumulate: Bool
    ) {
        let write = !accumulate && isPartition
        if !accumulate && !write { dx.update(repeating: 0, count: inputCount) }
        withAxes { axes in
            switch kind {
            case .max: ck_max_pool_gradient(axes, channels, x, dy, dx, 0, self.axes.first.output, write)
            case .average: ck_average_pool_gradient(axes, channels, dy, dx, 0, self.axes.first.output, write)
            }
        }
    }
}
