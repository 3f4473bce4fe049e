/// Formats that people give in place of a file of Keras, told by their first bytes.
enum ForeignFormat {
    /// What begins with `start`, as a noun with its article; nil for what isn't known here.
    static func name(of start: some Collection<UInt8>) -> String? {
        let head = Array(start.prefix(12))
        func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: bytes) }
        func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }
        if begins([0x89]) && begins("PNG", at: 1) { return "a PNG picture" }
        if begins([0xFF, 0xD8, 0xFF]) { return "a JPEG picture" }
        if begins([0x93]) && begins("NUMPY", at: 1) { return "an array of NumPy (.npy)" }
        if begins("TFL3", at: 4) { return "a model of TensorFlow Lite" }
        if begins("GGUF") { return "a model in GGUF" }
        if begins([0x1F, 0x8B]) { return "a file compressed with gzip" }
        if begins([0x28, 0xB5, 0x2F, 0xFD]) { return "a file compressed with Zstandard" }
        if begins("7z") && begins([0xBC, 0xAF], at: 2) { return "an archive of 7-Zip" }
        if begins("Rar!") { return "an archive of RAR" }
        if begins("%PDF") { return "a PDF document" }
        if begins("<!DOCTYPE") || begins("<!doctype") || begins("<html") { return "a web page" }
        if begins("version https") || begins("version http") { return "a pointer of Git LFS" }
        // A protocol that Python has, then a frame, an opcode of a container, or a global name.
        if head.count > 2, head[0] == 0x80, (2...5).contains(head[1]) { return "a pickle of Python" }
        // Protocol buffers: the version, then text or the first graph.
        if begins([0x08, 0x01, 0x12]) { return "a SavedModel of TensorFlow (saved_model.pb)" }
        if head.count > 2, head[0] == 0x08, (3...30).contains(head[1]), [0x12, 0x3A, 0x42].contains(head[2]) { return "a model in ONNX" }
        // safetensors: the length of the JSON, little-endian, then the JSON.
        if head.count > 9, head[5] == 0, head[6] == 0, head[7] == 0, head[8] == UInt8(ascii: "{") { return "a file of safetensors" }
        return nil
    }

    /// What to do about it, where something helps.
    static func hint(for name: String) -> String? {
        if name.contains("web page") { return "The download went wrong: fetch the file itself." }
        if name.contains("Git LFS") { return "Run git lfs pull to get the file itself." }
        if name.contains("gzip") || name.contains("Zstandard") || name.hasPrefix("an archive") { return "Unpack it first." }
        if name.contains("SavedModel") { return "Save the model as .h5 or .keras from TensorFlow." }
        return nil
    }

    /// What an archive of these members is, when it is none of Keras's.
    static func name(ofArchiveWith members: [String]) -> String? {
        if members.isEmpty { return "an empty one" }
        if members.allSatisfy({ $0.hasSuffix(".npy") }) { return "an archive of NumPy's arrays (.npz)" }
        if members.contains(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }) { return "a file of PyTorch" }
        if members.contains(where: { $0.hasSuffix("saved_model.pb") }) { return "a SavedModel of TensorFlow" }
        if let inner = members.first(where: { $0.hasSuffix(".keras") || $0.hasSuffix(".h5") || $0.hasSuffix("/config.json") }) {
            return "one with \(inner) in it; unpack it first"
        }
        return nil
    }
}
