package import Graphs
package import Tensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The labels that the outputs of a CTC model most probably spell, found by going on from the best beginnings at each step.
///
/// Inputs: logits (batch, steps, classes), and how many steps count of each sample (batch), int32. Outputs: labels (paths,
/// batch, steps) of int32, -1 behind the last; their log probabilities (batch, paths). Where there are fewer beginnings than
/// paths (a sample without steps), a path is empty and its probability 0.
/// Labels count from 0 as in the logits. Probabilities are computed in float32 like TensorFlow's; no gradients.
/// Source: tensorflow/core/util/ctc/ctc_beam_search.h (without a scorer, repeated labels not merged); `ctc_decode` of
/// keras/src/backend/tensorflow/nn.py (3.15).
package struct CTCBeamSearch: Op {
    /// How many beginnings are gone on with.
    package var width: Int
    package var paths: Int
    /// The class that is the blank, negative from the end; nil for the last.
    package var blank: Int?

    package init(width: Int, paths: Int, blank: Int?) {
        self.width = width
        self.paths = paths
        self.blank = blank
    }

    package var name: String { "ctc_beam_search" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[0], is: .float32, "logits")
        try require(name, inputs[1], is: .int32, "lengths")
        let x = inputs[0].shape
        guard x.rank == 3, x[2] != 0 else { throw mismatch(name, expected: "logits (batch, steps, classes)", got: "\(x)") }
        try requireVector(name, inputs[1], x[0], "vector of lengths")
        if let classes = x[2], let blank, !(-classes..<classes).contains(blank) {
            throw mismatch(name, "blank", expected: "a blank among \(classes) classes", got: "\(blank)")
        }
        guard (1...Self.widest).contains(width), (1...width).contains(paths) else {
            throw mismatch(
                name, "width", expected: "1 to \(Self.widest) beginnings, and as many paths or fewer", got: "\(width) and \(paths)")
        }
        if let steps = x[1], let classes = x[2] {
            guard steps < 1 << 24, classes < 1 << 24, 2 * width * (steps + 1) < 1 << 30 else {
                throw LocatedError(.unsupported, "\(name).size", "\(name) expected an input that can be gone through, got \(x)")
            }
        }
        return [ValueInfo(PartialShape([paths, x[0] ?? inputs[1].shape[0], x[1]]), .int32), ValueInfo(PartialShape([x[0] ?? inputs[1].shape[0], paths]))]
    }

    private static let widest = 1 << 16

    package func bound(to site: Site) -> any BoundOp {
        let x = site.inputs[0].shape
        return BoundBeamSearch(
            batch: x[0], steps: x[1], classes: x[2], width: width, paths: paths, sources: Self.sources(blank: blank, classes: x[2]),
            place: blank.map { $0 < 0 ? $0 + x[2] : $0 })
    }

    /// The columns of the logits with the blank last, as Keras hands them on.
    private static func sources(blank: Int?, classes: Int) -> [Int] {
        guard let blank else { return Array(0..<classes) }
        let place = blank < 0 ? blank + classes : blank
        return Array(0..<place) + Array(place + 1..<classes) + [place]
    }
}

/// A beginning of a label: a node of a tree whose root is the empty one. Numbers are logarithms.
private struct Beginning {
    var parent: Int32
    /// -1 for the root, -2 for a node that is free again.
    var label: Int32
    /// The children are a list.
    var firstChild: Int32 = -1
    var sibling: Int32 = -1
    /// Whether it is among those that this step began with.
    var isOld = false
    /// With a blank at the end, with the label at the end, and either: of this step, and of the one before.
    var blank = -Float.infinity
    var labelled = -Float.infinity
    var total = -Float.infinity
    var oldBlank = -Float.infinity
    var oldTotal = -Float.infinity

    /// Whether it is gone on with.
    var isActive: Bool { total != -.infinity }

    mutating func leave() { (blank, labelled, total) = (-.infinity, -.infinity, -.infinity) }
}

private struct BoundBeamSearch: BoundOp {
    let batch: Int
    let steps: Int
    let classes: Int
    let width: Int
    let paths: Int
    let sources: [Int]
    let place: Int?

    /// Beginnings at most: those that are gone on with and those of the step before, with their own beginnings.
    private var most: Int { 2 * width * (steps + 1) + 2 }
    private var treeBytes: Int { alignedBytes(most * MemoryLayout<Beginning>.stride) }
    private var listBytes: Int { alignedBytes(width * 4) }

