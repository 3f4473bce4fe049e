import Foundation
public import Datasets
public import Tensors

extension ImageDataGenerator {
    /// What targets are made of a table's columns.
    public enum DataframeClassMode: String, Sendable, CaseIterable {
        /// One-hot, shape (samples, classes).
        case categorical
        /// Numbers, shape (samples,); exactly two classes.
        case binary
        /// Numbers, shape (samples,).
        case sparse
        /// The pictures themselves, as they are given.
        case input
        /// The columns' numbers: shape (samples,) for one column, (samples, columns) for more.
        case raw
        /// One output for each column.
        case multiOutput = "multi_output"
    }

    /// Batches of pictures that a table lists: Keras's `flow_from_dataframe`, with a CSV file for pandas's table.
    ///
    /// Classes are the fields' text (`pandas.read_csv(…, dtype=str)`); columns of `raw` and `multi_output` are int64 where all
    /// fields are whole numbers, else float64.
    ///
    /// - Parameters:
    ///   - csv: a file whose first line names the columns.
    ///   - directory: what file names are relative to; nil: as they are.
    ///   - weightCol: a column of sample weights.
    ///   - classes: those to keep; all of them unless given. Sorted either way.
    ///   - classMode: nil: no targets.
    ///   - validateFilenames: leaves out rows whose file isn't there or has no picture's name, with a warning.
    ///
    /// Other parameters are `flowFromDirectory`'s. Throws 65 `augment.column`, `augment.number`, `augment.classes`, and what
    /// `flowFromDirectory` and `CSV` throw.
    public func flowFromDataframe(
        _ csv: String, directory: String? = nil, xCol: String = "filename", yCol: [String] = ["class"], weightCol: String? = nil,
        targetSize: (height: Int, width: Int) = (256, 256), colorMode: Image.ColorMode = .rgb, classes: [String]? = nil,
        classMode: DataframeClassMode? = .categorical, batchSize: Int = 32, shuffle: Bool = true, seed: Int? = nil,
        saveToDir: String? = nil, savePrefix: String = "", saveFormat: String = "png", subset: Subset? = nil,
        interpolation: Interpolation = .nearest, validateFilenames: Bool = true
    ) throws(LocatedError) -> DirectoryIterator {
        try checkFlow(batchSize: batchSize, seed: seed)
        let table = try CSV.texts(csv)
        let chosen = try locating(csv) { () throws(LocatedError) in
            try TableRows(
                table.columns, table.rows, directory: directory, xCol: xCol, yCol: yCol, weightCol: weightCol, classes: classes,
                classMode: classMode, validateFilenames: validateFilenames, part: part(subset))
        }
        if chosen.invalid > 0 {
            warn(
                "Found \(chosen.invalid) invalid image filename(s) in x_col=\"\(xCol)\". These filename(s) will be ignored.")
        }
        if classes?.isEmpty == false, !chosen.hasClasses {
            warn("`classes` will be ignored given the class_mode=\"\(classMode?.rawValue ?? "None")\"")
        }
        let source = try FileSource(
            paths: chosen.paths, targetSize: targetSize, colorMode: colorMode, interpolation: interpolation, dataFormat: dataFormat,
            targets: chosen.targets, sampleWeight: chosen.weights)
        let saving = try saveToDir.map { directory throws(LocatedError) in
            try PictureSaving(
                directory: directory, prefix: savePrefix, format: saveFormat, largestHash: 10_000_000, dataFormat: dataFormat)
        }
        let flow = IndexFlow(count: chosen.paths.count, batchSize: batchSize, shuffle: shuffle, seed: seed)
        return DirectoryIterator(
            BatchMaker(self, source, flow, saving: saving), filenames: chosen.filenames, classes: chosen.classes,
            classNames: chosen.classNames)
    }

    /// The part of the files that a subset takes.
    func part(_ subset: Subset?) -> (from: Double, to: Double)? {
        switch subset {
        case nil: nil
        case .validation: (0, validationSplit)
        case .training: (validationSplit, 1)
        }
    }
}

/// The rows of a table that pictures are read for.
private struct TableRows {
    var filenames: [String] = []
    var paths: [String] = []
    var classes: [Int] = []
    var classNames: [String] = []
    var targets = FileSource.Targets.none
    var weights: Tensor?
    /// Rows left out for their files.
    var invalid = 0
    var hasClasses = false

