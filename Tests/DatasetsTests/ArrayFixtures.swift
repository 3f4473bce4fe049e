import Foundation
import Tensors
import TestSupport
import Testing

/// `fixtures/arrays/cases.json`: what each file must give.
struct ArrayFixtures: Decodable {
    struct Array: Decodable {
        var dtype: String
        var shape: [Int]
        var values: [Double]?
        /// Writing the array again gives the same bytes.
        var as_saved: Bool?
    }
    struct Archive: Decodable {
        var names: [String]
        var arrays: [String: Array]
    }

    struct Text: Decodable {
        var shape: [Int]
        /// Bytes that are no text stand as characters of the same numbers.
        var strings: [String]
        /// Writing the array again gives the same bytes.
        var as_saved: Bool
    }

    var sound: [String: Array]
    var text: [String: Text]
    var broken: [String: String]
    var npz_sound: [String: Archive]
    var npz_broken: [String: String]

    static let all = try! JSONDecoder().decode(
        ArrayFixtures.self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("arrays/cases.json"))))
}

/// Exit status and code of the error that `body` throws, nil when it throws none.
func code<Result>(_ body: () throws(LocatedError) -> Result) -> String? {
    do throws(LocatedError) { _ = try body() } catch { return "\(error.category.rawValue) \(error.code)" }
    return nil
}

func expect(_ tensor: Tensor, is expected: ArrayFixtures.Array, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(tensor.dtype.rawValue == expected.dtype, sourceLocation: sourceLocation)
    #expect(tensor.shape.dims == expected.shape, sourceLocation: sourceLocation)
    if let values = expected.values {
        #expect(tensor.asType(.float64).array(as: Double.self) == values, sourceLocation: sourceLocation)
    }
}
