/// How a window meets the border: Keras's `padding`.
public enum Padding: String, Sendable, CaseIterable {
    /// Only whole windows.
    case valid
    /// Zeros around, so that the output has ceil(input / stride) cells.
    case same
}

/// Where the channels stand: Keras's `data_format`.
public enum DataFormat: String, Sendable, CaseIterable {
    /// (batch, rows, columns, channels).
    case channelsLast = "channels_last"
    /// (batch, channels, rows, columns).
    case channelsFirst = "channels_first"
}
