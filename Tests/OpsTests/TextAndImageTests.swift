import Graphs
@testable import Ops
import Tensors
import TestSupport
import Testing

/// Ops on text, and on images through coordinates.
@Suite struct TextAndImageTests {
    private func random(_ shape: Shape, _ seed: UInt64, _ low: Float = -1, _ high: Float = 1) -> Tensor {
        var random = RandomStream(seed: seed)
        return Tensor((0..<shape.count).map { _ in low + (high - low) * random.uniform() }, shape: shape)
    }

    private func dot(_ a: Tensor, _ b: Tensor) -> Double { zip(a.floats, b.floats).reduce(0) { $0 + Double($1.0) * Double($1.1) } }

    // MARK: hashes

    /// The published test vector of SipHash-2-4, and TensorFlow's fingerprints of short and long strings (by `fixtures/catalogue`).
    @Test func hashesArePublishedOnes() {
        let key = (UInt64(0x0706_0504_0302_0100), UInt64(0x0f0e_0d0c_0b0a_0908))
        let message = (0..<15).map { UInt8($0) }
        message.withUnsafeBytes { #expect(SipHash.hash($0, key: key) == 0xa129_ca61_49be_45e5) }
        [UInt8]().withUnsafeBytes { #expect(FarmHash.fingerprint($0) == 0x9ae1_6a3b_2f90_404f) }
    }

    @Test func numbersAreHashedAsDigits() throws {
        let numbers: [Int32] = [0, -1, 7, .max, .min, 1_000_000]
        let run = try OpRunner.run(HashBuckets(997), [Tensor(numbers)])
        let text = try OpRunner.run(HashBuckets(997), [Tensor(strings: numbers.map { "\($0)" })])
        #expect(run.outputs[0] == text.outputs[0])
        let floats = try OpRunner.run(HashBuckets(997), [Tensor([0.9, -1.5, 7] as [Float])])
        #expect(floats.outputs[0].array(as: Int32.self) == Array(run.outputs[0].array(as: Int32.self).prefix(3)))
        let odd = try OpRunner.run(HashBuckets(5), [Tensor([.nan, .infinity, -.infinity] as [Float])])
        #expect(odd.outputs[0].array(as: Int32.self).allSatisfy { (0..<5).contains($0) })
    }

    // MARK: vocabularies

    @Test func tokensAreFound() throws {
        let tokens = (0..<500).map { [UInt8]("token \($0)".utf8) } + [[]]
        let table = TokenTable(tokens)
        let lookup = Lookup(.strings(table), start: 2, unknown: .index(1))
        let text = Tensor(byteStrings: tokens + [[0xff, 0xfe], Array("token 500".utf8)], shape: [503])
        let expected = (0..<501).map { Int32($0 + 2) } + [1, 1]
        #expect(try OpRunner.run(lookup, [text]).outputs[0].array(as: Int32.self) == expected)
        #expect(lookup.firstUnknown(in: Tensor(strings: ["token 3"])) == nil)
    }

    @Test func tokensComeBack() throws {
        let table = TokenTable(["a", "b", "?"].map { [UInt8]($0.utf8) })
        var run = try OpRunner.run(TokenOfIndex(.strings(table)), [Tensor([1, 0, 9, -4, 2] as [Int32])])
        run.outputs[0].ownStrings()
        #expect(run.outputs[0].strings == ["b", "a", "?", "?", "?"])
    }

    @Test func wordsAreCut() throws {
        let table = TokenTable(["the", "cat", "the cat", "日本"].map { [UInt8]($0.utf8) })
        func indices(_ text: [String], lowers: Bool = true, strips: Bool = true, split: TextRules.Split = .whitespace, ngrams: [Int] = []) throws -> [Int32] {
            let rules = TextRules(lowers: lowers, strips: strips, split: split, ngrams: ngrams)
            let op = TokenIndices(rules, Lookup(.strings(table), start: 2, unknown: .index(1)), .indices(length: 4))
            return try OpRunner.run(op, [Tensor(strings: text)]).outputs[0].array(as: Int32.self)
        }
        #expect(try indices(["  The, CAT!\tthe\u{b}x y", "..."]) == [2, 3, 2, 1, 0, 0, 0, 0])
        #expect(try indices(["the cat"], ngrams: [1, 2]) == [2, 3, 4, 0])
        #expect(try indices(["the cat"], split: .none) == [4, 0, 0, 0])
        #expect(try indices(["The the"], lowers: false) == [1, 2, 0, 0])
        #expect(try indices(["the. the"], strips: false) == [1, 2, 0, 0])
        let op = TokenIndices(
            TextRules(lowers: true, strips: true, split: .character), Lookup(.strings(TokenTable([Array("日".utf8)])), start: 2, unknown: .index(1)),
            .counts(depth: 3, binary: false))
        #expect(try OpRunner.run(op, [Tensor(byteStrings: [Array("日a日".utf8), [0xe6, 0x97]], shape: [2])]).outputs[0].floats == [0, 1, 2, 0, 2, 0])
    }

    @Test func categoriesAreCounted() throws {
        let indices = Tensor([0, 2, 2, 7, -1, 1] as [Int32], shape: [2, 3])
        #expect(try OpRunner.run(CategoryCounts(3, binary: false), [indices]).outputs[0].floats == [1, 0, 2, 0, 1, 0])
        #expect(try OpRunner.run(CategoryCounts(3, binary: true), [indices]).outputs[0].floats == [1, 0, 1, 0, 1, 0])
        let weights = Tensor([0.5, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(try OpRunner.run(CategoryCounts(3, binary: false), [indices, weights]).outputs[0].floats == [0.5, 0, 5, 0, 6, 0])
    }

    @Test func bucketsHoldTheirLowerBoundary() throws {
        let x = Tensor([-1, 0, 0.5, 1, 2, .nan, .infinity, -.infinity] as [Float])
        #expect(try OpRunner.run(Bucketize([0, 1, 1]), [x]).outputs[0].array(as: Int32.self) == [0, 1, 1, 3, 3, 3, 3, 0])
        #expect(try OpRunner.run(Bucketize([]), [x]).outputs[0].array(as: Int32.self) == [0, 0, 0, 0, 0, 0, 0, 0])
    }

    // MARK: images

    private static let borders: [ImageBorder] = [.constant, .nearest, .reflect, .wrap]

    /// With a filling of 0 the op is linear in the images: backward is forward's transpose.
    @Test(arguments: borders, [true, false])
    func projectionsGradientsAreTransposed(_ border: ImageBorder, _ isBilinear: Bool) throws {
        let x = random([2, 5, 4, 3], 1), dy = random([2, 5, 4, 3], 2)
        let t: [Float] = [0.9, 0.3, -1.2, -0.2, 1.1, 0.7, 0.01, 0.02, 1, 0, 9.4, 0, -1, -7.3, 0, 0]
        let run = try OpRunner.run(
            ProjectiveTransform(isBilinear: isBilinear, border: border), [x, Tensor(t, shape: [2, 8])], outputGradients: [dy])
        let gradient = try #require(run.inputGradients[0])
        #expect(abs(dot(run.outputs[0], dy) - dot(x, gradient)) < 1e-4)
        #expect(run.inputGradients[1]?.floats.allSatisfy { $0 == 0 } ?? true)
    }

    @Test func projectionsSurviveAnyNumbers() throws {
        let x = random([1, 3, 3, 1], 3)
        for border in Self.borders {
            for odd in [Float.nan, .infinity, -.infinity, 1e30, -1e30, 0] {
                let t = Tensor([odd, 1, odd, 1, odd, 1, odd, -odd], shape: [1, 8])
                #expect(try OpRunner.run(ProjectiveTransform(isBilinear: true, border: border, fill: 7), [x, t]).outputs[0].count == 9)
            }
        }
    }

    @Test(arguments: borders + [.mirror], [true, false])
    func coordinatesGradientsAreTransposed(_ border: ImageBorder, _ isLinear: Bool) throws {
        let x = random([2, 4, 5, 2], 1), places = random([2, 2, 3, 6], 2, -7, 9), dy = random([2, 3, 6, 2], 3)
        let run = try OpRunner.run(MapCoordinates(isLinear: isLinear, border: border), [x, places], outputGradients: [dy])
        let gradient = try #require(run.inputGradients[0])
        #expect(abs(dot(run.outputs[0], dy) - dot(x, gradient)) < 1e-4)
    }

    @Test func homographiesBringPointsToPoints() throws {
        let from = Tensor([0, 0, 4, 0, 0, 3, 4, 3] as [Float], shape: [1, 4, 2])
        let to = Tensor([0.2, 0.1, 3.5, -0.3, 0.4, 2.8, 4.4, 3.6] as [Float], shape: [1, 4, 2])
        let t = try OpRunner.run(Homography(), [from, to]).outputs[0].floats
        for point in 0..<4 {
            let (x, y) = (to.floats[2 * point], to.floats[2 * point + 1])
            let k = t[6] * x + t[7] * y + 1
            #expect(abs((t[0] * x + t[1] * y + t[2]) / k - from.floats[2 * point]) < 1e-4)
            #expect(abs((t[3] * x + t[4] * y + t[5]) / k - from.floats[2 * point + 1]) < 1e-4)
        }
    }

    // MARK: random numbers

    @Test func permutationsHaveEveryPlaceOnce() throws {
        let x = Tensor(zeros: [50])
        var seen: Set<[Int32]> = []
        for step in 0..<5 {
            let order = try OpRunner.run(RandomDraw(.permutation, stream: 3), [x], step: UInt64(step)).outputs[0].array(as: Int32.self)
            #expect(order.sorted() == (0..<50).map { Int32($0) })
            seen.insert(order)
        }
        #expect(seen.count == 5)
    }

    /// Means and variances of what is drawn, over 4,000 numbers.
    @Test(arguments: [0.2, 1, 3] as [Float])
    func distributionsHaveTheirMoments(_ a: Float) throws {
        func moments(_ tensor: Tensor) -> (Float, Float) {
            let mean = tensor.floats.reduce(0, +) / Float(tensor.count)
            return (mean, tensor.floats.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(tensor.count))
        }
        let (mean, variance) = moments(try OpRunner.run(RandomDraw(.beta, stream: 1), [Tensor(zeros: [4000]), Tensor(scalar: a)]).outputs[0])
        #expect(abs(mean - 0.5) < 0.03 && abs(variance - 1 / (4 * (2 * a + 1))) < 0.015)
        let (own, spread) = moments(try OpRunner.run(RandomDraw(.gamma(shape: a, count: 4000), stream: 2), [Tensor(zeros: [1])]).outputs[0])
        #expect(abs(own - a) < 0.1 * a + 0.03 && abs(spread - a) < 0.2 * a + 0.03)
    }
}
