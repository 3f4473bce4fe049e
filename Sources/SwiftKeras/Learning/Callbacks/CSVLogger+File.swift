internal import Files
internal import Foundation
public import Tensors
public import Training

extension CSVLogger {
    /// Writes a line for every epoch to a file.
    ///
    /// - Parameters:
    ///   - filename: replaced whole after each epoch.
    ///   - separator: between numbers.
    ///   - append: whether lines go behind those of an earlier training.
    public convenience init(filename: String, separator: String = ",", append: Bool = false) throws(LocatedError) {
        try AtomicFile.requireWritable(filename)
        self.init(
            separator: separator, appends: append,
            read: { FileManager.default.contents(atPath: filename).map { String(decoding: $0, as: UTF8.self) } },
            write: { (text) throws(LocatedError) in try AtomicFile.write(text, to: filename) })
    }
}
