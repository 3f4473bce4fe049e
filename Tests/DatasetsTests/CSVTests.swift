@testable import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct CSVTests {
    func parse(_ text: String, header: CSV.Header = .automatic, separator: Unicode.Scalar = ",") throws(LocatedError) -> CSV {
        try CSV(text: Array(text.utf8), header: header, separator: separator, dtype: .float64)
    }

    @Test func readsWhatNumPyWrites() throws {
        let table = try CSV.read(Fixtures.path("arrays/plain.csv"))
        #expect(table.columns == nil)
        #expect(table.values == Tensor((0..<24).map(Float.init), shape: [6, 4]))
    }

    @Test(arguments: [
        "1,2\n3,4\n", "1,2\r\n3,4\r\n", "1,2\r3,4", "\u{feff}1,2\n\n3,4\n\n", "# made by hand\n 1 ,\t2\n3,4", "\"1\",\"2\"\n3,\"4\"",
        "+1,2.\n3e0,.4E1\n", "1.0000000000000000000,2\n3,4",
    ])
    func reads(_ text: String) throws {
        let table = try parse(text)
        #expect(table.columns == nil)
        #expect(table.values.shape == [2, 2])
        #expect(table.values.array(as: Double.self) == [1, 2, 3, 4])
    }

    @Test func readsQuotedHeaders() throws {
        let table = try parse("a,\"b\"\"c,\nd\"\n1,2\n")
        #expect(table.columns == ["a", "b\"c,\nd"])
        #expect(table.values.shape == [1, 2])
        #expect(try parse("1,2\n3,4", header: .present).columns == ["1", "2"])
        #expect(try parse("1;2\n3;4", separator: ";").values.shape == [2, 2])
    }

    @Test func readsSpecialNumbers() throws {
        let values = try parse("nan,-inf,1e400,-0,0.1,123456789.123456\n").values.array(as: Double.self)
        #expect(values[0].isNaN)
        #expect(values[1...] == [-.infinity, .infinity, 0, 0.1, 123456789.123456])
        #expect(values[3].sign == .minus)
    }

    @Test(arguments: [
        ("", "65 csv.empty", []), ("a,b\n", "65 csv.empty", []), ("1,2\n3\n", "65 csv.columns", ["line 2"]),
        ("1,2\n\n3,4,5\n", "65 csv.columns", ["line 3"]), ("1,2\n3,x\n", "65 csv.number", ["line 2, column 2"]),
        ("1,2\n,4\n", "65 csv.number", ["line 2, column 1"]), ("1,2\n0x10,4\n", "65 csv.number", ["line 2, column 1"]),
        ("1,2\n3,1_000\n", "65 csv.number", ["line 2, column 2"]), ("1,2\n--3,4\n", "65 csv.number", ["line 2, column 1"]),
        ("1,2\n3,\"4\n", "65 csv.quote", ["line 2, column 2"]), ("1,2\n\"3\"x,4\n", "65 csv.quote", ["line 2, column 1"]),
        ("a,\"b\nc\"\n1,2\n3,y\n", "65 csv.number", ["line 4, column 2"]), ("1,.\n", "65 csv.empty", []),
    ])
    func refuses(_ text: String, _ expected: String, _ location: [String]) throws {
        do {
            _ = try parse(text)
            Issue.record("accepted")
        } catch {
            #expect("\(error.category.rawValue) \(error.code)" == expected)
            #expect(error.location == location)
        }
    }

    /// The quick way and Swift's own agree.
    @Test func numbersAreExact() {
        var state: UInt64 = 1
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var text = String(state >> 14)
            text.insert(".", at: text.index(text.startIndex, offsetBy: Int(state >> 5) % text.count))
            text = String(text.prefix(4 + Int(state >> 40) % 14))
            #expect(CSV.number(ArraySlice(text.utf8)) == Double(text.hasPrefix(".") ? "0" + text : text.hasSuffix(".") ? text + "0" : text))
        }
    }

    @Test func fillsMissingFields() throws {
        let text = Array("a,b,c\n1,,3\n\"\", 5 ,\" \"\n".utf8)
        let table = try CSV(text: text, missing: -1, dtype: .float64)
        #expect(table.columns == ["a", "b", "c"] && table.values == Tensor([1, -1, 3, -1, 5, -1] as [Double], shape: [2, 3]))
        #expect(try CSV(text: text, missing: .nan, dtype: .float64).values.array(as: Double.self).map(\.isNaN) == [false, true, false, true, false, true])
        #expect(code { () throws(LocatedError) in try CSV(text: text) } == "65 csv.number")
        #expect(try CSV(text: Array(",2\n3,\n".utf8), missing: 0).values == Tensor([0, 2, 3, 0] as [Float], shape: [2, 2]))
        #expect(code { () throws(LocatedError) in try CSV(text: Array("1,2\n3,x\n".utf8), missing: 0) } == "65 csv.number")
    }
}
