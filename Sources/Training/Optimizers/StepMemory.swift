import Engine
import Kernels
import Tensors

/// The memory of an optimizer's steps: tiles, pointers to gradients, clipping. Made once, so that a step allocates nothing.
final class StepMemory {
    /// Some elements of one weight, or all of it.
    struct Tile {
        var place: Int
        var offset: Int
        var count: Int
    }

    /// How averages of weights follow them.
    struct Averaging {
        var momentum: Float
        var rest: Float
        var overwrites: Bool
    }

    /// A weight as a stack of matrices.
    struct Extents {
        var groups: Int
        var rows: Int
        var columns: Int
    }

    /// What is known of the lookups that a table's gradient is the sum of.
    struct Lookups {
        /// By element: the sums of their squares.
        var squares: UnsafePointer<Float>?
        /// By element: what takes the place of the gradient's square, the squares or what the rule has instead.
        var terms: UnsafePointer<Float>?
        /// By row.
        var counts: UnsafePointer<Float>?
        /// Lookups' gradients were limited already.
        var isLimited = false
    }

    /// All that a tile's work needs, as a plain struct.
    struct Job {
        var rule: StepRule
        var rate: Float
        var tiles: UnsafeMutablePointer<Tile>
        var weights: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
        var slots: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
        var averages: UnsafeMutablePointer<UnsafeMutablePointer<Float>>?
        var sums: UnsafeMutablePointer<UnsafeMutablePointer<Float>>?
        var gradients: UnsafeMutablePointer<UnsafePointer<Float>?>
        var lookups: UnsafeMutablePointer<Lookups>
        var clipping: UnsafeMutablePointer<GradientClipping>
        var factors: UnsafeMutablePointer<StepFactors>
        var decays: UnsafeMutablePointer<Float>?
        var extents: UnsafeMutablePointer<Extents>
        var isKept: UnsafeMutablePointer<Bool>
        var matrices: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
        var partials: UnsafeMutablePointer<Float>
        var places: Int
        var averaging: Averaging?
        /// Of gradients whose squares are summed.
        var squareLimit = Float.infinity
        /// Batches whose gradients make a step, in the last of them; 0 before.
        var batches: Float = 0
    }

    /// Elements of a tile: a few arrays of it fit into a core's cache.
    static let tileSize = 16384

    /// By kind and place: whether the array is kept.
    let isKept: [Bool]
    /// By weight: the sum of squares of its gradient.
    let squares: UnsafeMutableBufferPointer<Double>
    let factors: UnsafeMutableBufferPointer<StepFactors>
    private let tileCount: Int
    private let places: Int
    private var base: Job
    private let wholes: UnsafeMutablePointer<Tile>
    private let counts: [Int]

