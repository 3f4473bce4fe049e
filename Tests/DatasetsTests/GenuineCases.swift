@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// What genuine Keras made, as JSON: `fixtures/datasets`. Foundation's reader rounds some numbers otherwise than Python.
struct GenuineCases {
    let root: PlainJSON

    static func load(_ name: String) throws -> GenuineCases {
        GenuineCases(root: try PlainJSON(Array(Data(contentsOf: URL(fileURLWithPath: Fixtures.path("datasets/\(name)"))))))
    }

    subscript(key: String) -> GenuineCases { GenuineCases(root: root[key] ?? .null) }

    var list: [GenuineCases] {
        if case .array(let items) = root { items.map { GenuineCases(root: $0) } } else { [] }
    }
    var keys: Set<String> {
        if case .object(let entries) = root { Set(entries.map(\.key)) } else { [] }
    }
    var string: String? {
        if case .string(let text) = root { text } else { nil }
    }
    var bool: Bool? {
        if case .bool(let flag) = root { flag } else { nil }
    }
    var int: Int? {
        if case .integer(let number) = root { number } else { nil }
    }
    var double: Double? {
        if case .number(let number) = root { number } else { int.map(Double.init) }
    }
    var isNull: Bool {
        if case .null = root { true } else { false }
    }
    var strings: [String]? { isNull ? nil : list.compactMap(\.string) }
    var ints: [Int]? { isNull ? nil : list.compactMap(\.int) }
    var lists: [[Int]]? { isNull ? nil : list.compactMap(\.ints) }
    var numbers: [String: Int] {
        guard case .object(let entries) = root else { return [:] }
        return Dictionary(entries.compactMap { entry in GenuineCases(root: entry.value).int.map { (entry.key, $0) } }) { $1 }
    }

    /// An argument that is an integer, or None where it is there and null.
    func int(_ key: String, _ otherwise: Int?) -> Int? { keys.contains(key) ? self[key].int : otherwise }

    /// `dtype`, `shape` and `values`.
    var tensor: Tensor? {
        guard let dtype = self["dtype"].string.flatMap(DType.init(rawValue:)), let shape = self["shape"].ints else { return nil }
        let values = self["values"].list.map { $0.double ?? .nan }
        return Tensor(values, shape: Shape(shape)).asType(dtype)
    }
}

/// The same shape, type and numbers, as far as `tolerance` allows, relative to the numbers.
func expect(_ got: Tensor, equals expected: Tensor?, tolerance: Double = 0, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    guard let expected else {
        Issue.record("no expectation", sourceLocation: sourceLocation)
        return
    }
    #expect(got.dtype == expected.dtype && got.shape == expected.shape, comment, sourceLocation: sourceLocation)
    guard got.dtype == expected.dtype, got.shape == expected.shape else { return }
    let a = got.asType(.float64).array(as: Double.self), b = expected.asType(.float64).array(as: Double.self)
    let worst = zip(a, b).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    #expect(worst <= tolerance, comment, sourceLocation: sourceLocation)
}
