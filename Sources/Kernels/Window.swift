/// How far a window may reach beyond its input.
package enum WindowPadding: Hashable, Sendable {
    /// Not at all.
    case valid
    /// So far that there are ⌈n / stride⌉ outputs; the odd cell of padding lies at the end, as TensorFlow has it.
    case same
    /// By so many cells, for each spatial axis.
    case explicit(begin: [Int], end: [Int])
}

/// One spatial axis of a convolution or a pooling: output `o` sees the inputs `o · stride + k · dilation − begin`, 0 ≤ k < kernel.
package struct WindowAxis: Hashable, Sendable {
    package let input: Int
    package let kernel: Int
    package let stride: Int
    package let dilation: Int
    /// Cells of padding before the first input.
    package let begin: Int
    package let output: Int

    /// Nil when the window doesn't fit once, when an argument makes no sense, or when an extent would leave reason (2³¹).
    package init?(input: Int, kernel: Int, stride: Int = 1, dilation: Int = 1, padding: WindowPadding, axis: Int) {
        let limit = 1 << 31
        guard (0...limit).contains(input), (1...limit).contains(kernel), (1...limit).contains(stride),
            (1...limit).contains(dilation), case let (reach, overflow) = (kernel - 1).multipliedReportingOverflow(by: dilation),
            !overflow, reach < limit
        else { return nil }
        let total: Int
        switch padding {
        case .valid: (total, begin) = (0, 0)
        case .same:
            let outputs = (input + stride - 1) / stride
            total = outputs == 0 ? 0 : max((outputs - 1) * stride + reach + 1 - input, 0)
            begin = total / 2
        case .explicit(let begins, let ends):
            guard begins.indices.contains(axis), ends.indices.contains(axis), (0...limit).contains(begins[axis]),
                (0...limit).contains(ends[axis])
            else { return nil }
            begin = begins[axis]
            total = begin + ends[axis]
        }
        if padding == .same {
            output = (input + stride - 1) / stride
        } else {
            guard input + total > reach else { return nil }
            output = (input + total - reach - 1) / stride + 1
        }
        self.input = input
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
    }

    /// An axis on which nothing happens.
    package static let single = WindowAxis(input: 1, kernel: 1, padding: .valid, axis: 0)!

    /// From the first to the last cell any window sees, padding included.
    package var span: Int { output == 0 ? 0 : (output - 1) * stride + (kernel - 1) * dilation + 1 }

    /// Whether a window sees cells that are not there.
    package var seesPadding: Bool { output > 0 && (begin > 0 || span > input) }
}

/// Three axes of a window, whatever the number of spatial axes: missing ones are put in behind the first.
///
/// The first axis is the one that work is cut along, the last the one in which neighbours lie in memory: (H, 1, W), (W, 1, 1).
package struct WindowAxes: Hashable, Sendable {
    package let first: WindowAxis
    package let middle: WindowAxis
    package let last: WindowAxis

    /// - Parameter axes: one to three.
    package init(_ axes: [WindowAxis]) {
        precondition((1...3).contains(axes.count))
        first = axes[0]
        middle = axes.count == 3 ? axes[1] : .single
        last = axes.count > 1 ? axes[axes.count - 1] : .single
    }

    var all: [WindowAxis] { [first, middle, last] }
    package var taps: Int { first.kernel * middle.kernel * last.kernel }
    package var inputCells: Int { first.input * middle.input * last.input }
    package var outputCells: Int { first.output * middle.output * last.output }
}

/// Copies of planes of an image with zeros around them, so that windows need no tests.
struct PaddedPlanes: Hashable, Sendable {
    /// Cells of the image along the three axes, and elements of a cell.
    let (first, middle, last): (Int, Int, Int)
    let channels: Int
    /// Cells of the copy along the inner axes, and the image's place in it (may lie outside).
    let (middleCount, lastCount): (Int, Int)
    let (middleBegin, lastBegin): (Int, Int)

    /// Elements of one plane of the copy.
    var planeCount: Int { middleCount * lastCount * channels }

    /// Writes planes that correspond to the image's planes `range` (which may reach beyond it).
    ///
    /// - Parameter move: copies so many elements from an offset in the image.
    @inline(__always) func fill(
        _ range: Range<Int>, _ target: UnsafeMutablePointer<Float>,
        _ move: (_ offset: Int, _ target: UnsafeMutablePointer<Float>, _ count: Int) -> Void
    ) {
        let row = lastCount * channels
        let before = min(max(lastBegin, 0), lastCount) * channels
        let skipped = max(-lastBegin, 0) * channels
        let copied = max(0, min(last * channels - skipped, row - before))
        var to = target
        for plane in range {
            for line in 0..<middleCount {
                let inner = line - middleBegin
                if plane < 0 || plane >= first || inner < 0 || inner >= middle || copied == 0 {
                    to.update(repeating: 0, count: row)
                } else {
                    to.update(repeating: 0, count: before)
                    move((plane * middle + inner) * last * channels + skipped, to + before, copied)
                    (to + before + copied).update(repeating: 0, count: row - before - copied)
                }
                to += row
            }
        }
    }
}

/// Runs of equal length at given offsets: joined where each group of neighbours is contiguous.
func joined(_ offsets: [Int], _ length: Int) -> (offsets: [Int], length: Int) {
    var group = 1
    while group < offsets.count && offsets[group] == offsets[group - 1] + length { group += 1 }
    guard group > 1, offsets.count % group == 0,
        offsets.indices.allSatisfy({ $0 % group == 0 || offsets[$0] == offsets[$0 - 1] + length })
    else { return (offsets, length) }
    return (stride(from: 0, to: offsets.count, by: group).map { offsets[$0] }, length * group)
}
