extension ClassRule {
    /// `keras/layers/merge.py` of 2.3.1.
    static let merging: [ClassRule] = [
        merge("Add"), merge("Subtract"), merge("Multiply"), merge("Average"), merge("Maximum"), merge("Minimum"),
        merge("Concatenate", "axis"), ClassRule("Dot", "axes normalize"),
    ]

    private static func merge(_ className: String, _ keys: String = "") -> ClassRule {
        ClassRule(className, keras2: keys, keras3: keys, special: .merge)
    }
}
