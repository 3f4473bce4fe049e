public import Tensors

/// Which Keras's `summary()` to print.
public enum SummaryStyle: String, Sendable, CaseIterable {
    /// Byte for byte what Keras 2.3 prints.
    case keras2
    /// What Keras 3 prints, without colour.
    case keras3
}

extension Model {
    /// The table that Keras's `model.summary()` prints.
    ///
    /// - Parameters:
    ///   - style: whose table.
    ///   - lineLength: of the lines; Keras's default otherwise (65 or 98 in Keras 2.3; Keras 3 takes the terminal's width,
    ///     here 76, as it does without a terminal).
    ///   - expandNested: whether to show the layers of nested models.
    public func summary(
        style: SummaryStyle = .keras2, lineLength: Int? = nil, expandNested: Bool = false
    ) throws(LocatedError) -> String {
        let table = try SummaryTable(self)
        return switch style {
        case .keras2: Keras2Summary(table, lineLength: lineLength, expandNested: expandNested).text
        case .keras3: Keras3Summary(table, lineLength: lineLength, expandNested: expandNested).text
        }
    }
}
