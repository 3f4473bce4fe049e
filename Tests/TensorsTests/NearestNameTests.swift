import Tensors
import Testing

@Suite("Names that somebody most likely meant")
struct NearestNameTests {
    @Test(
        "slips are found, other words are not",
        arguments: [
            ("adm", "adam"), ("sdg", "sgd"), ("RMSPorp", "rmsprop"), ("rms_prop", "rmsprop"), ("nada", "nadam"),
            ("sophia", nil), ("", nil), ("x", nil), ("ft", "ftrl"),
        ] as [(String, String?)])
    func optimizers(word: String, meant: String?) {
        #expect(NearestName.to(word, in: ["sgd", "rmsprop", "adam", "nadam", "ftrl"]) == meant)
    }

    @Test("what is far too long is no slip")
    func long() {
        #expect(NearestName.to(String(repeating: "a", count: 100_000), in: ["adam"]) == nil)
    }

    @Test("a beginning that two names share means neither")
    func beginnings() {
        #expect(NearestName.to("keras", in: ["keras-2.3-long", "keras-3-longer"]) == nil)
        #expect(NearestName.to("f1", in: ["accuracy", "f1_score", "F1Score"]) == "f1_score")
        #expect(NearestName.to("keras3", in: ["keras-2.3", "keras-3"]) == "keras-3")
    }

    @Test("a hint is a question")
    func hint() {
        #expect(NearestName.hint(for: "acuracy", in: ["accuracy"]) == "Did you mean \"accuracy\"?")
        #expect(NearestName.hint(for: "acuracy", in: []) == nil)
    }
}
