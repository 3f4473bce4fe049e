import Tensors
import TestSupport

/// A convolution in plain loops, and its gradients, over any number of spatial axes.
struct ConvolutionReference {
    var strides: [Int]
    var same: Bool
    var dilation: [Int]
    var groups: Int

    /// Output extents and padding before the first cell.
    func window(_ input: [Int], _ kernel: [Int]) -> (output: [Int], begin: [Int]) {
        var (output, begin): ([Int], [Int]) = ([], [])
        for axis in input.indices {
            let reach = (kernel[axis] - 1) * dilation[axis] + 1
            if same {
                let count = (input[axis] + strides[axis] - 1) / strides[axis]
                output.append(count)
                begin.append(max((count - 1) * strides[axis] + reach - input[axis], 0) / 2)
            } else {
                output.append((input[axis] - reach) / strides[axis] + 1)
                begin.append(0)
            }
        }
        return (output, begin)
    }

    func outputShape(_ x: Shape, _ kernel: Shape) -> Shape {
        let spatial = strides.count
        let output = window(Array(x.dims[1...spatial]), Array(kernel.dims[..<spatial])).output
        return Shape([x[0]] + output + [kernel[spatial + 1]])
    }

    /// Calls `body` with the offsets in x, kernel and y of every product that is summed.
    private func forEachProduct(_ x: Shape, _ kernel: Shape, _ body: (Int, Int, Int) -> Void) {
        let spatial = strides.count
        let y = outputShape(x, kernel)
        let begin = window(Array(x.dims[1...spatial]), Array(kernel.dims[..<spatial])).begin
        let (depth, filters) = (kernel[spatial], kernel[spatial + 1])
        let cells = Array(y.dims[1...spatial]), taps = Array(kernel.dims[..<spatial])
        for image in 0..<x[0] {
            forEachIndex(cells) { cell in
                forEachIndex(taps) { tap in
                    var (from, to, at) = (image, image, 0)
                    for axis in 0..<spatial {
                        let place = cell[axis] * strides[axis] + tap[axis] * dilation[axis] - begin[axis]
                        guard place >= 0 && place < x[axis + 1] else { return }
                        from = from * x[axis + 1] + place
                        to = to * y[axis + 1] + cell[axis]
                        at = at * taps[axis] + tap[axis]
                    }
                    for filter in 0..<filters {
                        let group = filter / (filters / groups)
                        for channel in 0..<depth {
                            body(
                                from * x[spatial + 1] + group * depth + channel, (at * depth + channel) * filters + filter,
                                to * filters + filter)
                        }
                    }
                }
            }
        }
    }

    func forward(_ x: Doubles, _ kernel: Doubles, _ bias: Doubles?) -> Doubles {
        var y = Doubles(zeros: outputShape(x.shape, kernel.shape))
        if let bias {
            for index in y.values.indices { y.values[index] = bias.values[index % bias.values.count] }
        }
        forEachProduct(x.shape, kernel.shape) { y.values[$2] += x.values[$0] * kernel.values[$1] }
        return y
    }

    /// Of x, kernel and bias.
    func backward(_ x: Doubles, _ kernel: Doubles, _ dy: Doubles) -> [Doubles] {
        var (dx, dk) = (Doubles(zeros: x.shape), Doubles(zeros: kernel.shape))
        var db = Doubles(zeros: [kernel.shape.dims.last!])
        forEachProduct(x.shape, kernel.shape) {
            dx.values[$0] += dy.values[$2] * kernel.values[$1]
            dk.values[$1] += dy.values[$2] * x.values[$0]
        }
        for index in dy.values.indices { db.values[index % db.values.count] += dy.values[index] }
        return [dx, dk, db]
    }
}

/// Calls `body` with every index of an array of these extents, in row-major order.
func forEachIndex(_ extents: [Int], _ body: ([Int]) -> Void) {
    guard !extents.contains(0) else { return }
    var index = extents.map { _ in 0 }
    while true {
        body(index)
        var axis = extents.count - 1
        while axis >= 0 {
            index[axis] += 1
            if index[axis] < extents[axis] { break }
            index[axis] = 0
            axis -= 1
        }
        if axis < 0 { return }
    }
}
