import Tensors
import Testing

@Suite struct StringTensorTests {
    @Test func elementsComeBack() {
        let texts = ["", "a", "日本", String(repeating: "x", count: 1000)]
        let tensor = Tensor(strings: texts, shape: [2, 2])
        #expect(tensor.strings == texts)
        #expect(tensor.dtype == .string && tensor.byteCount == 32)
        #expect(Tensor(zeros: [2], dtype: .string).strings == ["", ""])
        #expect(tensor == Tensor(strings: texts, shape: [2, 2]))
        #expect(tensor != Tensor(strings: texts.reversed(), shape: [2, 2]))
    }

    @Test func partsOutliveTheWhole() {
        var whole = Tensor(strings: (0..<100).map { "row \($0)" }, shape: [50, 2])
        let part = whole.rows(7..<9), flat = whole.reshaped(to: [100])
        var copy = Tensor(uninitialized: [2], dtype: .string)
        copy.keepStrings(of: whole)
        copy.withUnsafeMutableBytes { target in whole.withUnsafeBytes { target.copyMemory(from: .init(rebasing: $0[..<16])) } }
        whole = Tensor(zeros: [1])
        #expect(part.strings == ["row 14", "row 15", "row 16", "row 17"])
        #expect(flat.strings[99] == "row 99")
        #expect(copy.strings == ["row 0", "row 1"])
    }

    @Test func numbersAndTextAreConverted() {
        #expect(Tensor(strings: ["1.5", "-2", "x"]).asType(.float32).floats.map { $0.isNaN ? 99 : $0 } == [1.5, -2, 99])
        #expect(Tensor([1, -2] as [Int32]).asType(.string).strings == ["1", "-2"])
    }

    @Test func whatModelsTakeIsChecked() throws {
        #expect(try Tensor([5] as [Int64]).taken(as: .int32, at: "x").array(as: Int32.self) == [5])
        #expect(throws: LocatedError.self) { try Tensor([1 << 40] as [Int64]).taken(as: .int32, at: "x") }
        #expect(throws: LocatedError.self) { try Tensor([UInt64.max]).taken(as: .int32, at: "x").count }
        #expect(throws: LocatedError.self) { try Tensor(strings: ["a"]).taken(as: .float32, at: "x") }
        #expect(throws: LocatedError.self) { try Tensor([1.0]).taken(as: .string, at: "x") }
    }
}
