import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// What PyYAML makes of Keras's objects is read as JSON's values; what would run something is refused.
@Suite struct YAMLTests {
    static func parse(_ text: String) throws -> ConfigValue { try YAML.parse(Array(text.utf8)) }

    /// Genuine `to_yaml()` says what genuine `to_json()` of the same model says.
    @Test(arguments: ["keras-1.2.2_theano_th", "keras-1.2.2_tf1.0", "keras-2.3.1_tf1.15"])
    func yamlSaysWhatJSONSays(_ sample: String) throws {
        let folder = Fixtures.path("formats/yaml")
        let yaml = try KerasFile.readModel("\(folder)/\(sample).yaml")
        let json = try KerasFile.readModel("\(folder)/\(sample).json")
        let (a, b) = (try #require(yaml.spec), try #require(json.spec))
        #expect(a.layers.map(\.name) == b.layers.map(\.name))
        for (x, y) in zip(a.layers, b.layers) { Keras1Tests.expectSame(.object(x.config), .object(y.config), x.name) }
        #expect(a.provenance?.dialect == b.provenance?.dialect)
        #expect(try KerasFile.kind("\(folder)/\(sample).yaml") == .architecture)
    }

    @Test func numbersOfNumPyAreTheirValues() throws {
        let scalar = { (type: String, order: String, base64: String) in
            """
            config: !!python/object/apply:numpy.core.multiarray.scalar
            - !!python/object/apply:numpy.dtype
              args: [\(type), 0, 1]
              state: !!python/tuple [3, \(order), null, null, null, -1, -1, 0]
            - !!binary |
              \(base64)
            """
        }
        #expect(try Self.parse(scalar("i8", "<", "SAAAAAAAAAA=")) == ["config": 72])
        #expect(try Self.parse(scalar("i4", "<", "/v///w==")) == ["config": -2])
        #expect(try Self.parse(scalar("i4", "'>'", "AAAASA==")) == ["config": 72])
        #expect(try Self.parse(scalar("f4", "<", "AADAPw==")) == ["config": 1.5])
        #expect(try Self.parse(scalar("f8", "<", "AAAAAAAA+D8=")) == ["config": 1.5])
        #expect(throws: LocatedError.self) { try Self.parse(scalar("i8", "<", "SAAA")) }
        #expect(throws: LocatedError.self) { try Self.parse(scalar("O8", "<", "SAAAAAAAAAA=")) }
    }

    @Test func tuplesAliasesAndWordsAreKept() throws {
        let text = """
            config: {a: &id001 !!python/tuple [1, 1], b: *id001, c: 'yes', d: "null", e: ~, f: 1.0e-07, g: yes, h: <, i: .inf}
            keras_version: 1.2.2
            """
        #expect(
            try Self.parse(text) == [
                "config": [
                    "a": [1, 1], "b": [1, 1], "c": "yes", "d": "null", "e": nil, "f": 1e-7, "g": true, "h": "<",
                    "i": .float(.infinity),
                ], "keras_version": "1.2.2",
            ])
    }

    @Test(arguments: [
        "class_name: !!python/object/apply:os.system ['true']", "class_name: !!python/name:os.system", "a: !!python/object:x.Y {}",
        "class_name: !!python/module:os", "class_name: !foo bar", "class_name: !!python/object/new:x.Y []",
        "a: !!python/object/apply:builtins.eval ['1']", "a: !!set {x: null}", "a: !!python/object/apply:numpy.dtype [i8]",
    ])
    func objectsOfPythonAreRefused(_ text: String) throws {
        let error = try #require(throws: LocatedError.self) { try Self.parse(text) }
        #expect(error.category == .unsupported)
        #expect(error.code == "yaml.tag")
    }

    @Test(arguments: [
        "a: [1", "a: *nothing", "a: 1\na: 2", "? [1]\n: 2", "a: {[1]: 2}", "a: &x [1]\nb:\n  *x : 2", "", "a: \"\\xZZ\"", "<<: {a: 1}",
        "a: |\n  '\nb: {? [1] : 2}",
    ])
    func brokenOnesAreRefused(_ text: String) throws {
        let error = try #require(throws: LocatedError.self) { try Self.parse(text) }
        #expect(error.category == .invalid)
    }

    @Test func aliasesOfAliasesAreBounded() throws {
        var text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        for level in 1...12 {
            let alias = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(alias)]\n"
        }
        let error = try #require(throws: LocatedError.self) { try Self.parse(text) }
        #expect(error.code == "yaml.aliases")
    }

    @Test(arguments: [400, 20_000])
    func depthIsBounded(_ depth: Int) throws {
        let text = "a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        if depth < 1000 { _ = try Self.parse(text) } else { #expect(throws: LocatedError.self) { try Self.parse(text) } }
        let lines = "a:\n" + (1...depth).map { String(repeating: " ", count: min($0, 2000)) + "a:\n" }.joined()
        if depth >= 1000 { #expect(throws: LocatedError.self) { try Self.parse(lines) } }
    }
}