    /// - Parameters:
    ///   - slots: kind by kind, for each weight.
    ///   - isKept: of the same order, perhaps of more kinds.
    ///   - decays: by weight; empty: none decays.
    ///   - needsMatrices: whether matrices need memory for products with themselves.
    init(
        weights: [UnsafeMutablePointer<Float>], shapes: [Shape], slots: [UnsafeMutablePointer<Float>],
        averages: [UnsafeMutablePointer<Float>]?, gradientSums: [UnsafeMutablePointer<Float>]?, isKept: [Bool],
        decays: [Float], needsMatrices: Bool
    ) {
        let counts = shapes.map(\.count)
        self.counts = counts
        var tiles: [Tile] = []
        for (place, count) in counts.enumerated() {
            for offset in stride(from: 0, to: count, by: Self.tileSize) {
                tiles.append(Tile(place: place, offset: offset, count: min(Self.tileSize, count - offset)))
            }
        }
        let places = counts.count
        self.places = places
        tileCount = tiles.count
        self.isKept = isKept
        squares = .allocate(capacity: places)
        squares.initialize(repeating: 0)
        factors = .allocate(capacity: places)
        factors.initialize(repeating: StepFactors(first: 0, second: 0))
        wholes = Self.allocated(counts.enumerated().map { Tile(place: $0, offset: 0, count: $1) })
        let extents = shapes.map { shape in
            let (rank, dims) = (shape.rank, shape.dims)
            guard rank >= 2 else { return Extents(groups: 1, rows: 1, columns: shape.count) }
            return Extents(groups: dims.dropLast(2).reduce(1, *), rows: dims[rank - 2], columns: dims[rank - 1])
        }
        let matrices: [UnsafeMutablePointer<Float>?] = extents.indices.map { place in
            guard needsMatrices, shapes[place].rank == 2, !isKept[places + place] else { return nil }
            return .allocate(capacity: MuonStep.workspace(extents[place].rows, extents[place].columns))
        }
        base = Job(
            rule: .still, rate: 0, tiles: Self.allocated(tiles), weights: Self.allocated(weights), slots: Self.allocated(slots),
            averages: averages.map(Self.allocated), sums: gradientSums.map(Self.allocated),
            gradients: Self.allocated([UnsafePointer<Float>?](repeating: nil, count: places)),
            lookups: Self.allocated([Lookups](repeating: Lookups(), count: places)),
            clipping: Self.allocated([GradientClipping](repeating: .none, count: places)),
            factors: factors.baseAddress ?? .allocate(capacity: 1),
            decays: decays.contains { $0 != 0 } ? Self.allocated(decays) : nil, extents: Self.allocated(extents),
            isKept: Self.allocated(isKept), matrices: Self.allocated(matrices),
            partials: Self.allocated([Float](repeating: 0, count: max(tileCount, places))), places: places)
    }

