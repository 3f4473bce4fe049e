internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

// Arithmetic of quantized layers. Whole numbers are floats here: their products and sums are exact up to 2²⁴.

extension LoweringContext {
    /// Numbers of 4 bits, two in each byte along an axis, the lower half first.
    ///
    /// - Parameters:
    ///   - count: how many there are; an odd one leaves half a byte over.
    ///   - signed: -8…7 in bytes from -128, else 0…15 in bytes from 0.
    func unpacked(_ packed: Value, axis: Int, count: Int, signed: Bool) throws(LocatedError) -> Value {
        let upper = try unary(.floor, try scaled(packed, by: 1.0 / 16))
        var lower = try subtract(packed, try scaled(upper, by: 16))
        if signed { lower = try subtract(lower, try scaled(try unary(.floor, try scaled(lower, by: 1.0 / 8)), by: 16)) }
        var dims = shape(packed).dims
        let pairs = try stacked([lower, upper], axis: axis + 1)
        dims[axis] = dims[axis].map { 2 * $0 }
        return try sliced(try reshaped(pairs, to: dims), axis: axis, from: 0, to: count)
    }

    /// (whole − zero)·scale, where zero and scale are those of the group of each place along an axis.
    ///
    /// - Parameter groups: the number of each place's group.
    func ungrouped(
        _ whole: Value, scale: Value, zero: Value, groups: Value, axis: Int
    ) throws(LocatedError) -> Value {
        let places = try cast(groups, to: .int32)
        let zeros = try apply(Gather(axis: axis), zero, places)
        let scales = try apply(Gather(axis: axis), scale, places)
        return try multiply(try subtract(whole, zeros), scales)
    }

    /// A kernel of rows and columns from what GPTQ or AWQ left of it.
    func kernel(of quantization: Quantization, rows: Int, columns: Int) throws(LocatedError) -> Value {
        var bits = 4, isAWQ = false
        switch quantization.policy {
        case .int4(let blockSize):
            let whole = try unpacked(weight("kernel"), axis: 1, count: columns, signed: true)
            guard blockSize != nil else { return try divide(whole, weight("kernel_scale")) }
            return try ungrouped(
                whole, scale: weight("kernel_scale"), zero: weight("kernel_zero"), groups: weight("g_idx"), axis: 0)
        case .gptq(let count, _): bits = count
        case .awq: isAWQ = true
        case .int8, .float8: preconditionFailure("a kernel of int8 or float8 is taken as it is")
        }
        let stored = weight("quantized_kernel")
        let whole = bits == 4 ? try unpacked(stored, axis: 0, count: columns, signed: false) : stored
        var kernel = try transposed(
            try ungrouped(whole, scale: weight("kernel_scale"), zero: weight("kernel_zero"), groups: weight("g_idx"), axis: 1),
            [1, 0])
        if isAWQ { kernel = try divide(kernel, try expanded(weight("awq_scales"), axes: [1])) }
        return kernel
    }

    /// Inputs as whole numbers, and what they were multiplied by, over these axes. Source: `abs_max_quantize`.
    func quantized(
        _ x: Value, _ quantizer: Quantization.AbsMaxQuantizer, axes: [Int]
    ) throws(LocatedError) -> (whole: Value, scale: Value) {
        let largest = try reduce(.max, try unary(.absolute, x), axes: axes, keepsAxes: true)
        let scale = try divide(scalar(quantizer.high), try scaled(largest, by: 1, offset: quantizer.epsilon))
        let rounded = try unary(.round, try multiply(x, scale))
        let clipped = try binary(.minimum, try binary(.maximum, rounded, scalar(quantizer.low)), scalar(quantizer.high))
        return (clipped, scale)
    }

    /// A value whose gradient goes to another of its shape, which is computed for that alone.
    func straightThrough(_ value: Value, gradientsTo path: () throws(LocatedError) -> Value) throws(LocatedError) -> Value {
        guard mayTrain else { return value }
        let other = try path()
        let nothing = try subtract(other, try apply(StopGradient(), other))
        return try add(try apply(StopGradient(), value), nothing)
    }

    /// Rounds to floats of 8 bits (e4m3fn) after a division by `scale`, and multiplies again; the gradient passes.
    func throughFloat8(_ x: Value, scale: Value) throws(LocatedError) -> Value {
        let scaled = try divide(x, scale)
        let clipped = try binary(.minimum, try binary(.maximum, scaled, scalar(-448.0)), scalar(448.0))
        let rounded = try multiply(try roundedFloat(clipped, fractionBits: 3, leastExponent: -6), scale)
        return try straightThrough(rounded) { () throws(LocatedError) in x }
    }

    /// The nearest float with so many bits behind the leading one.
    func roundedFloat(_ x: Value, fractionBits: Int, leastExponent: Int) throws(LocatedError) -> Value {
        // At a power of two the exponent may come out one off; both steps hold that number.
        let least = Double(sign: .plus, exponent: leastExponent, significand: 1)
        let exponent = try unary(.floor, try unary(.log2, try binary(.maximum, try unary(.absolute, x), scalar(least))))
        let step = try unary(.exp2, try scaled(exponent, by: 1, offset: -Double(fractionBits)))
        return try multiply(try unary(.round, try divide(x, step)), step)
    }

    /// Rounds to bfloat16, the gradient passes.
    func halved(_ x: Value) throws(LocatedError) -> Value {
        let rounded = try roundedFloat(x, fractionBits: 7, leastExponent: -126)
        return try straightThrough(rounded) { () throws(LocatedError) in x }
    }
}
