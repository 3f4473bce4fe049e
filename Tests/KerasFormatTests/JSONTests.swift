import Files
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

@Suite struct JSONTests {
    /// Documents as Python's `json.dumps` writes them come out the same.
    @Test(arguments: [
        "null", "true", "false", "[]", "{}", "\"\"", "[1, 2.0, null]", "{\"b\": 1, \"a\": 2}", "[[], {}, [[]]]",
        "{\"\": {\"x\": [true, false]}}", "\"\\u00e9\\u4f60\\ud83d\\ude00\\u007f\"", "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001/\"",
        "{\"a b\": \"\\u2028\"}",
    ])
    func pythonsDocumentsComeOutTheSame(_ text: String) throws {
        #expect(JSON.text(try JSON.parse(text)) == text)
    }

    @Test func keysKeepTheirOrder() throws {
        let object = try #require(try JSON.parse(#" { "z" : 1 , "a" : [ 2 ] , "m" : { } } "#).object)
        #expect(Array(object.keys) == ["z", "a", "m"])
    }

    @Test func escapesAndRawCharactersMeanTheSame() throws {
        #expect(try JSON.parse(#""\u00e9\/\ud83d\ude00""#) == .string("é/😀"))
        #expect(try JSON.parse("\"é/😀\"") == .string("é/😀"))
    }

    @Test func indentedStyleIsForPeople() throws {
        let value: ConfigValue = ["a": [1, [], "é"], "b": [:]]
        #expect(
            JSON.text(value, style: .indented) == """
                {
                  "a": [
                    1,
                    [],
                    "é"
                  ],
                  "b": {}
                }
                """)
        #expect(try JSON.parse(JSON.text(value, style: .indented)) == value)
    }

    struct Broken: CustomTestStringConvertible, Sendable {
        var bytes: [UInt8]
        var code: String
        var place: String
        var path = "$"
        var testDescription: String { String(decoding: bytes.prefix(40), as: UTF8.self) }

        init(_ text: String, _ code: String, _ place: String, _ path: String = "$") {
            self.init(bytes: Array(text.utf8), code, place, path)
        }

        init(bytes: [UInt8], _ code: String, _ place: String, _ path: String = "$") {
            (self.bytes, self.code, self.place, self.path) = (bytes, code, place, path)
        }
    }

    @Test(arguments: [
        Broken("", "json.empty", "line 1, column 1"),
        Broken("  \n ", "json.empty", "line 2, column 2"),
        Broken("{\"a\": 1,}", "json.syntax", "line 1, column 9", "$"),
        Broken("[1, 2", "json.syntax", "line 1, column 6", "$[2]"),
        Broken("[1 2]", "json.syntax", "line 1, column 4", "$[1]"),
        Broken("[1,]", "json.syntax", "line 1, column 4", "$[1]"),
        Broken("nul", "json.syntax", "line 1, column 1"),
        Broken("// x", "json.syntax", "line 1, column 1"),
        Broken("{} {}", "json.syntax", "line 1, column 4"),
        Broken("01", "json.syntax", "line 1, column 2"),
        Broken("[1.]", "json.syntax", "line 1, column 3", "$[1]"),
        Broken("-", "json.syntax", "line 1, column 2"),
        Broken("{a: 1}", "json.syntax", "line 1, column 2"),
        Broken("{\n  \"config\": {\"layers\": [1, {\"x\": tru}]}}", "json.syntax", "line 2, column 34", "$.config.layers[1].x"),
        Broken("{\"a\": {\"b\": 1, \"b\": 2}}", "json.duplicate_key", "line 1, column 16", "$.a.b"),
        Broken("\"abc", "json.syntax", "line 1, column 1"),
        Broken("\"a\u{1}\"", "json.syntax", "line 1, column 3"),
        Broken("\"\\x\"", "json.syntax", "line 1, column 2"),
        Broken("\"\\u12g4\"", "json.syntax", "line 1, column 2"),
        Broken("\"\\ud800\"", "json.surrogate", "line 1, column 2"),
        Broken("\"\\ud800\\u0041\"", "json.surrogate", "line 1, column 2"),
        Broken("\"\\udc00\\ud800\"", "json.surrogate", "line 1, column 2"),
        Broken("[1e400]", "json.number", "line 1, column 2", "$[0]"),
        Broken("\u{FEFF}{}", "json.bom", "line 1, column 1"),
        Broken(bytes: [0xFF, 0xFE, 0x7B, 0], "json.encoding", "line 1, column 1"),
        Broken(bytes: [0x22, 0xC0, 0x80, 0x22], "json.encoding", "line 1, column 1"),
        Broken(bytes: [0x22, 0xED, 0xA0, 0x80, 0x22], "json.encoding", "line 1, column 1"),
        Broken(bytes: [0x5B, 0xE9, 0x5D], "json.syntax", "line 1, column 2", "$[0]"),
        Broken(bytes: [0x7B, 0x00, 0x7D], "json.syntax", "line 1, column 2"),
    ])
    func brokenDocumentsSayWhatAndWhere(_ broken: Broken) throws {
        let error = try #require(throws: LocatedError.self) { try JSON.parse(broken.bytes) }
        #expect(error.category == .invalid)
        #expect(error.code == broken.code)
        #expect(error.message.hasPrefix("JSON, " + broken.place + ":"), "\(error)")
        #expect(error.location == [broken.path])
    }

    @Test func nestingEndsAtItsLimit() throws {
        let deepest = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(JSON.text(try JSON.parse(deepest)) == deepest)
        for opening in ["[", "{\"a\":"] {
            let error = try #require(throws: LocatedError.self) {
                try JSON.parse(String(repeating: opening, count: 200_000))
            }
            #expect(error.code == "json.depth")
        }
    }

    @Test func longListsTakeLinearTime() throws {
        let count = 200_000
        let list = "[" + String(repeating: "1,", count: count - 1) + "1]"
        #expect(try JSON.parse(list).array?.count == count)
    }

    @Test func pathsQuoteWhatIsNoIdentifier() {
        #expect(JSONPath.root["config"]["layers"][3]["a b"].description == "$.config.layers[3][\"a b\"]")
    }

    @Test(arguments: [
        "notebook/net1/cifar10_architecture.json", "notebook/net2/cifar10_architecture.json",
        "samples/keras-2.3.1_tf1.15/mini1/model.json", "samples/keras-2.3.1_tf2.1/mini2/model.json",
    ])
    func genuineDocumentsComeOutTheSame(_ fixture: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path(fixture))
        #expect(JSON.text(try JSON.parse(bytes)) == String(decoding: bytes, as: UTF8.self))
    }
}
