import Graphs
import Tensors

/// What the fused recurrent ops share: places of their optional inputs, and the shape rule.
///
/// Inputs: x (B, T, D), kernel (D, G·U), recurrent kernel (U, G·U), then the bias, a mask (B, T) of bool, and `stateCount` states
/// before the first step (B, U each), as far as there are any.
struct RecurrentShapes {
    var name: String
    var units: Int
    /// G: columns of the kernels for each unit.
    var gates: Int
    /// The shape of the bias; nil: there is none.
    var bias: PartialShape?
    var hasMask: Bool
    var stateCount: Int
    var hasInitialState: Bool
    var returnsSequences: Bool

    var biasInput: Int { 3 }
    var maskInput: Int { bias == nil ? 3 : 4 }
    var stateInput: Int { maskInput + (hasMask ? 1 : 0) }

    /// The outputs (B, T, U) or (B, U), then the states (B, U).
    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        let count = stateInput + (hasInitialState ? stateCount : 0)
        try requireInputs(name, inputs, count...count)
        for (index, input) in inputs.enumerated() {
            try require(name, input, is: hasMask && index == maskInput ? .bool : .float32, "input \(index)")
        }
        let x = inputs[0].shape
        guard x.rank == 3 else { throw mismatch(name, expected: "an input (batch, steps, features)", got: "\(x)") }
        guard units > 0, !units.multipliedReportingOverflow(by: gates).overflow else {
            throw mismatch(name, "units", expected: "1 unit or more", got: "\(units)")
        }
        var batch = x[0]
        func fit(_ index: Int, _ expected: PartialShape, _ what: String) throws(LocatedError) {
            let got = inputs[index].shape
            let fits = got.rank == expected.rank && zip(got.dims, expected.dims).allSatisfy { $0 == nil || $1 == nil || $0 == $1 }
            guard fits else { throw mismatch(name, expected: "\(what) of shape \(expected)", got: "\(got)") }
        }
        try fit(1, [x[2], gates * units], "a kernel")
        try fit(2, [units, gates * units], "a recurrent kernel")
        if let bias { try fit(biasInput, bias, "a bias") }
        if hasMask {
            try fit(maskInput, [batch, x[1]], "a mask")
            batch = batch ?? inputs[maskInput].shape[0]
        }
        if hasInitialState {
            for index in stateInput..<stateInput + stateCount {
                try fit(index, [batch, units], "an initial state")
                batch = batch ?? inputs[index].shape[0]
            }
        }
        let state = ValueInfo([batch, units])
        return [returnsSequences ? ValueInfo([batch, x[1], units]) : state]
            + [ValueInfo](repeating: state, count: stateCount)
    }
}
