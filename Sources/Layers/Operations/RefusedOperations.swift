// Functions of keras.ops that can stand in files and aren't computed, and why.

extension Operation {
    /// Why an operation isn't computed, by class name; nil where nobody knows it.
    static func reason(against className: String) -> String? { reasons[className] }

    static let reasons: [String: String] = {
        let byReason: [(String, String)] = [
            ("the shape of its result depends on values", "numpy.Nonzero"),
            ("complex numbers aren't computed with", "nn.Polar math.ViewAsComplex linalg.Eig"),
            ("it calls a Python function, and code in files is never run",
                "core.Cond core.Scan core.AssociativeScan core.Map core.VectorizedMap core.WhileLoop core.ForiLoop core.Switch linalg.JVP"),
            ("it takes no tensor, so that Keras puts no node for it in a file", "numpy.Arange"),
            ("files have another class for it", "numpy.Abs numpy.Conj math.SegmentReduction"),
            ("Keras 3 can't run such a node, which hands its settings on in the wrong order", "nn.ConvTranspose"),
            ("it shows how numbers are stored", "numpy.View"),
        ]
        var reasons: [String: String] = [:]
        for (reason, names) in byReason {
            for name in names.split(separator: " ") { reasons[prefix + name] = reason }
        }
        return reasons
    }()
}
