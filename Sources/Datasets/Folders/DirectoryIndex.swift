import Tensors

/// What the labels of files in a folder are: Keras's `labels`.
public enum DirectoryLabels: Sendable {
    /// A class for each subfolder.
    case inferred
    /// None; all files below the folder are taken.
    case none
    /// One for each file below the folder, in the order of the files.
    case given([Int])
}

/// How labels are written: Keras's `label_mode`.
public enum LabelMode: Sendable {
    /// int32, shape (samples,).
    case int
    /// float32, shape (samples, classes), a one at the class.
    case categorical
    /// float32, shape (samples, 1), 0 or 1, for two classes.
    case binary
}

/// Which part of the files is taken: Keras's `subset`.
public enum DirectorySubset: Sendable {
    case training, validation
}

/// Files of a folder with their labels, mixed and split as Keras does.
///
/// Source: `index_directory`, `get_training_or_validation_split`, `check_validation_split_arg` of Keras 3.15's
/// `utils/dataset_utils.py`.
struct DirectoryIndex {
    private(set) var paths: [String]
    /// nil where there are none.
    private(set) var labels: [Int]?
    private(set) var classNames: [String]?

    /// - Parameters:
    ///   - endings: of the files' names, with their dots.
    ///   - seed: of the order, NumPy's; nil: the files stay in their order.
    init(
        _ directory: String, _ labels: DirectoryLabels, classNames: [String]?, endings: [String], followLinks: Bool, seed: UInt32?
    ) throws(LocatedError) {
        var folders = [""]
        if case .inferred = labels {
            folders = try FolderListing.subfolders(directory)
            if let classNames {
                let missing = classNames.filter { !folders.contains($0) }
                guard missing.isEmpty, Set(classNames).count == classNames.count else {
                    throw LocatedError(
                        .usage, "folder.classes",
                        "expected some of the subfolders \(folders.joined(separator: ", ")), each once, got \(classNames.joined(separator: ", "))",
                        at: [directory])
                }
                folders = classNames
            }
            self.classNames = folders
        } else if classNames != nil {
            throw LocatedError(.usage, "folder.classes", "expected names of classes only where labels are inferred from folders", at: [directory])
        }
        var paths: [String] = []
        var numbers: [Int] = []
        for (number, folder) in folders.enumerated() {
            let place = folder.isEmpty ? directory : FolderListing.join(directory, folder)
            let files = try FolderListing.files(below: place, followLinks: followLinks) { FolderListing.hasEnding($0, endings) }
            paths += files.map { FolderListing.join(place, $0) }
            numbers += [Int](repeating: number, count: files.count)
        }
        switch labels {
        case .inferred: self.labels = numbers
        case .none: self.labels = nil
        case .given(let given):
            guard given.count == paths.count else {
                throw LocatedError(
                    .usage, "folder.labels", "expected a label for each of \(paths.count) files, got \(given.count)", at: [directory])
            }
            self.labels = given
            self.classNames = Set(given).sorted().map(String.init)
        }
        if let seed {
            var random = NumPyRandom(seed: seed)
            random.shuffle(&paths)
            if self.labels != nil {
                random = NumPyRandom(seed: seed)
                random.shuffle(&self.labels!)
            }
        }
        self.paths = paths
    }

    /// Leaves the files of one part: the last share is for validation. Throws 65 `folder.empty`.
    func part(_ subset: DirectorySubset?, _ share: Double?, _ directory: String, _ endings: [String]) throws(LocatedError) -> DirectoryIndex {
        var result = self
        if let subset, let share {
            let validation = Int(share * Double(paths.count))
            let border = paths.count - validation
            let range = subset == .training ? 0..<border : border..<paths.count
            guard validation > 0, !range.isEmpty else {
                throw LocatedError(
                    .invalid, "folder.empty", "expected files for training and for validation, got \(border) and \(validation)", at: [directory])
            }
            result.paths = Array(paths[range])
            result.labels = labels.map { Array($0[range]) }
        }
        guard !result.paths.isEmpty else {
            throw LocatedError(
                .invalid, "folder.empty", "expected files ending in \(endings.joined(separator: ", ")), got none", at: [directory])
        }
        return result
    }

    /// Throws 64 `folder.split` for shares and parts that don't go together, `folder.seed`.
    static func check(_ share: Double?, _ subset: DirectorySubset?, both: Bool = false, shuffle: Bool, seed: UInt32?) throws(LocatedError) {
        if let share, !(share > 0 && share < 1) {
            throw LocatedError(.usage, "folder.split", "expected a share between 0 and 1 for validation, got \(share)")
        }
        guard (share != nil) == (subset != nil || both) else {
            throw LocatedError(.usage, "folder.split", "expected a share for validation and the part that is wanted, got only one of them")
        }
        guard share == nil || !shuffle || seed != nil else {
            throw LocatedError(
                .usage, "folder.seed", "expected a seed, so that no file is in both parts, got none", hint: "Give a seed, or don't shuffle.")
        }
    }

    /// Throws 64 `folder.binary` unless there are two classes.
    func check(_ mode: LabelMode?) throws(LocatedError) {
        guard mode != .binary || classNames?.count == 2 else {
            throw LocatedError(.usage, "folder.binary", "expected two classes for binary labels, got \(classNames?.count ?? 0)")
        }
    }

    /// The labels of some files.
    func targets(_ numbers: [Int], _ mode: LabelMode?) throws(LocatedError) -> [Tensor] {
        guard let labels, let mode else { return [] }
        let chosen = numbers.map { labels[$0] }
        switch mode {
        case .int:
            return [Tensor(chosen.map { Int32(clamping: $0) })]
        case .binary:
            return [Tensor(chosen.map(Float.init), shape: [chosen.count, 1])]
        case .categorical:
            let classes = classNames?.count ?? 0
            var rows = Tensor(zeros: [chosen.count, classes])
            rows.withUnsafeMutableElements(as: Float.self) { elements in
                for (row, label) in chosen.enumerated() where (0..<classes).contains(label) { elements[row * classes + label] = 1 }
            }
            return [rows]
        }
    }
}
