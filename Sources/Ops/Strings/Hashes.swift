package import Graphs
package import Tensors

/// How TensorFlow puts strings into buckets.
package enum StringHash: Hashable, Sendable {
    /// `to_hash_bucket_fast`: FarmHash's fingerprint.
    case fast
    /// `to_hash_bucket_strong`: SipHash with two numbers for a key.
    case strong(UInt64, UInt64)

    @inline(__always) func bucket(_ bytes: UnsafeRawBufferPointer, of count: Int) -> Int {
        let hash =
            switch self {
            case .fast: FarmHash.fingerprint(bytes)
            case .strong(let a, let b): SipHash.hash(bytes, key: (a, b))
            }
        return Int(hash % UInt64(count))
    }

    /// The bucket of a whole number, which is hashed as its decimal digits.
    func bucket(_ number: Int64, of count: Int) -> Int {
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { room in
            bucket(UnsafeRawBufferPointer(rebasing: room[Decimal.write(number, to: room)...]), of: count)
        }
    }
}

/// Decimal digits without an allocation.
enum Decimal {
    /// Writes a number at the end of `room`, which must have 20 bytes, and gives the place of its first byte.
    static func write(_ number: Int64, to room: UnsafeMutableRawBufferPointer) -> Int {
        var place = room.count
        var rest = number.magnitude
        repeat {
            place -= 1
            room[place] = UInt8(48 + rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            place -= 1
            room[place] = 45
        }
        return place
    }
}

/// The bucket of each element: strings, whole numbers and floats (cut to whole numbers) give int32 of 0 to `buckets` - 1.
/// Numbers and truth values are hashed as TensorFlow writes them. What equals the mask has bucket 0, and the others share the rest.
package struct HashBuckets: Op {
    /// What has bucket 0 to itself.
    package enum Mask: Hashable, Sendable {
        case string([UInt8])
        case number(Double)
    }

    /// At most 2³¹ - 1.
    package var buckets: Int
    package var hash: StringHash
    package var mask: Mask?

    package init(_ buckets: Int, hash: StringHash = .fast, mask: Mask? = nil) {
        self.buckets = buckets
        self.hash = hash
        self.mask = mask
    }

    package var name: String { "hash_buckets" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        switch (mask, inputs[0].dtype) {
        case (nil, _), (.string, .string), (.number, .int32), (.number, .float32), (.number, .bool): break
        default: throw mismatch(name, "dtype", expected: "a mask of the input's kind", got: inputs[0].dtype.rawValue)
        }
        return [ValueInfo(inputs[0].shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundHashBuckets(op: self, dtype: site.inputs[0].dtype, elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: 30))
    }
}

private struct BoundHashBuckets: BoundOp {
    let op: HashBuckets
    let dtype: DType
    let elements: TileCut

    var cost: Double { 60 * Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
        let masks = op.mask != nil && op.buckets > 1
        let count = masks ? op.buckets - 1 : op.buckets
        for index in elements.range(tile) {
            let bucket: Int
            if dtype == .string {
                let bytes = frame.string(0, index)
                if masks, case .string(let mask) = op.mask, bytes.elementsEqual(mask) { bucket = -1 } else { bucket = op.hash.bucket(bytes, of: count) }
            } else {
                let number =
                    switch dtype {
                    case .int32: Double(frame.integers(0)[index])
                    case .bool: Double(frame.mask(0)[index])
                    default: Double(frame.input(0)[index])
                    }
                if masks, case .number(let mask) = op.mask, mask == number {
                    bucket = -1
                } else if dtype == .bool {
                    let text: StaticString = number == 0 ? "false" : "true"
                    bucket = text.withBytes { op.hash.bucket($0, of: count) }
                } else {
                    bucket = op.hash.bucket(Int64(exactly: number.rounded(.towardZero)) ?? .min, of: count)
                }
            }
            output[index] = Int32(truncatingIfNeeded: masks ? bucket + 1 : bucket)
        }
    }
}

extension StaticString {
    fileprivate func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUTF8Buffer { body(UnsafeRawBufferPointer($0)) }
    }
}

/// The bucket of each tuple that arrays of strings or whole numbers make together: TensorFlow's `sparse.cross_hashed`. The inputs
/// have one shape; int32 of 0 to `buckets` - 1.
package struct CrossHash: Op {
    package var buckets: Int

    package init(_ buckets: Int) { self.buckets = buckets }

    package var name: String { "cross_hash" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...256)
        var shape = inputs[0].shape
        for input in inputs {
            guard [.string, .int32].contains(input.dtype) else {
                throw mismatch(name, "dtype", expected: "strings or whole numbers", got: input.dtype.rawValue)
            }
            guard input.shape.rank == shape.rank, zip(input.shape.dims, shape.dims).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) else {
                throw mismatch(name, expected: "inputs of one shape", got: "\(shape) and \(input.shape)")
            }
            shape = PartialShape(zip(shape.dims, input.shape.dims).map { $0 ?? $1 })
        }
        return [ValueInfo(shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundCrossHash(
            buckets: UInt64(buckets), isText: site.inputs.map { $0.dtype == .string },
            elements: TileCut(elements: site.outputs[0].shape.count, nanoseconds: 20 * Double(site.inputs.count)))
    }
}

private struct BoundCrossHash: BoundOp {
    let buckets: UInt64
    let isText: [Bool]
    let elements: TileCut

    var cost: Double { 40 * Double(elements.extent * isText.count) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
        for index in elements.range(tile) {
            // TensorFlow's own key.
            var hash: UInt64 = 0xdeca_fcaf_fe
            for (input, isText) in isText.enumerated() {
                let own = isText ? FarmHash.fingerprint(frame.string(input, index)) : UInt64(bitPattern: Int64(frame.integers(input)[index]))
                hash = FarmHash.joined(hash, own)
            }
            output[index] = Int32(truncatingIfNeeded: hash % buckets)
        }
    }
}

extension Frame {
    /// The bytes of an element of an input of type string.
    @inline(__always) func string(_ input: Int, _ index: Int) -> UnsafeRawBufferPointer {
        StringStore.bytes(at: inputs[input].assumingMemoryBound(to: UInt.self)[index])
    }
}
