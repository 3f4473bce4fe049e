/// A place in a JSON document, as errors print it: `$.config.layers[3].config.filters`.
package struct JSONPath: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// The document itself.
    package static let root = JSONPath("$")

    private init(_ description: String) { self.description = description }

    package subscript(key: String) -> JSONPath {
        let plain = key.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
                || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
        }
        guard plain, !key.isEmpty else { return JSONPath(description + "[" + JSON.quoted(String(key.prefix(80))) + "]") }
        return JSONPath(description + "." + key.prefix(80))
    }

    package subscript(index: Int) -> JSONPath { JSONPath(description + "[\(index)]") }
}
