public import OrderedCollections
public import Tensors

/// Writes the numbers of every epoch as a line of a table: `epoch`, then the logs by name.
///
/// Source: keras/callbacks/callbacks.py (2.3.1).
public final class CSVLogger: ResumableCallback {
    private let separator: String
    private let appends: Bool
    private let read: () throws(LocatedError) -> String?
    private let write: (String) throws(LocatedError) -> Void
    private var text = ""

    /// - Parameters:
    ///   - separator: between numbers.
    ///   - appends: whether lines go behind those that are there.
    ///   - read: what is there, nil for nothing.
    ///   - write: takes the whole table.
    package init(
        separator: String = ",", appends: Bool = false, read: @escaping () throws(LocatedError) -> String?,
        write: @escaping (String) throws(LocatedError) -> Void
    ) {
        self.separator = separator
        self.appends = appends
        self.read = read
        self.write = write
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        text = appends ? try read() ?? "" : ""
        if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        let names = training.metrics.sorted()
        if text.isEmpty { line(["epoch"] + names) }
        // Numbers that this epoch lacks: validation that isn't done every time, or that the end came before.
        line(["\(epoch)"] + names.map { name in logs[name].map { "\($0)" } ?? "NA" })
        try write(text)
    }

    public func memory(_ training: TrainingControl) -> [String: Tensor] { ["text": Tensor(Array(text.utf8))] }

    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        guard let bytes = memory["text"], bytes.dtype == .uint8 else { return }
        text = String(decoding: bytes.array(as: UInt8.self), as: UTF8.self)
    }

    private func line(_ fields: [String]) { text += fields.joined(separator: separator) + "\n" }
}
