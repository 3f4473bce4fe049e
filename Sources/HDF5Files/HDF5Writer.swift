internal import CHDF5
package import Tensors

/// Writes an HDF5 file as h5py 2 under Keras 2.3.1 does: superblock 0, object headers of version 1, groups as symbol
/// tables, contiguous little-endian datasets, no filters. The same calls give the same bytes: times are not tracked.
///
/// Not an atomic writer: give it a temporary path, and move the file in place after `close()`.
package final class HDF5Writer: HDF5Located, @unchecked Sendable {
    /// How the names of a list are stored.
    package enum ListKind: Hashable, Sendable {
        /// As long as the longest, null-padded: h5py 2, thus Keras up to tf.keras 2.4. What every Keras reads.
        case fixedLength
        /// In the heap: h5py 3.
        case variableLength
    }

    package let path: String
    let fileName: String
    /// Guarded by the library's lock; nil after `close()`.
    private var file: HDF5Handle?

    /// Creates a file, or empties the one that is there. Throws `file.cannot_create`.
    ///
    /// - Parameter keepsLongLists: whether the root group takes lists beyond an object header's 64 KB.
    package init(creating path: String, keepsLongLists: Bool = false) throws(LocatedError) {
        let fileName = HDF5Path.fileName(path)
        self.path = path
        self.fileName = fileName
        file = try HDF5Library.locked { () throws(LocatedError) in
            guard let access = HDF5Handle(H5Pcreate(chdf5_class_file_access()), close: H5Pclose),
                H5Pset_fapl_sec2(access.id) >= 0,
                H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG) >= 0,
                H5Pset_file_locking(access.id, false, true) >= 0,
                H5Pset_libver_bounds(access.id, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0,
                let creation = HDF5Handle(H5Pcreate(chdf5_class_file_create()), close: H5Pclose),
                H5Pset_obj_track_times(creation.id, false) >= 0,
                !keepsLongLists || Self.lockedKeepLongLists(creation.id),
                let file = HDF5Handle(
                    H5Fcreate(path, chdf5_truncate(), creation.id, access.id), close: H5Fclose)
            else {
                throw LocatedError(
                    .cannotCreate, "file.cannot_create",
                    "expected a place for a file, libhdf5 says: \(HDF5Library.reason())", at: [fileName])
            }
            return file
        }
    }

    deinit {
        HDF5Library.locked { file = nil }
    }

    /// Object headers of version 2, as attributes that know their order have, may keep their attributes outside.
    private static func lockedKeepLongLists(_ creation: hid_t) -> Bool {
        H5Pset_attr_creation_order(creation, UInt32(H5P_CRT_ORDER_TRACKED)) >= 0
    }

    /// Creates a group and the groups above it. Throws `hdf5.exists` when there is something of that name.
    ///
    /// - Parameter keepsLongLists: whether it takes lists beyond an object header's 64 KB.
    package func createGroup(_ groupPath: String, keepsLongLists: Bool = false) throws(LocatedError) {
        try HDF5Library.locked { () throws(LocatedError) in
            let place = try lockedPlace(groupPath)
            guard let creation = HDF5Handle(H5Pcreate(chdf5_class_group_create()), close: H5Pclose),
                H5Pset_obj_track_times(creation.id, false) >= 0,
                !keepsLongLists || Self.lockedKeepLongLists(creation.id),
                HDF5Handle(
                    H5Gcreate2(place.file, place.path, place.link.id, creation.id, chdf5_default()), close: H5Gclose)
                    != nil
            else { throw failure("a new group", at: groupPath) }
        }
    }

    /// Writes a dataset and creates the groups above it. Elements are converted to `storedType` when one is given.
    /// bfloat16 is written as Keras 3 does: opaque pairs with an attribute `dtype`.
    package func writeDataset(
        _ objectPath: String, _ tensor: Tensor, as storedType: DType? = nil
    ) throws(LocatedError) {
        let stored = storedType.map { $0 == tensor.dtype ? tensor : tensor.asType($0) } ?? tensor
        try HDF5Library.locked { () throws(LocatedError) in
            let place = try lockedPlace(objectPath)
            guard let type = ElementType.lockedStored(stored.dtype), let memory = ElementType.lockedNative(of: type.id),
                let space = lockedSpace(stored.shape),
                let creation = HDF5Handle(H5Pcreate(chdf5_class_dataset_create()), close: H5Pclose),
                H5Pset_obj_track_times(creation.id, false) >= 0,
                let dataset = HDF5Handle(
                    H5Dcreate2(
                        place.file, place.path, type.id, space.id, place.link.id, creation.id, chdf5_default()),
                    close: H5Dclose)
            else { throw failure("a new dataset", at: objectPath) }
            if stored.count > 0 {
                let result = stored.withUnsafeBytes {
                    H5Dwrite(dataset.id, memory.id, chdf5_all(), chdf5_all(), chdf5_default(), $0.baseAddress)
                }
                guard result >= 0 else { throw failure("room for the values", at: objectPath) }
            }
            if stored.dtype == .bfloat16 {
                try lockedSet(
                    "dtype", .string(HDF5String("bfloat16", kind: .variableUTF8)), on: dataset.id, at: objectPath)
            }
        }
    }

    /// Writes an attribute of an object that exists; one of the same name is replaced.
    package func setAttribute(
        _ name: String, on objectPath: String, _ value: HDF5Attribute
    ) throws(LocatedError) {
        try HDF5Library.locked { () throws(LocatedError) in
            let object = try lockedObject(objectPath)
            try lockedSet(name, value, on: object.id, at: objectPath)
        }
    }

    /// Writes a list of names as Keras does: an empty one as float64 of shape (0,), one beyond 64512 bytes split over
    /// `name0`, `name1`….
    ///
    /// - Parameter isWhole: whether it is written in one piece however long it is, to a group that keeps long lists.
    package func writeStringList(
        _ name: String, on objectPath: String, _ names: [String], kind: ListKind = .fixedLength, isWhole: Bool = false
    ) throws(LocatedError) {
        guard let parts = isWhole ? [names.indices] : NameLists.parts(names) else {
            throw error(
                .unsupported, "hdf5.attribute", "expected names that fit an attribute of \(NameLists.limit) bytes",
                at: objectPath, attribute: name)
        }
        // h5py 3 stores a whole list in the heap, but the parts of one as NumPy's arrays of fixed length.
        let isVariable = kind == .variableLength && parts.count == 1 && NameLists.fitsReferences(names)
        let stringKind: HDF5StringKind = isVariable ? .variableASCII : .fixedASCII(size: NameLists.width(of: names))
        try HDF5Library.locked { () throws(LocatedError) in
            let object = try lockedObject(objectPath)
            for (index, range) in parts.enumerated() {
                let value: HDF5Attribute =
                    range.isEmpty ? .emptyList : .strings(Array(names[range]), kind: stringKind, shape: [range.count])
                try lockedSet(parts.count == 1 ? name : name + String(index), value, on: object.id, at: objectPath)
            }
        }
    }

    /// Writes what is buffered and closes. Nothing can be written afterwards; only now the file is whole.
    package func close() throws(LocatedError) {
        try HDF5Library.locked { () throws(LocatedError) in
            guard let id = file?.id else { return }
            assert(chdf5_open_objects(id) == 1, "a handle of \(fileName) was left open")
            let flushed = H5Fflush(id, H5F_SCOPE_GLOBAL)
            let reason = flushed < 0 ? HDF5Library.reason() : ""
            file = nil
            guard flushed >= 0 else {
                throw LocatedError(
                    .io, "file.write", "expected room for the file, libhdf5 says: \(reason)", at: [fileName])
            }
        }
    }

    /// Whether an object header has no room for a list, which Keras then splits.
    package static func isLong(_ names: [String]) -> Bool { (NameLists.parts(names)?.count ?? 2) > 1 }

    // MARK: - With the lock held

    /// Where a new object goes: the file, the path from its root, and how links on the way are made.
    private struct Place: ~Copyable {
        let file: hid_t
        let path: String
        let link: HDF5Handle
    }

    private func lockedPlace(_ objectPath: String) throws(LocatedError) -> Place {
        let path = try checkedPath(objectPath)
        let id = try lockedFile(at: objectPath)
        guard !path.isEmpty else {
            throw error(.invalid, "hdf5.exists", "expected a name that is free, got the root group", at: objectPath)
        }
        guard let link = HDF5Handle(H5Pcreate(chdf5_class_link_create()), close: H5Pclose),
            H5Pset_create_intermediate_group(link.id, 1) >= 0,
            H5Pset_char_encoding(link.id, path.utf8.allSatisfy { $0 < 0x80 } ? H5T_CSET_ASCII : H5T_CSET_UTF8) >= 0
        else { throw failure("properties of a link", at: objectPath) }
        try lockedCheckFree(path, id, at: objectPath)
        return Place(file: id, path: path, link: link)
    }

    /// Every part but the last must be a group or absent, the last one absent.
    private func lockedCheckFree(_ path: String, _ file: hid_t, at objectPath: String) throws(LocatedError) {
        let parts = path.split(separator: "/")
        for depth in parts.indices {
            let here = parts[...depth].joined(separator: "/")
            let exists = H5Lexists(file, here, chdf5_default())
            if exists == 0 { return }
            guard exists > 0 else {
                throw error(
                    .invalid, "hdf5.exists", "expected a group above it, got a dataset", at: objectPath)
            }
        }
        throw error(.invalid, "hdf5.exists", "expected a name that is free, got one that is taken", at: objectPath)
    }

    private func lockedObject(_ objectPath: String) throws(LocatedError) -> HDF5Handle {
        let path = try checkedPath(objectPath)
        let id = try lockedFile(at: objectPath)
        guard let object = HDF5Handle(H5Oopen(id, path.isEmpty ? "/" : path, chdf5_default()), close: H5Oclose) else {
            throw error(
                .invalid, "hdf5.missing", "expected an object that was written, found none: \(HDF5Library.reason())",
                at: objectPath)
        }
        return object
    }

    private func lockedFile(at objectPath: String) throws(LocatedError) -> hid_t {
        guard let id = file?.id else {
            throw error(.usage, "hdf5.closed", "expected an open file, got one that was closed", at: objectPath)
        }
        return id
    }

    private func checkedPath(_ objectPath: String) throws(LocatedError) -> String {
        let parts = objectPath.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count <= HDF5File.deepest, parts.allSatisfy(HDF5File.isName) else {
            throw error(
                .invalid, "hdf5.name", "expected names without \".\", \"..\" and NUL, at most \(HDF5File.longestName) "
                    + "bytes long and \(HDF5File.deepest) deep", at: objectPath)
        }
        return parts.joined(separator: "/")
    }

    func lockedSpace(_ shape: Shape) -> HDF5Handle? {
        if shape.rank == 0 { return HDF5Handle(H5Screate(H5S_SCALAR), close: H5Sclose) }
        let extents = shape.dims.map { hsize_t($0) }
        return HDF5Handle(H5Screate_simple(Int32(extents.count), extents, nil), close: H5Sclose)
    }

    /// The last call of libhdf5 failed, which for a file being written means the disk or a limit of the format.
    func failure(_ what: String, at objectPath: String, attribute: String? = nil) -> LocatedError {
        error(
            .io, "hdf5.write", "expected \(what), libhdf5 says: \(HDF5Library.reason())", at: objectPath,
            attribute: attribute)
    }
}
