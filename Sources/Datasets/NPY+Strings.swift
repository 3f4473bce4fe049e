import Pickles
import Tensors

extension NPY {
    /// Reads the elements of an array of strings: each in its room, filled up with zeros.
    ///
    /// Throws 65 `npy.text` for what is no Unicode.
    static func strings(
        _ header: NPYHeader, _ text: NPYHeader.Text, _ next: (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void
    ) throws(LocatedError) -> Tensor {
        if case .objects(let size) = text { return try objects(header, size, next) }
        try Memory.require(header.shape, dtype: .string, for: "an array of strings")
        let room = text.byteCount
        var element = [UInt8](repeating: 0, count: room)
        var strings: [[UInt8]] = []
        strings.reserveCapacity(header.shape.count)
        for _ in 0..<header.shape.count {
            try element.withUnsafeMutableBufferPointer { (bytes) throws(LocatedError) in try next(UnsafeMutableRawBufferPointer(bytes)) }
            switch text {
            case .bytes: strings.append(Array(element[..<((element.lastIndex { $0 != 0 } ?? -1) + 1)]))
            case .characters, .objects: strings.append(try utf8(element, header.bigEndian))
            }
        }
        let tensor = Tensor(byteStrings: strings, shape: header.shape)
        return header.fortranOrder && header.shape.rank > 1 ? fromFortranOrder(tensor) : tensor
    }

    /// Reads an array of Python's objects, all of which must be text or bytes. Nothing in the pickle is run.
    ///
    /// Throws 69 `npy.dtype` for other objects, `pickle.…` for a broken or other pickle.
    private static func objects(
        _ header: NPYHeader, _ size: Int, _ next: (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void
    ) throws(LocatedError) -> Tensor {
        var bytes = [UInt8](repeating: 0, count: size)
        try bytes.withUnsafeMutableBufferPointer { (buffer) throws(LocatedError) in try next(UnsafeMutableRawBufferPointer(buffer)) }
        let pickle = try Unpickler.read(bytes, .keras)
        guard case .array(let number) = pickle.root, let array = pickle.arrays[number], let items = array.items, array.shape == header.shape else {
            throw LocatedError(.invalid, "npy.objects", "expected an array of objects of shape \(header.shape), got \(pickle.root.kind)")
        }
        // One text under many places would take memory without end.
        var budget = max(size, 1 << 20)
        var strings: [[UInt8]] = []
        for item in pickle.lists[items] {
            switch item {
            case .text(let text), .bytes(let text):
                budget -= text.count
                guard budget >= 0 else {
                    throw LocatedError(.unsupported, "npy.objects", "expected every text about once, got more bytes than the file has")
                }
                strings.append(Array(text))
            default:
                throw LocatedError(
                    .unsupported, "npy.dtype", "expected objects that are text, got \(item.kind)",
                    hint: "Python's objects are never made here.")
            }
        }
        return Tensor(byteStrings: strings, shape: header.shape)
    }

    private static func utf8(_ characters: [UInt8], _ bigEndian: Bool) throws(LocatedError) -> [UInt8] {
        var text = String.UnicodeScalarView()
        var zeros = 0
        for place in stride(from: 0, to: characters.count, by: 4) {
            var code: UInt32 = 0
            for byte in 0..<4 { code |= UInt32(characters[place + byte]) << UInt32(8 * (bigEndian ? 3 - byte : byte)) }
            if code == 0 {
                zeros += 1
                continue
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw LocatedError(.invalid, "npy.text", "expected Unicode characters, got the number \(code)")
            }
            // Zeros at the end are no part of the text; those within are.
            for _ in 0..<zeros { text.append("\0") }
            zeros = 0
            text.append(scalar)
        }
        return [UInt8](String(text).utf8)
    }

    /// An array of strings as NumPy holds it: text, or byte strings where some element is no UTF-8.
    static func encoded(_ tensor: Tensor) -> (header: NPYHeader, payload: [UInt8]) {
        let strings = tensor.byteStrings
        let texts = strings.compactMap { String(validating: $0, as: UTF8.self) }
        var payload: [UInt8] = []
        if texts.count == strings.count {
            let scalars = texts.map { $0.unicodeScalars.map(\.value) }
            let room = max(1, scalars.map(\.count).max() ?? 1)
            payload.reserveCapacity(4 * room * strings.count)
            for text in scalars {
                for code in text + [UInt32](repeating: 0, count: room - text.count) {
                    for byte in 0..<4 { payload.append(UInt8(truncatingIfNeeded: code >> UInt32(8 * byte))) }
                }
            }
            return (NPYHeader(dtype: .string, shape: tensor.shape, text: .characters(room)), payload)
        }
        let room = max(1, strings.map(\.count).max() ?? 1)
        for bytes in strings { payload += bytes + [UInt8](repeating: 0, count: room - bytes.count) }
        return (NPYHeader(dtype: .string, shape: tensor.shape, text: .bytes(room)), payload)
    }
}
