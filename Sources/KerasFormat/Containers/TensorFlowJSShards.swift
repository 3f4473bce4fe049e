import Files
import Foundation
import KerasSpec
import Tensors

/// The shards of one group of a TensorFlow.js manifest: files whose bytes, one after the other, are the group's weights.
///
/// They must lie in the folder of `model.json`, or where a link to `model.json` leads: caches link both to one place. A name
/// with `..`, an absolute one and a link to anywhere else is refused.
struct TensorFlowJSShards: Sendable {
    /// One file and where its bytes begin in the group.
    private struct Shard: Sendable {
        var path: String
        var start: Int
        var count: Int
    }

    private let shards: [Shard]
    /// Of all shards together.
    let byteCount: Int

    /// More than any model is cut into: 4 TB in the usual 4 MB.
    private static let mostShards = 1_000_000

    /// Looks at the files' sizes; nothing is read.
    init(_ paths: [ConfigValue], beside model: String) throws(LocatedError) {
        guard paths.count <= Self.mostShards else {
            throw LocatedError(.invalid, "tfjs.shards", "expected at most \(Self.mostShards) shards, got \(paths.count)")
        }
        let folder = URL(fileURLWithPath: model).deletingLastPathComponent()
        let allowed = [
            folder.resolvingSymlinksInPath().path,
            URL(fileURLWithPath: model).resolvingSymlinksInPath().deletingLastPathComponent().path,
        ]
        var shards: [Shard] = []
        var total = 0
        for (index, value) in paths.enumerated() {
            try locating("paths[\(index)]") { () throws(LocatedError) in
                guard let name = value.string else {
                    throw LocatedError(.invalid, "tfjs.path", "expected the name of a shard, got \(value.summary)")
                }
                let shard = folder.appendingPathComponent(try Self.checked(name))
                let path = shard.resolvingSymlinksInPath().path
                guard allowed.contains(where: { path.hasPrefix($0 == "/" ? $0 : $0 + "/") }) else {
                    throw LocatedError(
                        .invalid, "tfjs.path", "expected a shard in the folder of the model, got a link out of it: \(quoted(name))")
                }
                let count = try InputFile(shard.path).size
                let (sum, overflow) = total.addingReportingOverflow(count)
                guard !overflow else { throw LocatedError(.invalid, "tfjs.size", "expected shards that a disk can hold") }
                shards.append(Shard(path: shard.path, start: total, count: count))
                total = sum
            }
        }
        self.shards = shards
        byteCount = total
    }

    /// A relative name without ways out of the folder, `./` in front of it dropped.
    private static func checked(_ name: String) throws(LocatedError) -> String {
        var parts = name.split(separator: "/", omittingEmptySubsequences: false)
        if parts.first == ".", parts.count > 1 { parts.removeFirst() }
        let isPlain = parts.allSatisfy { $0 != ".." && $0 != "." && !$0.isEmpty }
        let has = { (byte: Character) in name.contains(byte) }
        guard isPlain, !has("\\"), !has("\0"), !has(":"), name.utf8.count <= 1024 else {
            throw LocatedError(
                .invalid, "tfjs.path", "expected the name of a file in the folder of the model, got \(quoted(name))")
        }
        return parts.joined(separator: "/")
    }

    /// Fills a buffer from the group's bytes from `offset` on; the range lies within `byteCount`.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(LocatedError) {
        // Shards are many and in order: begin at the one that holds the first byte.
        var low = 0
        var high = shards.count
        while low < high {
            let middle = (low + high) / 2
            if shards[middle].start + shards[middle].count <= offset { low = middle + 1 } else { high = middle }
        }
        var done = 0
        while done < buffer.count, low < shards.count {
            let shard = shards[low]
            low += 1
            let skipped = offset + done - shard.start
            let count = min(shard.count - skipped, buffer.count - done)
            guard count > 0 else { continue }
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            try InputFile(shard.path).read(into: part, at: skipped)
            done += count
        }
        guard done == buffer.count else {
            throw LocatedError(.io, "file.read", "expected \(buffer.count) bytes at offset \(offset), got \(done)")
        }
    }
}

/// One array of a TensorFlow.js manifest, possibly quantized.
struct TensorFlowJSArray: Sendable {
    let name: String
    private let shape: Shape
    /// What `load` gives.
    private let dtype: DType
    /// What the shards hold.
    private let stored: DType
    /// How integers become numbers: value · scale + min. Nil where they are stored as they are, or as float16.
    private let scaling: (scale: Double, min: Double)?
    private let offset: Int
    private let byteCount: Int