    var memory: WorkingMemory {
        WorkingMemory(workerScratch: treeBytes + 2 * listBytes + alignedBytes(sources.count * 4) + alignedBytes(most * 4))
    }
    var cost: Double { Double(batch * steps * sources.count) * Double(width) * 8 }
    var forwardStages: [Int] { [batch] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var search = Search(
            width: width, classes: sources.count, most: most, area: frame.workerScratch, treeBytes: treeBytes, listBytes: listBytes,
            classBytes: alignedBytes(sources.count * 4))
        let own = min(max(Int(frame.integers(1)[tile]), 0), steps)
        for step in 0..<own { search.go(frame.input(0) + (tile * steps + step) * classes, sources) }
        search.sort()
        let labels = frame.outputs[0].assumingMemoryBound(to: Int32.self)
        for path in 0..<paths {
            let row = labels + (path * batch + tile) * steps
            row.update(repeating: -1, count: steps)
            frame.output(1)[tile * paths + path] = search.write(path, to: row) { label in
                guard let place, Int(label) >= place else { return label }
                return label + 1
            }
        }
    }
}

/// One sample's search.
private struct Search {
    private let width: Int
    private let classes: Int
    private let tree: UnsafeMutablePointer<Beginning>
    /// Those that are gone on with: a heap whose first is the least probable.
    private let leaves: UnsafeMutablePointer<Int32>
    /// Those that a step began with, the most probable first.
    private let branches: UnsafeMutablePointer<Int32>
    /// By label, the child of the one that is gone on from; -1 for none.
    private let children: UnsafeMutablePointer<Int32>
    /// Nodes that are free again.
    private let free: UnsafeMutablePointer<Int32>
    private var leafCount = 1
    private var used = 1
    private var freeCount = 0

    init(width: Int, classes: Int, most: Int, area: UnsafeMutableRawPointer, treeBytes: Int, listBytes: Int, classBytes: Int) {
        (self.width, self.classes) = (width, classes)
        tree = area.bindMemory(to: Beginning.self, capacity: most)
        leaves = (area + treeBytes).assumingMemoryBound(to: Int32.self)
        branches = (area + treeBytes + listBytes).assumingMemoryBound(to: Int32.self)
        children = (area + treeBytes + 2 * listBytes).assumingMemoryBound(to: Int32.self)
        free = (area + treeBytes + 2 * listBytes + classBytes).assumingMemoryBound(to: Int32.self)
        children.update(repeating: -1, count: classes)
        tree.initialize(to: Beginning(parent: -1, label: -1))
        (tree[0].total, tree[0].blank) = (0, 0)
        leaves[0] = 0
    }

    private func sum(_ a: Float, _ b: Float) -> Float {
        let (high, low) = a > b ? (a, b) : (b, a)
        return low == -.infinity ? high : high + log1pf(expf(low - high))
    }

    // MARK: the heap

    private func isLess(_ a: Int, _ b: Int) -> Bool { tree[Int(leaves[a])].total < tree[Int(leaves[b])].total }

    private func swap(_ a: Int, _ b: Int) { (leaves[a], leaves[b]) = (leaves[b], leaves[a]) }

    private func sink(_ start: Int, _ count: Int) {
        var place = start
        while 2 * place + 1 < count {
            var child = 2 * place + 1
            if child + 1 < count, isLess(child + 1, child) { child += 1 }
            guard isLess(child, place) else { return }
            swap(child, place)
            place = child
        }
    }

