internal import Plots

/// Families of layers, by which boxes have their colours.
enum LayerFamily {
    /// The colour of a class: of what it wraps, for wrappers.
    static func color(of className: String) -> Color {
        Color(hex: colors.first { $0.words.contains { className.contains($0) } }?.hex ?? 0x475569)
    }

    /// The first that has a word of the class's name.
    private static let colors: [(words: [String], hex: UInt32)] = [
        (["InputLayer"], 0x1f2937),
        (["Normalization", "BatchNorm"], 0x0f766e),
        (["LSTM", "GRU", "RNN", "Bidirectional"], 0x7e22ce),
        (["Conv"], 0x1d4ed8),
        (["Pool"], 0x0e7490),
        (["Attention"], 0x9d174d),
        (["Dropout", "Noise", "Regularization"], 0x78716c),
        (["ReLU", "LeakyReLU", "ELU", "Softmax", "Activation", "Relu", "Sigmoid", "Tanh"], 0xb45309),
        (["Dense", "Embedding"], 0x15803d),
        (["Concatenate", "Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum", "Dot", "Merge"], 0xb91c1c),
        (["Flatten", "Reshape", "Permute", "Padding", "Cropping", "UpSampling", "RepeatVector"], 0x6d5d11),
        (["Functional", "Sequential", "Model"], 0x334155),
    ]
}
