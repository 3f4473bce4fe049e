import KerasSpec
import Tensors

/// What files call an optimizer's arrays.
struct OptimizerNames {
    let optimizer: OptimizerClass
    let generation: OptimizerGeneration
    /// Of Keras 3.
    let minor: Int
    /// Of the optimizer itself: `rm_sprop`.
    let instance: String
    /// Of the trained weights: `dense_1/kernel:0`.
    let weights: [String]
    let isScaled: Bool

    /// The name of each entry, all different.
    func names(of entries: [OptimizerLayout.Entry]) -> [String] {
        if generation == .keras1 || generation == .keras22 { return numbered(entries) }
        var taken: Set<String> = []
        return entries.map { entry in
            let name = name(of: entry)
            var result = name
            var number = 0
            while !taken.insert(result).inserted {
                number += 1
                result = name.hasSuffix(":0") ? "\(name.dropLast(2))_\(number):0" : "\(name)_\(number)"
            }
            return result
        }
    }

    /// Keras 1 leaves naming to TensorFlow, which counts all variables: first those of the settings.
    private func numbered(_ entries: [OptimizerLayout.Entry]) -> [String] {
        var next = ["Adagrad": 3, "Adadelta": 3, "SGD": 4, "RMSprop": 4][optimizer.name] ?? 5
        return entries.map { entry in
            if entry == .iterations { return generation == .keras1 ? "Variable:0" : "\(optimizer.name)/iterations:0" }
            defer { next += 1 }
            return generation == .keras1 ? "Variable_\(next):0" : "training/\(optimizer.name)/Variable_\(next):0"
        }
    }

    private func word(_ slot: String) -> String {
        guard let known = optimizer.slots.first(where: { $0.name == slot }) else { return slot }
        switch generation {
        case .keras1, .keras22, .keras23: return known.words.keras2
        case .optimizerV2: return known.words.v2
        case .keras211: return known.words.keras211
        case .keras3: return slot
        }
    }

    private func name(of entry: OptimizerLayout.Entry) -> String {
        let className = optimizer.name
        switch generation {
        case .keras1, .keras22, .keras23:
            switch entry {
            case .iterations: return "\(className)/iterations:0"
            case .scalar: return "\(className)/m_schedule:0"
            // TensorFlow 1.15 makes the second variable of a name `…_1`: zeros, then the variable that begins with them.
            case .slot(let slot, let place), .stub(let slot, let place):
                return "training/\(className)/\(word(slot))_\(place)_1:0"
            case .learningRate: return "\(className)/learning_rate:0"
            }
        case .optimizerV2:
            switch entry {
            case .iterations: return "\(className)/iter:0"
            case .scalar: return "\(className)/momentum_cache:0"
            case .slot(let slot, let place), .stub(let slot, let place):
                return "\(className)/\(plain(place))/\(word(slot)):0"
            case .learningRate: return "\(className)/learning_rate:0"
            }
        case .keras211:
            switch entry {
            case .iterations: return "iteration:0"
            case .scalar(let name): return "\(className)/\(name):0"
            case .slot(let slot, let place), .stub(let slot, let place):
                return "\(className)/\(word(slot))/\(plain(place)):0"
            case .learningRate: return "learning_rate:0"
            }
        case .keras3:
            // Keras 3.0 doesn't put the optimizer's name in front.
            let own = minor == 0 ? "" : instance + "/"
            let outer = minor == 0 ? "" : "loss_scale_optimizer/"
            switch entry {
            case .iterations: return own + "iteration"
            case .learningRate: return own + "learning_rate"
            case .scalar(OptimizerLayout.Scalar.momentumProduct): return own + "variable"
            case .scalar(OptimizerLayout.Scalar.outerIterations): return outer + "iteration"
            case .scalar(OptimizerLayout.Scalar.outerLearningRate): return outer + "learning_rate"
            case .scalar(let name): return outer + name
            case .slot(let slot, let place), .stub(let slot, let place):
                let weight = plain(place).replacing("/", with: "_")
                return (isScaled ? outer : "") + own + "\(weight)_\(slot)"
            }
        }
    }

    /// A weight's name without TensorFlow's `:0`.
    private func plain(_ place: Int) -> String {
        let name = weights[place]
        return name.hasSuffix(":0") ? String(name.dropLast(2)) : name
    }
}

extension String {
    fileprivate func replacing(_ character: Character, with other: Character) -> String {
        String(map { $0 == character ? other : $0 })
    }
}
