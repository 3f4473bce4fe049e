internal import Ops
package import Tensors

extension [LoweringContext.IndexCheck] {
    /// Refuses indices that no table row stands for.
    ///
    /// - Parameter inputs: the graph's inputs, or more samples of them.
    package func check(_ inputs: [Tensor]) throws(LocatedError) {
        for check in self {
            let input = inputs[check.input]
            if let vocabulary = check.vocabulary {
                try vocabulary.requireKnown(input, at: check.layer)
                continue
            }
            if check.isMagnitude {
                guard input.dtype == .int32, let wrong = input.withUnsafeElements(as: Int32.self, { $0.first { $0.magnitude > check.limit } })
                else { continue }
                throw LocatedError(
                    .unsupported, "input.size",
                    "expected whole numbers up to \(check.limit), of which sums and products fit 32 bits, got \(wrong)", at: [check.layer])
            }
            let wrong: String? =
                switch input.dtype {
                case .int32:
                    input.withUnsafeElements(as: Int32.self) { indices in
                        indices.first { $0 < 0 || Int($0) >= check.limit }
                    }.map { "\($0)" }
                // Cut to whole numbers when they are looked up.
                case .float32:
                    input.withUnsafeElements(as: Float.self) { indices in
                        indices.first { !($0 > -1 && $0 < Float(check.limit)) }
                    }.map { "\($0)" }
                default: nil
                }
            if let wrong {
                throw LocatedError(
                    .mismatch, "input.index", "expected indices from 0 to \(check.limit - 1), got \(wrong)", at: [check.layer])
            }
        }
    }
}

extension Lookup {
    /// Refuses elements that the vocabulary doesn't have.
    fileprivate func requireKnown(_ input: Tensor, at layer: String) throws(LocatedError) {
        guard let unknown = firstUnknown(in: input) else { return }
        throw LocatedError(
            .mismatch, "input.token", "expected tokens of the vocabulary, got \"\(unknown)\"", at: [layer],
            hint: "num_oov_indices is 0: the layer has no index for others.")
    }
}