    private static func allocated<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
        pointer.initialize(from: elements, count: elements.count)
        return pointer
    }

    deinit {
        for place in 0..<places { base.matrices[place]?.deallocate() }
        base.tiles.deallocate()
        base.weights.deallocate()
        base.slots.deallocate()
        base.averages?.deallocate()
        base.sums?.deallocate()
        base.gradients.deallocate()
        base.lookups.deallocate()
        base.clipping.deallocate()
        base.decays?.deallocate()
        base.extents.deallocate()
        base.isKept.deallocate()
        base.matrices.deallocate()
        base.partials.deallocate()
        wholes.deallocate()
        squares.deallocate()
        factors.deallocate()
    }

    func clearGradients() {
        base.gradients.update(repeating: nil, count: places)
        base.lookups.update(repeating: Lookups(), count: places)
    }
    func setGradient(_ place: Int, _ gradient: UnsafePointer<Float>) { base.gradients[place] = gradient }
    func setLookups(_ place: Int, _ lookups: Lookups) { base.lookups[place] = lookups }

    /// - Parameter usesTerms: whether steps know of lookups.
    func resetClipping(limit: Float, usesTerms: Bool) {
        for place in 0..<places {
            let lookups = base.lookups[place]
            base.clipping[place] = GradientClipping(
                scale: 1, limit: lookups.isLimited ? .infinity : limit, squares: usesTerms ? lookups.terms : nil)
        }
    }
    func scale(_ place: Int, by factor: Float, scalesLimit: Bool) {
        base.clipping[place].scale = factor
        if scalesLimit { base.clipping[place].limit *= factor }
    }

    // MARK: Work

    /// - Parameter limit: gradients are limited to −limit … limit first.
    func sumSquares(_ pool: ThreadPool, limit: Float) {
        var job = base
        job.squareLimit = limit
        pool.run(
            tiles: tileCount,
            { job, number, _ in
                let job = job.assumingMemoryBound(to: Job.self).pointee
                let tile = job.tiles[number]
                guard let gradient = job.gradients[tile.place] else { return job.partials[number] = 0 }
                if let squares = job.lookups[tile.place].squares {
                    var sum = 0.0
                    for element in tile.offset..<tile.offset + tile.count { sum += Double(squares[element]) }
                    job.partials[number] = Float(sum)
                } else {
                    let limit = job.lookups[tile.place].isLimited ? .infinity : job.squareLimit
                    job.partials[number] = sumOfSquares(gradient + tile.offset, limit: limit, count: tile.count)
                }
            }, &job)
        squares.update(repeating: 0)
        for number in 0..<tileCount { squares[base.tiles[number].place] += Double(base.partials[number]) }
    }

    /// Whether all gradients are.
    func isFinite(_ pool: ThreadPool) -> Bool {
        var job = base
        pool.run(
            tiles: tileCount,
            { job, number, _ in
                let job = job.assumingMemoryBound(to: Job.self).pointee
                let tile = job.tiles[number]
                guard let gradient = job.gradients[tile.place] else { return job.partials[number] = 0 }
                job.partials[number] = Kernels.isFinite(gradient + tile.offset, count: tile.count) ? 0 : 1
            }, &job)
        for number in 0..<tileCount where base.partials[number] != 0 { return false }
        return true
    }

    /// Adds gradients to their sums; with `batches` these become means and take the gradients' place.
    func accumulate(_ pool: ThreadPool, batches: Int?) {
        guard let sums = base.sums else { return }
        var job = base
        job.batches = Float(batches ?? 0)
        pool.run(
            tiles: tileCount,
            { job, number, _ in
                let job = job.assumingMemoryBound(to: Job.self).pointee
                let tile = job.tiles[number]
                guard let gradient = job.gradients[tile.place], let sums = job.sums else { return }
                accumulateGradient(
                    sums[tile.place] + tile.offset, gradient + tile.offset, steps: job.batches > 0 ? job.batches : nil,
                    count: tile.count)
            }, &job)
        guard batches != nil else { return }
        for place in 0..<places where base.gradients[place] != nil { base.gradients[place] = UnsafePointer(sums[place]) }
    }

    /// Sums of gradients begin anew.
    func clearSums() {
        guard let sums = base.sums else { return }
        for place in 0..<places { sums[place].update(repeating: 0, count: counts[place]) }
    }

    func run(_ pool: ThreadPool, _ rule: StepRule, rate: Float, _ averaging: Averaging?) {
        var job = base
        job.rule = rule
        job.rate = rate
        job.averaging = averaging
        if rule.isWhole { job.tiles = wholes }
        pool.run(
            tiles: rule.isWhole ? places : tileCount,
            { job, number, _ in StepMemory.run(job.assumingMemoryBound(to: Job.self).pointee, number) }, &job)
    }

    private static func run(_ job: Job, _ number: Int) {
        let tile = job.tiles[number]
        guard let start = job.gradients[tile.place] else { return }
        let (weight, count) = (job.weights[tile.place] + tile.offset, tile.count)
        if job.rule != .still {
            if let decays = job.decays, decays[tile.place] != 0 {
                decayWeights(weight, decay: decays[tile.place], rate: job.rate, count: count)
            }
            if let counts = job.lookups[tile.place].counts {
                stepRows(job, tile, counts, start)
            } else {
                step(job, job.rule, tile, weight, start + tile.offset)
            }
        }
        if let averaging = job.averaging, let averages = job.averages {
            followAverage(
                weight, averages[tile.place] + tile.offset, momentum: averaging.momentum, rest: averaging.rest,
                overwrites: averaging.overwrites, count: count)
        }
    }

    /// Steps of those rows of a table that were looked up; of the others, what the rule does without a lookup.
    private static func stepRows(_ job: Job, _ tile: Tile, _ counts: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>) {
        let (width, end) = (job.extents[tile.place].columns, tile.offset + tile.count)
        var offset = tile.offset
        while offset < end {
            let isLookedUp = counts[offset / width] > 0
            var next = offset
            while next < end, (counts[next / width] > 0) == isLookedUp { next = min(end, (next / width + 1) * width) }
            if let rule = isLookedUp ? job.rule : job.rule.withoutLookup {
                step(
                    job, rule, Tile(place: tile.place, offset: offset, count: next - offset), job.weights[tile.place] + offset,
                    gradient + offset)
            }
            offset = next
        }
    }

    private static func step(
        _ job: Job, _ rule: StepRule, _ tile: Tile, _ weight: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>
    ) {
        let (place, count) = (tile.place, tile.count)
        var clipping = job.clipping[place]
        clipping.squares = clipping.squares.map { $0 + tile.offset }
        func slot(_ kind: Int) -> UnsafeMutablePointer<Float> { job.slots[kind * job.places + place] + tile.offset }
        switch rule {
        case .still: break
        case .sgd(let rate): sgdStep(weight, gradient, clipping, rate: rate, count: count)
        case .momentum(let rate, let momentum, let nesterov):
            sgdMomentumStep(
                weight, gradient, slot(0), clipping, rate: rate, momentum: momentum, nesterov: nesterov, count: count)
        case .rmsprop(let rate, let rho, let rest, let epsilon, let epsilonInside):
            rmspropStep(
                weight, gradient, slot(0), clipping, rate: rate, rho: rho, rest: rest, epsilon: epsilon,
                epsilonInside: epsilonInside, count: count)
        case .rmspropMore(let rate, let rho, let rest, let momentum, let epsilon, let epsilonInside, let centered):
            rmspropStep(
                weight, gradient, slot(0), mean: centered ? slot(momentum != 0 ? 2 : 1) : nil,
                velocity: momentum != 0 ? slot(1) : nil, clipping, rate: rate, rho: rho, rest: rest, momentum: momentum,
                epsilon: epsilon, epsilonInside: epsilonInside, count: count)
        case .adagrad(let rate, let epsilon, let epsilonInside):
            adagradStep(
                weight, gradient, slot(0), clipping, rate: rate, epsilon: epsilon, epsilonInside: epsilonInside, count: count)
        case .adadelta(let rate, let rho, let rest, let epsilon):
            adadeltaStep(
                weight, gradient, slot(0), slot(1), clipping, rate: rate, rho: rho, rest: rest, epsilon: epsilon, count: count)
        case .adam(let rate, let beta1, let rest1, let beta2, let rest2, let epsilon, let keepsLargest):
            adamStep(
                weight, gradient, slot(0), slot(1), largest: keepsLargest ? slot(2) : nil, clipping, rate: rate, beta1: beta1,
                rest1: rest1, beta2: beta2, rest2: rest2, epsilon: epsilon, count: count)
        case .adamax(let rate, let beta1, let rest1, let beta2, let epsilon):
            adamaxStep(
                weight, gradient, slot(0), slot(1), clipping, rate: rate, beta1: beta1, rest1: rest1, beta2: beta2,
                epsilon: epsilon, count: count)
        case .nadam(let rate, let beta1, let rest1, let beta2, let rest2, let correction, let epsilon):
            nadamStep(
                weight, gradient, slot(0), slot(1), clipping, rate: rate, beta1: beta1, rest1: rest1, beta2: beta2,
                rest2: rest2, first: job.factors[place].first, second: job.factors[place].second, correction: correction,
                epsilon: epsilon, count: count)
        case .ftrl(let rate, let power, let l1, let l2, let shrinkage):
            ftrlStep(
                weight, gradient, slot(0), slot(1), clipping, rate: rate, power: power, l1: l1, l2: l2, shrinkage: shrinkage,
                count: count)
        case .lion(let rate, let beta1, let rest1, let beta2, let rest2):
            lionStep(
                weight, gradient, slot(0), clipping, rate: rate, beta1: beta1, rest1: rest1, beta2: beta2, rest2: rest2,
                count: count)
        case .scheduleFree(
            let rate, let beta1, let rest1, let beta2, let rest2, let correction, let share, let epsilon):
            scheduleFreeStep(
                weight, gradient, slot(0), slot(1), clipping, rate: rate, beta1: beta1, rest1: rest1, beta2: beta2,
                rest2: rest2, correction: correction, share: share, epsilon: epsilon, count: count)
        case .lamb(
            let rate, let beta1, let rest1, let beta2, let rest2, let correction1, let correction2, let epsilon):
            lambStep(
                weight, gradient, slot(0), slot(1), clipping, rate: rate, beta1: beta1, rest1: rest1, beta2: beta2,
                rest2: rest2, correction1: correction1, correction2: correction2, epsilon: epsilon, count: count)
        case .adafactor(let rate, let decay, let rest, let epsilon1, let epsilon2, let threshold):
            let extents = job.extents[place]
            let isMatrix = job.isKept[place]
            adafactorStep(
                weight, gradient, r: isMatrix ? slot(0) : nil, c: isMatrix ? slot(1) : nil, slot(2), clipping, rate: rate,
                decay: decay, rest: rest, epsilon1: epsilon1, epsilon2: epsilon2, threshold: threshold,
                groups: extents.groups, rows: extents.rows, columns: extents.columns)
        case .muon(let rule):
            guard let memory = job.matrices[place] else {
                return adamStep(
                    weight, gradient, slot(0), slot(1), largest: nil, clipping, rate: rule.adamRate, beta1: rule.beta1,
                    rest1: rule.rest1, beta2: rule.beta2, rest2: rule.rest2, epsilon: rule.epsilon, count: count)
            }
            MuonStep.run(
                rule, weight, gradient, slot(0), clipping, rows: job.extents[place].rows, columns: job.extents[place].columns,
                memory)
        }
    }
}