    init(_ json: ConfigValue, at offset: Int) throws(LocatedError) {
        guard let object = json.object, let name = object["name"]?.string, let type = object["dtype"]?.string,
            let extents = object["shape"]?.array
        else {
            throw LocatedError(
                .invalid, "tfjs.weight", "expected a weight with name, shape and dtype, got \(json.summary)")
        }
        let dims = extents.compactMap(\.integer)
        guard dims.count == extents.count, dims.allSatisfy({ $0 >= 0 }), dims.count <= 32, let count = Shape(dims).checkedCount else {
            throw LocatedError(
                .invalid, "tfjs.shape", "expected a shape that a file can hold, got \(JSON.text(.array(extents)))", at: [name])
        }
        guard let dtype = try Self.dtype(type, of: name) else {
            throw LocatedError(.invalid, "tfjs.dtype", "expected an element type of TensorFlow.js, got \(quoted(type))", at: [name])
        }
        var stored = dtype
        var scaling: (scale: Double, min: Double)?
        if let quantization = object["quantization"], !quantization.isNull {
            (stored, scaling) = try locating(name) { () throws(LocatedError) in try Self.quantization(quantization, of: dtype) }
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: stored.byteCount)
        guard !overflow else {
            throw LocatedError(.invalid, "tfjs.shape", "expected a shape that a file can hold, got \(Shape(dims))", at: [name])
        }
        self.name = name
        shape = Shape(dims)
        self.dtype = dtype
        self.stored = stored
        self.scaling = scaling
        self.offset = offset
        byteCount = bytes
    }

    /// Where the next array begins.
    func end(within total: Int) throws(LocatedError) -> Int {
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, end <= total else {
            throw LocatedError(
                .invalid, "tfjs.size",
                "expected \(byteCount) bytes at offset \(offset) of the group's shards, got \(total) bytes in all of them",
                at: [name], hint: "A shard may be missing its end: copy all of them again.")
        }
        return end
    }

    private static func dtype(_ name: String, of weight: String) throws(LocatedError) -> DType? {
        switch name {
        case "float32": return .float32
        case "float16": return .float16
        case "int32": return .int32
        case "uint8": return .uint8
        case "uint16": return .uint16
        case "bool": return .bool
        case "string", "complex64":
            throw LocatedError(.unsupported, "tfjs.dtype", "expected numbers, got \(name)", at: [weight])
        default: return nil
        }
    }

    private static func quantization(
        _ json: ConfigValue, of dtype: DType
    ) throws(LocatedError) -> (stored: DType, scaling: (scale: Double, min: Double)?) {
        switch json.object?["dtype"]?.string {
        case "float16" where dtype == .float32: return (.float16, nil)
        case "uint8", "uint16":
            guard dtype == .float32 || dtype == .int32, let scale = json.object?["scale"]?.number,
                let min = json.object?["min"]?.number, scale.isFinite, min.isFinite
            else { break }
            return (json.object?["dtype"] == "uint8" ? .uint8 : .uint16, (scale, min))
        default: break
        }
        throw LocatedError(
            .invalid, "tfjs.quantization",
            "expected float16, or uint8 or uint16 with scale and min, of a \(dtype.rawValue) array, got \(JSON.text(json))")
    }

    /// The array, read from the shards when it is loaded.
    func tensor(in shards: TensorFlowJSShards) -> LazyTensor {
        LazyTensor(shape: shape, dtype: dtype) { () throws(LocatedError) in
            try Memory.require(shape, dtype: dtype, for: "a weight")
            let tensor = try locating(name) { () throws(LocatedError) in try read(shards) }
            guard let scaling else { return tensor.asType(dtype) }
            return Self.scaled(tensor, scaling, to: dtype)
        }
    }

    private func read(_ shards: TensorFlowJSShards) throws(LocatedError) -> Tensor {
        var tensor = Tensor(uninitialized: shape, dtype: stored)
        var failure: LocatedError?
        tensor.withUnsafeMutableBytes { bytes in
            do throws(LocatedError) {
                try shards.read(into: bytes, at: offset)
                if stored == .bool { for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 } }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return tensor
    }

    /// In double precision, as NumPy and JavaScript compute it.
    private static func scaled(_ tensor: Tensor, _ scaling: (scale: Double, min: Double), to dtype: DType) -> Tensor {
        var values = tensor.asType(.float64)
        values.withUnsafeMutableBytes { bytes in
            let numbers = bytes.bindMemory(to: Double.self)
            for index in numbers.indices {
                let value = numbers[index] * scaling.scale + scaling.min
                guard dtype == .int32 else {
                    numbers[index] = value
                    continue
                }
                numbers[index] = min(max(value.rounded(.toNearestOrEven), Double(Int32.min)), Double(Int32.max))
            }
        }
        return values.asType(dtype)
    }
}
