internal import KerasFormat
package import KerasSpec
package import Tensors

extension ConfigValue {
    /// As Python's `json.dumps` writes it.
    package var jsonText: String { JSON.text(self) }

    /// Reads a JSON document without loss; errors tell line, column and JSON path.
    package init(jsonText bytes: [UInt8]) throws(LocatedError) { self = try JSON.parse(bytes) }
}