/// Muon's step of a matrix.
enum MuonStep {
    /// Elements of memory that a step uses.
    static func workspace(_ rows: Int, _ columns: Int) -> Int {
        let side = min(rows, columns)
        return 2 * rows * columns + 2 * side * side + sgemmWorkspace + 16
    }

    static func run(
        _ rule: MuonRule, _ weight: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
        _ moment: UnsafeMutablePointer<Float>, _ clipping: GradientClipping, rows: Int, columns: Int,
        _ memory: UnsafeMutablePointer<Float>
    ) {
        let (count, side) = (rows * columns, min(rows, columns))
        // `sgemm` wants its workspace on a boundary of 64 bytes.
        let address = UInt(bitPattern: memory)
        let workspace = memory + Int((64 - address % 64) % 64) / MemoryLayout<Float>.stride
        let x = workspace + sgemmWorkspace
        let next = x + count
        let product = next + count
        let polynomial = product + side * side
        muonMomentum(x, gradient, moment, clipping, momentum: rule.momentum, nesterov: rule.nesterov, count: count)
        var square = 0.0
        for element in 0..<count { square += Double(x[element]) * Double(x[element]) }
        let norm = Float(square.squareRoot()) + 1e-7
        for element in 0..<count { x[element] /= norm }
        let isTall = rows > columns
        for _ in 0..<rule.rounds {
            sgemm(
                transposeA: isTall, transposeB: !isTall, side, side, isTall ? rows : columns, x, lda: columns, x, ldb: columns,
                product, ldc: side, workspace: workspace)
            sgemm(side, side, side, product, lda: side, product, ldb: side, polynomial, ldc: side, workspace: workspace)
            for element in 0..<side * side { polynomial[element] = rule.b * product[element] + rule.c * polynomial[element] }
            if isTall {
                sgemm(rows, columns, side, x, lda: columns, polynomial, ldb: side, next, ldc: columns, workspace: workspace)
            } else {
                sgemm(rows, columns, side, polynomial, lda: side, x, ldb: columns, next, ldc: columns, workspace: workspace)
            }
            for element in 0..<count { x[element] = rule.a * x[element] + next[element] }
        }
        let scale = rule.rmsRate.map { Float(max(rows, columns)).squareRoot() * $0 } ?? 1
        for element in 0..<count { weight[element] -= rule.rate * x[element] * scale }
    }
}