    init(
        _ columns: [String], _ rows: [[String]], directory: String?, xCol: String, yCol: [String], weightCol: String?,
        classes given: [String]?, classMode: ImageDataGenerator.DataframeClassMode?, validateFilenames: Bool,
        part: (from: Double, to: Double)?
    ) throws(LocatedError) {
        func column(_ name: String) throws(LocatedError) -> Int {
            guard let index = columns.firstIndex(of: name) else {
                throw LocatedError(
                    .invalid, "augment.column", "expected a column \(name), got \(columns.prefix(12).joined(separator: ", "))")
            }
            return index
        }
        let x = try column(xCol)
        func path(_ name: String) -> String {
            name.hasPrefix("/") || (directory ?? "").isEmpty ? name : FolderListing.join(directory ?? "", name)
        }
        var rows = rows
        hasClasses = classMode.map { [.categorical, .binary, .sparse].contains($0) } ?? false
        if hasClasses {
            guard yCol.count == 1 else {
                throw LocatedError(.usage, "augment.column", "expected one column of classes, got \(yCol.count)", at: ["y_col"])
            }
            let y = try column(yCol[0])
            if let row = rows.firstIndex(where: { $0[y].isEmpty }) {
                throw LocatedError(.invalid, "augment.classes", "expected a class in every row, got none", at: ["row \(row + 1)", yCol[0]])
            }
            let count = Set(given?.isEmpty == false ? given ?? [] : rows.map { $0[y] }).count
            guard classMode != .binary || count == 2 else {
                throw LocatedError(.invalid, "augment.classes", "expected two classes for class_mode binary, got \(count)", at: [yCol[0]])
            }
        }
        if validateFilenames {
            let all = rows.count
            rows = rows.filter { row in
                var isFolder: ObjCBool = false
                return PictureFolder.isPictureName(row[x])
                    && FileManager.default.fileExists(atPath: path(row[x]), isDirectory: &isFolder) && !isFolder.boolValue
            }
            invalid = all - rows.count
        }
        if hasClasses {
            let y = try column(yCol[0])
            let kept = Set(given?.isEmpty == false ? given ?? [] : rows.map { $0[y] })
            rows = rows.filter { kept.contains($0[y]) }
            classNames = kept.sorted(by: FolderListing.precedes)
        }
        if let part {
            let (start, stop) = (Int(part.from * Double(rows.count)), Int(part.to * Double(rows.count)))
            rows = start < stop ? Array(rows[start..<stop]) : []
        }
        filenames = rows.map { $0[x] }
        paths = filenames.map(path)
        if hasClasses {
            let y = try column(yCol[0])
            let numbers = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($0.element, $0.offset) })
            classes = rows.map { numbers[$0[y]] ?? 0 }
            targets = classMode == .categorical ? .oneHot(classes, count: classNames.count) : .numbers(classes.map { Float($0) })
        } else {
            switch classMode {
            case .input: targets = .pictures
            case .multiOutput:
                var arrays: [Tensor] = []
                for name in yCol { arrays.append(try Self.numbers(rows, [column(name)], [name])) }
                targets = .arrays(arrays)
            case .raw:
                var indices: [Int] = []
                for name in yCol { indices.append(try column(name)) }
                targets = .arrays([try Self.numbers(rows, indices, yCol)])
            default: targets = .none
            }
        }
        if let weightCol { weights = try Self.numbers(rows, [column(weightCol)], [weightCol]) }
    }

    /// The numbers of some columns, int64 where all are whole, else float64.
    private static func numbers(_ rows: [[String]], _ columns: [Int], _ names: [String]) throws(LocatedError) -> Tensor {
        let shape: Shape = columns.count == 1 ? [rows.count] : [rows.count, columns.count]
        var numbers: [Double] = []
        var whole: [Int64] = []
        for (row, fields) in rows.enumerated() {
            for (column, name) in zip(columns, names) {
                guard let number = Double(fields[column]) else {
                    throw LocatedError(
                        .invalid, "augment.number", "expected a number, got \"\(fields[column])\"", at: ["row \(row + 1)", name])
                }
                numbers.append(number)
                if let integer = Int64(fields[column]) { whole.append(integer) }
            }
        }
        return whole.count == numbers.count ? Tensor(whole, shape: shape) : Tensor(numbers, shape: shape)
    }
}
