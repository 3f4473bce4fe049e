import Tensors
import Testing

@testable import KerasSpec

@Suite("ConfigReader")
struct ConfigReaderTests {
    @Test("takes values by type, and a single integer for a pair")
    func values() throws {
        var reader = ConfigReader(["units": 3, "rate": 0.5, "size": 2, "pair": [1, 4], "name": "x", "flag": true, "none": nil])
        #expect(try reader.integer("units") == 3)
        #expect(try reader.number("rate") == 0.5)
        #expect(try reader.integers("size", count: 2) == [2, 2])
        #expect(try reader.integers("pair", count: 2) == [1, 4])
        #expect(try reader.string("name") == "x")
        #expect(try reader.bool("flag"))
        #expect(try reader.optionalString("none") == nil)
        try reader.finish()
    }

    @Test(
        "tells key, expected and got",
        arguments: [
            ("filters", ConfigValue.string("32"), "config/filters: expected an integer of at least 1, got the string \"32\""),
            ("filters", .integer(0), "config/filters: expected an integer of at least 1, got the integer 0"),
            ("filters", .float(1.5), "config/filters: expected an integer of at least 1, got the number 1.5"),
            ("filters", .integer(1 << 50), "config/filters: expected an integer of at least 1, got the integer \(1 << 50)"),
        ])
    func wrongInteger(key: String, value: ConfigValue, message: String) {
        var reader = ConfigReader([key: value])
        let error = #expect(throws: LocatedError.self) { try reader.integer(key, atLeast: 1) }
        #expect(error?.description == message)
        #expect(error?.category == .invalid)
    }

    @Test("refuses keys that nobody asked for")
    func unknownKey() {
        var reader = ConfigReader(["units": 3, "brand_new": true])
        _ = try? reader.integer("units")
        let error = #expect(throws: LocatedError.self) { try reader.finish() }
        #expect(error?.code == "config.unknownKey")
        #expect(error?.category == .unsupported)
        #expect(error?.message.contains("brand_new") == true)
    }

    @Test("a missing key without a default is an error, with one it isn't")
    func missing() throws {
        var reader = ConfigReader([:])
        #expect(try reader.integer("units", default: 4) == 4)
        let error = #expect(throws: LocatedError.self) { try reader.integer("units") }
        #expect(error?.code == "config.missing")
    }

    @Test("words outside the list are refused with the list")
    func words() {
        enum Padding: String, CaseIterable { case valid, same }
        var reader = ConfigReader(["padding": "sme"])
        let error = #expect(throws: LocatedError.self) { try reader.word("padding", as: Padding.self) }
        #expect(error?.message == "expected one of \"valid\", \"same\", got the string \"sme\"")
    }
}