    private mutating func push(_ node: Int32) {
        leaves[leafCount] = node
        var place = leafCount
        leafCount += 1
        while place > 0, isLess(place, (place - 1) / 2) {
            swap(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// Puts the leaves in order, the most probable first; a heap no more.
    mutating func sort() {
        var count = leafCount
        while count > 1 {
            count -= 1
            swap(0, count)
            sink(0, count)
        }
    }

    // MARK: the tree

    private mutating func child(of parent: Int32, _ label: Int32) -> Int32 {
        let node: Int32
        if freeCount > 0 {
            freeCount -= 1
            node = free[freeCount]
        } else {
            node = Int32(truncatingIfNeeded: used)
            used += 1
        }
        (tree + Int(node)).initialize(to: Beginning(parent: parent, label: label, sibling: tree[Int(parent)].firstChild))
        tree[Int(parent)].firstChild = node
        return node
    }

    /// Gives nodes back that nothing goes on from: this one, then what it went on from.
    private mutating func drop(_ node: Int32) {
        var node = node
        while tree[Int(node)].label >= 0, !tree[Int(node)].isActive, !tree[Int(node)].isOld, tree[Int(node)].firstChild < 0 {
            let parent = tree[Int(node)].parent
            if tree[Int(parent)].firstChild == node {
                tree[Int(parent)].firstChild = tree[Int(node)].sibling
            } else {
                var other = tree[Int(parent)].firstChild
                while tree[Int(other)].sibling != node { other = tree[Int(other)].sibling }
                tree[Int(other)].sibling = tree[Int(node)].sibling
            }
            tree[Int(node)].label = -2
            free[freeCount] = node
            freeCount += 1
            node = parent
        }
    }

    // MARK: a step

    mutating func go(_ row: UnsafePointer<Float>, _ sources: [Int]) {
        var largest = -Float.infinity
        for source in sources { largest = max(largest, row[source]) }
        var total: Float = 0
        for source in sources { total += expf(row[source] - largest) }
        let norm = largest + logf(total)

        sort()
        let count = leafCount
        for place in 0..<count {
            branches[place] = leaves[place]
            let node = Int(leaves[place])
            tree[node].isOld = true
            (tree[node].oldBlank, tree[node].oldTotal) = (tree[node].blank, tree[node].total)
        }
        leafCount = 0
        for place in 0..<count {
            let node = Int(branches[place])
            if tree[node].parent >= 0 {
                let parent = tree[Int(tree[node].parent)]
                if parent.isActive {
                    tree[node].labelled = sum(
                        tree[node].labelled, tree[node].label == parent.label ? parent.oldBlank : parent.oldTotal)
                }
                tree[node].labelled += row[sources[Int(tree[node].label)]] - norm
            }
            tree[node].blank = tree[node].oldTotal + row[sources[classes - 1]] - norm
            tree[node].total = sum(tree[node].blank, tree[node].labelled)
            push(branches[place])
        }
        for place in 0..<count { grow(branches[place], row, sources, norm) }
        for place in 0..<count { tree[Int(branches[place])].isOld = false }
        for place in 0..<count { drop(branches[place]) }
    }

    private func isCandidate(_ total: Float) -> Bool {
        total > -.infinity && (leafCount < width || total > tree[Int(leaves[0])].total)
    }

    private mutating func grow(_ node: Int32, _ row: UnsafePointer<Float>, _ sources: [Int], _ norm: Float) {
        let from = tree[Int(node)]
        guard isCandidate(from.oldTotal) else { return }
        var listed = from.firstChild
        while listed >= 0 {
            children[Int(tree[Int(listed)].label)] = listed
            listed = tree[Int(listed)].sibling
        }
        for label in 0..<classes - 1 {
            let known = children[label]
            children[label] = -1
            if known >= 0, tree[Int(known)].isActive { continue }
            let total = row[sources[label]] - norm + (Int32(truncatingIfNeeded: label) == from.label ? from.oldBlank : from.oldTotal)
            guard isCandidate(total) else { continue }
            let child = known >= 0 ? known : self.child(of: node, Int32(truncatingIfNeeded: label))
            (tree[Int(child)].blank, tree[Int(child)].labelled, tree[Int(child)].total) = (-.infinity, total, total)
            guard leafCount == width else {
                push(child)
                continue
            }
            let last = leaves[0]
            tree[Int(last)].leave()
            leaves[0] = child
            sink(0, leafCount)
            drop(last)
        }
    }

    // MARK: results

    /// Writes a path's labels, and gives its log probability; nothing where there aren't as many.
    func write(_ path: Int, to row: UnsafeMutablePointer<Int32>, _ named: (Int32) -> Int32) -> Float {
        guard path < leafCount else { return -.infinity }
        var length = 0
        var node = leaves[path]
        while tree[Int(node)].parent >= 0 {
            length += 1
            node = tree[Int(node)].parent
        }
        node = leaves[path]
        while tree[Int(node)].parent >= 0 {
            length -= 1
            row[length] = named(tree[Int(node)].label)
            node = tree[Int(node)].parent
        }
        return tree[Int(leaves[path])].total
    }
}
