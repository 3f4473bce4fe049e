import Graphs
import Tensors

/// Memory for arrays that the caller has at an address that isn't aligned to 64 bytes, as ops expect it.
final class Staging {
    private let block: Block
    private let offsets: [Int]
    private let byteCounts: [Int]

    init(_ infos: [ConcreteInfo]) throws(LocatedError) {
        var stack = Stack()
        var offsets: [Int] = []
        for info in infos { offsets.append(try stack.push(info.byteCount)) }
        self.offsets = offsets
        byteCounts = infos.map(\.byteCount)
        block = try Block(byteCount: stack.byteCount, for: "inputs and outputs")
    }

    /// The address of array `index`, or that of an aligned copy.
    func read(_ index: Int, at address: UnsafeRawPointer) -> UnsafeMutableRawPointer {
        if address.isAligned { return UnsafeMutableRawPointer(mutating: address) }
        let aligned = block.start + offsets[index]
        aligned.copyMemory(from: address, byteCount: byteCounts[index])
        return aligned
    }

    /// Where to write array `index`, before `deliver` brings it to `address`.
    func write(_ index: Int, for address: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        address.isAligned ? address : block.start + offsets[index]
    }

    func deliver(_ index: Int, to address: UnsafeMutableRawPointer) {
        if address.isAligned { return }
        address.copyMemory(from: block.start + offsets[index], byteCount: byteCounts[index])
    }
}
