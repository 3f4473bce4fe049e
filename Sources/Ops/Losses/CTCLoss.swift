package import Graphs
package import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Connectionist temporal classification: −log of the probability of all ways in which a sequence of steps spells a label.
///
/// A way is a class for each step; classes that follow each other are taken as one unless a blank (class 0) is between them, and
/// blanks are left out. Labels have a class for each place; those that aren't 0 count, from the first place on.
/// Inputs: logits (batch, steps, classes), labels (batch, places) of type int32; output (batch).
/// A label that doesn't go into the steps has a loss of 700 or so with a slope, as in TensorFlow (not the same number): its
/// paths begin or end where they may not, which costs −log 10⁻³⁰⁷.
/// Source: Graves et al. 2006; `ctc_loss_dense` of tensorflow/python/ops/ctc_ops.py.
package struct CTCLoss: Op {
    package init() {}

    package var name: String { "ctc_loss" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[0], is: .float32, "predictions")
        try require(name, inputs[1], is: .int32, "targets")
        let (x, labels) = (inputs[0].shape, inputs[1].shape)
        guard x.rank == 3 else { throw mismatch(name, expected: "predictions of shape (batch, steps, classes)", got: "\(x)") }
        guard labels.rank == 2, labels[0] == nil || x[0] == nil || labels[0] == x[0] else {
            throw mismatch(name, expected: "labels of shape (batch, places), one row for each of \(x)", got: "\(labels)")
        }
        return [ValueInfo(PartialShape([x[0] ?? labels[0]]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundCTCLoss(site) }
}

private struct BoundCTCLoss: BoundOp {
    private let batch: Int
    private let steps: Int
    private let classes: Int
    private let places: Int
    private let wantsGradient: Bool

    init(_ site: Site) {
        let x = site.inputs[0].shape
        (batch, steps, classes, places) = (x[0], x[1], x[2], site.inputs[1].shape[1])
        wantsGradient = site.wantsGradient[0]
    }

    /// States of the longest label: blanks around and between its places.
    private var states: Int { 2 * places + 1 }

    /// Of one sample: the logarithm of each step's sum, forward's numbers of all steps, backward's of two.
    var memory: WorkingMemory { WorkingMemory(workerScratch: (steps + steps * states + 2 * states) * 8) }
    var cost: Double { Double(batch * steps * (states * 6 + classes * 2)) }
    var retained: Retained { Retained(inputs: [0, 1]) }

    var forwardStages: [Int] { [batch] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var walk = walk(frame, tile)
        frame.output()[tile] = Float(-walk.forward())
    }

    var backwardStages: [Int] { wantsGradient ? [batch] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = tile * steps * classes..<(tile + 1) * steps * classes
        guard let arriving = frame.outputGradient() else { return frame.noGradient(0, range) }
        var walk = walk(frame, tile)
        let likelihood = walk.forward()
        walk.backward(likelihood, scale: arriving[tile], to: target + range.lowerBound, accumulates: frame.accumulates[0])
    }

    private func walk(_ frame: Frame, _ sample: Int) -> Walk {
        let labels = frame.integers(1) + sample * places
        var length = 0
        for place in 0..<places where labels[place] != 0 { length += 1 }
        let scratch = frame.workerScratch.assumingMemoryBound(to: Double.self)
        return Walk(
            steps: steps, classes: classes, states: 2 * length + 1, logits: frame.input(0) + sample * steps * classes, labels: labels,
            norms: scratch, alphas: scratch + steps, betas: scratch + steps + steps * states)
    }
}

/// One sample's paths, numbers being logarithms.
private struct Walk {
    let steps: Int
    let classes: Int
    /// Of this sample: even ones are blanks, odd ones places of the label.
    let states: Int
    let logits: UnsafePointer<Float>
    let labels: UnsafePointer<Int32>
    let norms: UnsafeMutablePointer<Double>
    let alphas: UnsafeMutablePointer<Double>
    let betas: UnsafeMutablePointer<Double>

    /// What a forbidden beginning or end costs.
    private static let forbidden = -706.8936235

    private func label(_ state: Int) -> Int {
        guard state % 2 == 1 else { return 0 }
        // Whoever has the data checks it first.
        return min(max(Int(labels[state / 2]), 0), classes - 1)
    }

    private func emission(_ step: Int, _ state: Int) -> Double { Double(logits[step * classes + label(state)]) - norms[step] }

    /// Whether a path may come here from two states before.
    private func skips(_ state: Int) -> Bool { state % 2 == 1 && state > 1 && label(state) != label(state - 2) }

    private func sum(_ a: Double, _ b: Double) -> Double {
        let (high, low) = a > b ? (a, b) : (b, a)
        return low == -.infinity ? high : high + log1p(exp(low - high))
    }

    private func end(_ state: Int) -> Double { state >= states - 2 ? 0 : Self.forbidden }

    /// The logarithm of the label's probability.
    mutating func forward() -> Double {
        for step in 0..<steps {
            let row = logits + step * classes
            var largest = -Double.infinity
            for place in 0..<classes { largest = max(largest, Double(row[place])) }
            var total = 0.0
            for place in 0..<classes { total += exp(Double(row[place]) - largest) }
            norms[step] = largest + log(total)
        }
        guard steps > 0 else { return 0 }
        for state in 0..<states { alphas[state] = emission(0, state) + (state < 2 ? 0 : Self.forbidden) }
        for step in 1..<max(steps, 1) {
            let (before, now) = (alphas + (step - 1) * states, alphas + step * states)
            for state in 0..<states {
                var paths = before[state]
                if state > 0 { paths = sum(paths, before[state - 1]) }
                if skips(state) { paths = sum(paths, before[state - 2]) }
                now[state] = paths + emission(step, state)
            }
        }
        var likelihood = -Double.infinity
        for state in 0..<states { likelihood = sum(likelihood, alphas[(steps - 1) * states + state] + end(state)) }
        return likelihood
    }

    /// softmax(logits) − the probability that a path is at a class at a step.
    func backward(_ likelihood: Double, scale: Float, to target: UnsafeMutablePointer<Float>, accumulates: Bool) {
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let now = betas + (step % 2) * states
            let after = betas + ((step + 1) % 2) * states
            for state in 0..<states {
                guard step < steps - 1 else {
                    now[state] = end(state)
                    continue
                }
                var paths = after[state] + emission(step + 1, state)
                if state + 1 < states { paths = sum(paths, after[state + 1] + emission(step + 1, state + 1)) }
                if state + 2 < states, skips(state + 2) { paths = sum(paths, after[state + 2] + emission(step + 1, state + 2)) }
                now[state] = paths
            }
            let row = target + step * classes
            for place in 0..<classes {
                let share = scale * Float(exp(Double(logits[step * classes + place]) - norms[step]))
                row[place] = accumulates ? row[place] + share : share
            }
            for state in 0..<states {
                row[label(state)] -= scale * Float(exp(alphas[step * states + state] + now[state] - likelihood))
            }
        }
    }
}
