package import KerasSpec
package import Tensors

/// An optimizer's state as Keras's files list it: which arrays in which order, under which names.
///
/// | generation | order |
/// |---|---|
/// | Keras 1, 2.0 to 2.2 | as 2.3, without the step count in files of RMSprop (2.2) or of any (1) |
/// | Keras 2.3 | `iterations`, then all m, all v, all vhat (one zero each without AMSGrad); SGD's moments always |
/// | tf.keras to 2.10 | `iter`, then all m, all v, all vhat; SGD's moments with momentum only |
/// | tf.keras 2.11 to 2.15, tf-keras | `iteration`, then m and v weight by weight, then all vhat |
/// | Keras 3 | `iteration`, `learning_rate`, then as before; SGD's moments with momentum only |
///
/// Source: `get_updates` of keras/optimizers.py (2.3.1), `_create_slots` of OptimizerV2, `build` of keras/src/optimizers (3.15).
package enum OptimizerWeights {
    /// One array of the list.
    private enum Entry {
        case iterations
        case learningRate
        case slot(OptimizerSlot, path: String)
        /// A single zero in the place of an array that isn't kept.
        case stub(path: String)
    }

    private static func entries(
        _ optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration, _ paths: [String]
    ) -> [Entry] {
        var entries: [Entry] = [.iterations]
        if generation == .keras3 { entries.append(.learningRate) }
        let slots = optimizer.slots(for: generation)
        let isInterleaved = generation == .tfKeras || generation == .keras3
        if isInterleaved {
            let moments = slots.filter { $0 != .velocityHat }
            entries += paths.flatMap { path in moments.map { Entry.slot($0, path: path) } }
            if slots.contains(.velocityHat) { entries += paths.map { .slot(.velocityHat, path: $0) } }
        } else {
            for slot in slots { entries += paths.map { .slot(slot, path: $0) } }
            if optimizer is Adam, generation == .keras2, !slots.contains(.velocityHat) {
                entries += paths.map { .stub(path: $0) }
            }
        }
        return entries
    }

    // MARK: Reading

    /// The state that a file's arrays tell.
    ///
    /// - Parameters:
    ///   - arrays: in the file's order.
    ///   - paths: of the trained weights, in the writer's order.
    ///   - shapes: of the trained weights.
    /// - Throws: `optimizer.weights` when number or shapes aren't those of this optimizer and these weights.
    package static func decode(
        _ arrays: [StoredWeights.Weight], for optimizer: any BuiltInOptimizer, generation: TrainingGeneration, paths: [String],
        shapes: [Shape]
    ) throws(LocatedError) -> OptimizerState {
        precondition(paths.count == shapes.count)
        var state = OptimizerState()
        if arrays.isEmpty { return state }
        var entries = entries(optimizer, generation, paths)
        // Files of Keras before 2.3 may lack the step count, or (Keras 1, 2.0) the single zeros.
        if generation.isStandalone {
            let stubs = entries.filter { if case .stub = $0 { true } else { false } }.count
            if arrays.count < entries.count, arrays[0].tensor.shape.rank != 0 { entries.removeFirst() }
            if arrays.count == entries.count - stubs { entries.removeLast(stubs) }
        }
        guard arrays.count == entries.count else {
            throw LocatedError(
                .mismatch, "optimizer.weights",
                "expected \(entries.count) arrays of \(type(of: optimizer).className) for \(paths.count) weights, got \(arrays.count)")
        }
        let byPath = [String: Shape](zip(paths, shapes), uniquingKeysWith: { first, _ in first })
        for (entry, array) in zip(entries, arrays) {
            try locating(array.name) { () throws(LocatedError) in
                switch entry {
                case .iterations:
                    guard array.tensor.shape.count == 1 else { throw wrongShape("a single number", array) }
                    let count = try array.tensor.load().asType(.int64).array(as: Int64.self)[0]
                    guard count >= 0 else {
                        throw LocatedError(.invalid, "optimizer.iterations", "expected a number of steps, got \(count)")
                    }
                    state.iterations = Int(count)
                case .learningRate, .stub: break
                case .slot(let slot, let path):
                    let shape = byPath[path] ?? []
                    guard array.tensor.shape == shape else { throw wrongShape("the shape \(shape) of \(path)", array) }
                    state.slots[slot, default: [:]][path] = try array.tensor.load().asType(.float32)
                }
            }
        }
        return state
    }

    private static func wrongShape(_ expected: String, _ array: StoredWeights.Weight) -> LocatedError {
        LocatedError(.mismatch, "optimizer.weights", "expected \(expected), got the shape \(array.tensor.shape)")
    }

    // MARK: Writing

    /// The arrays of a file, named as Keras 2.3.1 on TensorFlow 1.15 names them, or as the generation's own files do.
    ///
    /// - Parameters:
    ///   - paths: of the trained weights, in Keras's order.
    ///   - names: their names in the file (`conv2d_1/kernel:0`), which later generations put into the arrays' names.
    ///   - shapes: of the trained weights: for arrays that the state doesn't have.
    ///   - learningRate: what Keras 3 keeps beside the step count.
    package static func encode(
        _ state: OptimizerState, of optimizer: any BuiltInOptimizer, generation: TrainingGeneration, paths: [String],
        names: [String], shapes: [Shape], learningRate: Double
    ) -> [StoredWeights.Weight] {
        precondition(paths.count == shapes.count && names.count == paths.count)
        let places = [String: Int](zip(paths, paths.indices), uniquingKeysWith: { first, _ in first })
        let className = type(of: optimizer).className
        return entries(optimizer, generation, paths).map { entry in
            switch entry {
            case .iterations:
                let name =
                    switch generation {
                    case .keras1, .keras2: "\(className)/iterations:0"
                    case .tfKerasLegacy: "\(className)/iter:0"
                    case .tfKeras: "iteration:0"
                    case .keras3: "iteration"
                    }
                let count = Tensor(scalar: Int64(state.iterations))
                // Keras 1 counts in floats.
                return weight(name, generation == .keras1 ? count.asType(.float32) : count)
            case .learningRate: return weight("learning_rate", Tensor(scalar: Float(learningRate)))
            case .stub(let path):
                return weight("training/\(className)/vhat_\(places[path] ?? 0)_1:0", Tensor(zeros: [1]))
            case .slot(let slot, let path):
                let place = places[path] ?? 0
                let tensor = state.slots[slot]?[path] ?? Tensor(zeros: shapes[place])
                return weight(name(of: slot, optimizer, generation, place, names[place]), tensor)
            }
        }
    }

    private static func name(
        of slot: OptimizerSlot, _ optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration, _ place: Int,
        _ weight: String
    ) -> String {
        let className = type(of: optimizer).className
        let isAdam = optimizer is Adam
        switch generation {
        case .keras1, .keras2:
            // TensorFlow 1.15 makes the second variable of a name `…_1`: zeros, then the variable that begins with them.
            let word =
                switch slot {
                case .momentum: isAdam ? "m" : "moment"
                case .velocity: isAdam ? "v" : "accumulator"
                case .velocityHat: "vhat"
                }
            return "training/\(className)/\(word)_\(place)_1:0"
        case .tfKerasLegacy:
            let word =
                switch slot {
                case .momentum: isAdam ? "m" : "momentum"
                case .velocity: isAdam ? "v" : "rms"
                case .velocityHat: "vhat"
                }
            return "\(className)/\(weight.droppingOutput)/\(word):0"
        case .tfKeras:
            let word =
                switch slot {
                case .momentum: "m"
                case .velocity: isAdam ? "v" : "velocity"
                case .velocityHat: "vhat"
                }
            return "\(className)/\(word)/\(weight.droppingOutput):0"
        case .keras3: return "\(weight.droppingOutput)_\(slot.rawValue)"
        }
    }

    private static func weight(_ name: String, _ tensor: Tensor) -> StoredWeights.Weight {
        StoredWeights.Weight(name: name, tensor: LazyTensor(tensor))
    }
}

extension String {
    /// Without TensorFlow's `:0`.
    fileprivate var droppingOutput: String { hasSuffix(":0") ? String(dropLast(2)) : self }
}
