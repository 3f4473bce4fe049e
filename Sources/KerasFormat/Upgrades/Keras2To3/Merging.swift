extension ClassRule {
    /// `keras/layers/merge.py` of 2.3.1.
    static let merging: [ClassRule] = [
        ClassRule("Add"), ClassRule("Subtract"), ClassRule("Multiply"), ClassRule("Average"), ClassRule("Maximum"),
        ClassRule("Minimum"), ClassRule("Concatenate", "axis"), ClassRule("Dot", "axes normalize"),
    ]
}
