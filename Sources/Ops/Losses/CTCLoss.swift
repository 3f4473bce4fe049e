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
/// A way is a class for each step; classes that follow each other are taken as one unless a blank is between them, and
/// blanks are left out.
/// Inputs: logits (batch, steps, classes), labels (batch, places) of type int32; output (batch). With `hasLengths` two more of
/// shape (batch) and type int32: how many of a label's places count, and how many steps. Without, all steps count, and as many
/// places, from the first on, as have a class that isn't 0.
/// A label that doesn't go into the steps has a loss of 700 or so with a slope, as in TensorFlow (not the same number): its
/// paths begin or end where they may not, which costs −log 10⁻³⁰⁷. Classes that there aren't cost nothing, as there.
/// Source: Graves et al. 2006; `ctc_loss_dense` of tensorflow/python/ops/ctc_ops.py.
package struct CTCLoss: Op {
    /// The class that is the blank; negative counts from the end.
    package var blank: Int
    package var hasLengths: Bool

    package init(blank: Int = 0, hasLengths: Bool = false) {
        self.blank = blank
        self.hasLengths = hasLengths
    }

    package var name: String { "ctc_loss" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, hasLengths ? 4...4 : 2...2)
        try require(name, inputs[0], is: .float32, "predictions")
        try require(name, inputs[1], is: .int32, "targets")
        let (x, labels) = (inputs[0].shape, inputs[1].shape)
        guard x.rank == 3 else { throw mismatch(name, expected: "predictions of shape (batch, steps, classes)", got: "\(x)") }
        guard labels.rank == 2, labels[0] == nil || x[0] == nil || labels[0] == x[0] else {
            throw mismatch(name, expected: "labels of shape (batch, places), one row for each of \(x)", got: "\(labels)")
        }
        for lengths in inputs.dropFirst(2) {
            try require(name, lengths, is: .int32, "lengths")
            try requireVector(name, lengths, x[0] ?? labels[0], "vector of lengths")
        }
        if let classes = x[2], !(-classes..<classes).contains(blank) {
            throw mismatch(name, "blank", expected: "a blank among \(classes) classes", got: "\(blank)")
        }
        return [ValueInfo(PartialShape([x[0] ?? labels[0]]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundCTCLoss(site, blank: blank, hasLengths: hasLengths) }
}

private struct BoundCTCLoss: BoundOp {
    private let batch: Int
    private let steps: Int
    private let classes: Int
    private let places: Int
    private let blank: Int
    private let hasLengths: Bool
    private let wantsGradient: Bool

    init(_ site: Site, blank: Int, hasLengths: Bool) {
        let x = site.inputs[0].shape
        (batch, steps, classes, places) = (x[0], x[1], x[2], site.inputs[1].shape[1])
        self.blank = blank < 0 ? blank + x[2] : blank
        self.hasLengths = hasLengths
        wantsGradient = site.wantsGradient[0]
    }

    /// States of the longest label: blanks around and between its places.
    private var states: Int { 2 * places + 1 }

    /// Of one sample: the logarithm of each step's sum, forward's numbers of all steps, backward's of two.
    var memory: WorkingMemory { WorkingMemory(workerScratch: (steps + steps * states + 2 * states) * 8) }
    var cost: Double { Double(batch * steps * (states * 6 + classes * 2)) }
    var retained: Retained { Retained(inputs: hasLengths ? [0, 1, 2, 3] : [0, 1]) }

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
        // Steps behind a sample's own.
        frame.noGradient(0, range.lowerBound + walk.steps * classes..<range.upperBound)
        let likelihood = walk.forward()
        walk.backward(likelihood, scale: arriving[tile], to: target + range.lowerBound, accumulates: frame.accumulates[0])
    }

    private func walk(_ frame: Frame, _ sample: Int) -> Walk {
        let labels = frame.integers(1) + sample * places
        var length = 0, own = steps, fits = true
        if hasLengths {
            length = Int(frame.integers(2)[sample])
            fits = (0...places).contains(length)
            if !fits { length = places }
            own = min(max(Int(frame.integers(3)[sample]), 0), steps)
        } else {
            for place in 0..<places where labels[place] != 0 { length += 1 }
        }
        let scratch = frame.workerScratch.assumingMemoryBound(to: Double.self)
        return Walk(
            steps: own, classes: classes, blank: blank, states: 2 * length + 1, fits: fits,
            logits: frame.input(0) + sample * steps * classes, labels: labels, norms: scratch, alphas: scratch + steps, betas: scratch + steps + steps * states)
    }
}

/// One sample's paths, numbers being logarithms.
private struct Walk {
    let steps: Int
    let classes: Int
    let blank: Int
    /// Of this sample: even ones are blanks, odd ones places of the label.
    let states: Int
    /// Whether the label is as long as it is said to be.
    let fits: Bool
    let logits: UnsafePointer<Float>
    let labels: UnsafePointer<Int32>
    let norms: UnsafeMutablePointer<Double>
    let alphas: UnsafeMutablePointer<Double>
    let betas: UnsafeMutablePointer<Double>

    /// What a forbidden beginning or end costs.
    private static let forbidden = -706.8936235

    /// The number of a place's class where the blank is taken for the first one, as TensorFlow counts.
    private func number(_ state: Int) -> Int {
        let label = Int(labels[state / 2])
        return blank != 0 && label < blank ? label + 1 : label
    }

    /// The column of a state's class; nil where there is none.
    private func column(_ state: Int) -> Int? {
        guard state % 2 == 1 else { return blank }
        let number = number(state)
        guard (0..<classes).contains(number) else { return nil }
        return number == 0 ? blank : number <= blank ? number - 1 : number
    }

    private func emission(_ step: Int, _ state: Int) -> Double {
        guard let column = column(state) else { return 0 }
        return Double(logits[step * classes + column]) - norms[step]
    }

    /// Whether a path may come here from two states before.
    private func skips(_ state: Int) -> Bool { state % 2 == 1 && state > 1 && number(state) != number(state - 2) }

    private func sum(_ a: Double, _ b: Double) -> Double {
        let (high, low) = a > b ? (a, b) : (b, a)
        return low == -.infinity ? high : high + log1p(exp(low - high))
    }

    private func end(_ state: Int) -> Double { fits && state >= states - 2 ? 0 : Self.forbidden }

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
        guard steps > 0 else { return fits && states == 1 ? 0 : Self.forbidden }
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
            // Of a place that is a blank, TensorFlow passes back nothing.
            for state in 0..<states where state % 2 == 0 || number(state) > 0 {
                guard let column = column(state) else { continue }
                row[column] -= scale * Float(exp(alphas[step * states + state] + now[state] - likelihood))
            }
        }
    }
}
