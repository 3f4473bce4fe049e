import Testing

@testable import Tensors

@Suite("Tensor")
struct TensorTests {
    @Test("copies share storage until one is written")
    func copyOnWrite() {
        let original = Tensor([1, 2, 3] as [Float])
        var copy = original
        copy.withUnsafeMutableElements(as: Float.self) { $0[0] = 9 }
        #expect(original.floats == [1, 2, 3])
        #expect(copy.floats == [9, 2, 3])
    }

    @Test("storage is aligned to 64 bytes")
    func alignment() {
        for count in [1, 3, 1000] {
            Tensor(zeros: [count]).withUnsafeBytes { #expect(UInt(bitPattern: $0.baseAddress) % 64 == 0) }
        }
    }

    @Test("rows are cut along the first axis")
    func rows() {
        let tensor = Tensor(Array(0..<6).map(Float.init), shape: [3, 2])
        #expect(tensor.rows(1..<3).floats == [2, 3, 4, 5])
        #expect(tensor.rows(1..<1).shape == [0, 2])
        #expect(Tensor(zeros: [0, 4]).rows(0..<0).shape == [0, 4])
    }

    @Test("equality is of bytes: NaN equals itself, 0 differs from -0")
    func equality() {
        #expect(Tensor([Float.nan]) == Tensor([Float.nan]))
        #expect(Tensor([Float(0)]) != Tensor([-Float(0)]))
        #expect(Tensor([1, 2] as [Float], shape: [1, 2]) != Tensor([1, 2] as [Float], shape: [2, 1]))
    }

    @Test("division makes float32, and keeps float64")
    func division() {
        let bytes = Tensor([0, 51, 255] as [UInt8])
        #expect((bytes / 255).floats == [0, 51 / 255, 1] as [Float])
        #expect((Tensor([1.0, 2.0]) / 3).array(as: Double.self) == [1 / 3.0, 2 / 3.0])
    }
}

@Suite("Conversion between types")
struct ConversionTests {
    @Test("floats truncate towards zero, saturate, and NaN is 0")
    func floatsToIntegers() {
        let source = Tensor([1.9, -1.9, 300, -300, .nan, .infinity] as [Float])
        #expect(source.asType(.int8).array(as: Int8.self) == [1, -1, 127, -128, 0, 127])
        #expect(source.asType(.uint8).array(as: UInt8.self) == [1, 0, 255, 0, 0, 255])
        #expect(source.asType(.int64).array(as: Int64.self)[5] == .max)
    }

    @Test("64-bit integers keep all their bits among integers")
    func integers() {
        let large = Int64.max - 1
        #expect(Tensor([large]).asType(.uint64).array(as: UInt64.self) == [UInt64(large)])
        #expect(Tensor([large]).asType(.int32).array(as: Int32.self) == [Int32(truncatingIfNeeded: large)])
        #expect(Tensor([0, 5] as [Int32]).asType(.bool).array(as: Bool.self) == [false, true])
    }

    @Test("every half is read exactly and written back")
    func halves() {
        for bits in UInt16.min...UInt16.max {
            let value = HalfPrecision.float(fromHalf: bits)
            if value.isNaN {
                #expect(HalfPrecision.float(fromHalf: HalfPrecision.half(from: value)).isNaN)
            } else if HalfPrecision.half(from: value) != bits {
                Issue.record("half \(bits) became \(HalfPrecision.half(from: value))")
            }
        }
    }

    @Test(
        "rounding to half is to nearest, ties to even",
        arguments: [
            (1 + 0x1p-11, 0x3c00), (1 + 0x1.8p-10, 0x3c02), (1 + 0x1p-11 + 0x1p-20, 0x3c01), (65519.9, 0x7bff), (65520, 0x7c00),
            (0x1p-25, 0), (0x1.1p-25, 1), (-0x1p-24, 0x8001), (0x1p-14 - 0x1p-26, 0x400),
        ] as [(Float, UInt16)])
    func halfRounding(value: Float, bits: UInt16) {
        #expect(HalfPrecision.half(from: value) == bits)
    }

    @Test("bfloat16 is the upper half of a float, rounded to even")
    func brain() {
        #expect(HalfPrecision.brain(from: 1) == 0x3f80)
        #expect(HalfPrecision.brain(from: Float(bitPattern: 0x3f80_8000)) == 0x3f80)
        #expect(HalfPrecision.brain(from: Float(bitPattern: 0x3f81_8000)) == 0x3f82)
        #expect(HalfPrecision.float(fromBrain: 0xc049) == Float(bitPattern: 0xc049_0000))
    }
}

@Suite("Shapes")
struct ShapeTests {
    @Test("print as Python's tuples")
    func description() {
        #expect(Shape([]).description == "()")
        #expect(Shape([3]).description == "(3,)")
        #expect(PartialShape([nil, 32, 3]).description == "(None, 32, 3)")
    }

    @Test("a product that leaves Int is nil")
    func overflow() {
        #expect(Shape([1 << 32, 1 << 32]).checkedCount == nil)
        #expect(Shape([-1, 2]).checkedCount == nil)
        #expect(Shape([2, 3]).checkedCount == 6)
        // Strides of an array without elements must not overflow either: NumPy refuses such shapes too.
        #expect(Shape([0, 1 << 32, 1 << 32]).checkedCount == nil)
        #expect(Shape([3, 0, 1 << 40]).checkedCount == 0)
    }

    @Test("memory that no machine has is refused, before it is asked for")
    func memory() {
        #expect(Memory.holds([1000, 1000]))
        #expect(!Memory.holds([1 << 44]))
        #expect(!Memory.holds([1 << 61], dtype: .float64))
        let error = #expect(throws: LocatedError.self) { try Memory.require([1 << 44], for: "the outputs") }
        #expect(error?.code == "memory.size")
    }

    @Test("a partial shape admits what fits")
    func admission() {
        #expect(PartialShape([nil, 3]).admits([7, 3]))
        #expect(!PartialShape([nil, 3]).admits([7, 4]))
        #expect(!PartialShape([nil, 3]).admits([3]))
    }
}

@Suite("Errors")
struct LocatedErrorTests {
    @Test("crumbs go from the outside in")
    func location() {
        func inner() throws(LocatedError) { throw LocatedError(.mismatch, "a.b", "expected 1, got 2", at: ["config/x"]) }
        let error = #expect(throws: LocatedError.self) { try locating("model.h5") { () throws(LocatedError) in try inner() } }
        #expect(error?.description == "model.h5 › config/x: expected 1, got 2")
        #expect(error?.category.rawValue == 67)
    }

    @Test("a hint is a sentence of its own")
    func hint() {
        #expect(LocatedError(.usage, "a", "expected 1, got 2", hint: "Try 1.").description == "expected 1, got 2. Try 1.")
        #expect(LocatedError(.usage, "a", "That is wrong.", hint: "Try 1.").description == "That is wrong. Try 1.")
    }
}
