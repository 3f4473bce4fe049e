import Augmentation
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// A case of `fixtures/augmentation/cases.json`: what genuine Keras 2.3.1 drew and computed.
struct GenuineCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Fit: Decodable, Sendable {
        var augment: Bool?
        var rounds: Int?
        var seed: Int?
    }

    var kind: String
    var name: String
    var options: [String: String]
    var data: String
    var seed: Int?
    var fit: Fit?
    var labels: Bool?
    var weights: Bool?
    var batch_size: Int?
    var shuffle: Bool?
    var subset: String?
    var steps: Int?
    var by_index: [Int]?
    var epoch_end: Int?
    var length: Int?
    /// The number that the generator gives afterwards.
    var next: Double

    var number = 0
    var testDescription: String { name }

    private enum CodingKeys: String, CodingKey {
        case kind, name, options, data, seed, fit, labels, weights, batch_size, shuffle, subset, steps, by_index, epoch_end, length, next
    }

    static let all: [GenuineCase] = {
        var cases = try! JSONDecoder().decode(
            [GenuineCase].self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("augmentation/cases.json"))))
        for index in cases.indices { cases[index].number = index }
        return cases
    }()

    /// Kept open: the archive is read for every case.
    static let archive = try! NPZ(reading: Fixtures.path("augmentation/cases.npz"))

    static func input(_ name: String) throws -> Tensor {
        let x = try archive.tensor("input/" + name).asType(.float32)
        return name == "unit" ? x / 255 : x
    }

    func array(_ name: String) throws -> Tensor { try Self.archive.tensor("\(number)/\(name)") }
    func has(_ name: String) -> Bool { Self.archive.names.contains("\(number)/\(name)") }

    func generator(random: RandomState, threads: Int? = nil) throws -> ImageDataGenerator {
        try makeGenerator(options, random: random, threads: threads)
    }
}

/// A generator of options as the fixtures write them.
func makeGenerator(_ options: [String: String], random: RandomState, threads: Int? = nil) throws -> ImageDataGenerator {
    var parsed = AugmentationOptions()
    for (word, value) in options where word != "preprocessing_function" { try parsed.set(word, value) }
    // The one function of the fixtures: halved, less one.
    let halves: @Sendable (Tensor) -> Tensor = { x in Tensor(x.floats.map { $0 / 2 - 1 }, shape: x.shape) }
    return try parsed.generator(
        random: random, threads: threads, preprocessingFunction: options["preprocessing_function"] == nil ? nil : halves)
}

/// How far arrays are apart: 0 when equal bit by bit, else units in the last place of the largest number, at most.
func distance(_ got: Tensor, _ expected: Tensor) -> Double {
    guard got.shape == expected.shape else { return .infinity }
    if got == expected { return 0 }
    let (a, b) = (got.asType(.float64).array(as: Double.self), expected.asType(.float64).array(as: Double.self))
    guard !zip(a, b).contains(where: { $0.isNaN != $1.isNaN }) else { return .infinity }
    let largest = b.lazy.filter { !$0.isNaN }.map(abs).max() ?? 0
    let unit = expected.dtype == .float64 ? max(largest, .leastNormalMagnitude).ulp : Double(max(Float(largest), .leastNormalMagnitude).ulp)
    return zip(a, b).lazy.map { $0.isNaN ? 0 : abs($0 - $1) / unit }.max()!
}
