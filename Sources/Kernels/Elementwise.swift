import CKernels

// Names for the C loops that ops use. Pointers are equal or disjoint; see ck_elementwise.h.

/// z = x + y.
package func add(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafeMutablePointer<Float>, count: Int) {
    ck_add(x, y, z, count)
}

/// y = αx, or y += αx; plain copies and sums where α is 1.
package func transfer(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int, alpha: Float = 1, accumulate: Bool
) {
    switch (accumulate, alpha == 1) {
    case (false, true): if UnsafePointer(y) != x { y.update(from: x, count: count) }
    case (false, false): ck_scale(alpha, x, y, count)
    case (true, true): ck_add(y, x, y, count)
    case (true, false): ck_axpy(alpha, x, y, count)
    }
}

/// The sum of elements, with 16 partial sums in a fixed order.
package func sum(_ x: UnsafePointer<Float>, count: Int) -> Float { ck_sum(x, count) }

/// α times the sum of each of `rows` contiguous rows, written or added.
package func sumRows(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, alpha: Float, to y: UnsafeMutablePointer<Float>, accumulate: Bool
) {
    ck_sum_rows(x, rows, columns, alpha, y, accumulate)
}

/// α times the sum over rows (`stride` elements apart) of each column, written or added.
package func sumColumns(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, alpha: Float, to y: UnsafeMutablePointer<Float>,
    accumulate: Bool
) {
    ck_sum_columns(x, stride, rows, columns, alpha, y, accumulate)
}

/// An arithmetic operation of two operands.
package enum BinaryOperator: String, Hashable, Sendable, CaseIterable {
    /// Maximum and minimum give NaN where either operand is NaN; at a tie the first operand gets the gradient.
    case add, subtract, multiply, divide, maximum, minimum
    /// Division rounded down, its remainder (of the divisor's sign), the remainder of the dividend's sign, and a quotient that is
    /// 0 where the divisor is.
    case floorDivide = "floor_divide", mod, fmod, divideNoNaN = "divide_no_nan"
    /// The exponent gets a gradient only where the base is above 0.
    case power
    case atan2, hypot, logAddExp = "logaddexp", squaredDifference = "squared_difference"

    var code: ck_operator {
        switch self {
        case .add: CK_ADD
        case .subtract: CK_SUBTRACT
        case .multiply: CK_MULTIPLY
        case .divide: CK_DIVIDE
        case .maximum: CK_MAXIMUM
        case .minimum: CK_MINIMUM
        case .floorDivide: CK_FLOOR_DIVIDE
        case .mod: CK_MOD
        case .fmod: CK_FMOD
        case .divideNoNaN: CK_DIVIDE_NO_NAN
        case .power: CK_POWER
        case .atan2: CK_ATAN2
        case .hypot: CK_HYPOT
        case .logAddExp: CK_LOGADDEXP
        case .squaredDifference: CK_SQUARED_DIFFERENCE
        }
    }
}

/// A float32 operand read along a block of rows: elements to the next row, and to the next column (0 or 1).
package struct RowOperand {
    package var start: UnsafePointer<Float>
    package var row: Int
    package var column: Int

    package init(_ start: UnsafePointer<Float>, row: Int, column: Int) {
        self.start = start
        self.row = row
        self.column = column
    }

    var c: ck_operand { ck_operand(start: start, row: row, step: column) }
}

/// z = x op y over a block of rows; `row` elements to z's next row.
package func binary(
    _ op: BinaryOperator, _ x: RowOperand, _ y: RowOperand, to z: UnsafeMutablePointer<Float>, row: Int, rows: Int,
    columns: Int
) {
    ck_binary(op.code, x.c, y.c, z, row, rows, columns)
}

/// The gradient of one operand, before it is summed over what was broadcast: written or added, in the result's shape.
package func binaryGradient(
    _ op: BinaryOperator, second: Bool, gradient: UnsafePointer<Float>, _ x: RowOperand, _ y: RowOperand,
    to z: UnsafeMutablePointer<Float>, row: Int, rows: Int, columns: Int, accumulate: Bool
) {
    ck_binary_gradient(op.code, second, gradient, x.c, y.c, z, row, rows, columns, accumulate)
}

/// y = scale·x + shift with one pair of numbers.
package func affine(
    _ x: UnsafePointer<Float>, _ scale: Float, _ shift: Float, _ y: UnsafeMutablePointer<Float>, count: Int
) {
    ck_affine(x, scale, shift, y, count)
}

/// y += αx along a row; x is one number where `step` is 0.
package func addScaled(
    _ x: UnsafePointer<Float>, step: Int, _ alpha: Float, to y: UnsafeMutablePointer<Float>, count: Int
) {
    if step == 1 { ck_axpy(alpha, x, y, count) } else { ck_affine(y, 1, alpha * x.pointee, y, count) }
}
