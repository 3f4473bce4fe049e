package import Tensors

/// What reading an HDF5 file takes, whoever does it: `HDF5File` does it with libhdf5 in this process; a reader that is
/// safe by construction or lives in a process of its own can take its place.
///
/// Object paths are as in HDF5, `model_weights/dense_1`; empty parts are skipped, so `""` and `"/"` are the root group.
/// Only hard links are followed; a soft or external link on the way throws `hdf5.link`. Every error is located at the
/// file's name and the object's path.
package protocol HDF5Reading: Sendable {
    /// Where the bytes came from, as the caller named it.
    var path: String { get }

    /// What lies at a path, nil when nothing does.
    func exists(_ objectPath: String) throws(LocatedError) -> HDF5ObjectKind?

    /// The links of a group sorted by name, the order HDF5 keeps. Order of layers and weights comes from the name
    /// lists, never from here.
    func links(of groupPath: String) throws(LocatedError) -> [HDF5Link]

    /// The names of an object's attributes, sorted.
    func attributes(of objectPath: String) throws(LocatedError) -> [String]

    /// One attribute, nil when the object has none of that name.
    func attribute(_ name: String, of objectPath: String) throws(LocatedError) -> HDF5Attribute?

    /// A list of strings: one attribute, or its parts `name0`, `name1`… as h5py and Keras split lists beyond 64512
    /// bytes. An empty list is stored as float64 of shape (0,). Nil when neither `name` nor `name0` is there.
    func stringList(_ name: String, of objectPath: String) throws(LocatedError) -> [String]?

    /// A dataset whose header was read and checked; its bytes are read when `load()` is called.
    func dataset(_ objectPath: String) throws(LocatedError) -> LazyTensor

    /// What a dataset's header says, after the same checks as `dataset`.
    func datasetInfo(_ objectPath: String) throws(LocatedError) -> HDF5DatasetInfo
}

/// What a hard link can lead to.
package enum HDF5ObjectKind: String, Hashable, Sendable {
    case group, dataset, namedType
}

/// One entry of a group.
package struct HDF5Link: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case group, dataset, namedType
        /// Not followed: the target is another path, another file, or code of a plugin.
        case softLink, externalLink, userDefinedLink
    }

    package let name: String
    package let kind: Kind
    /// The same for two hard links to one object, different for different objects of a file; 0 for what isn't a hard link.
    package let identity: UInt64

    package init(name: String, kind: Kind, identity: UInt64) {
        self.name = name
        self.kind = kind
        self.identity = identity
    }
}

extension HDF5Reading {
    /// Visits everything below a group, parents first, names in order; `visit` gets the path and the link.
    /// A group that is reached twice (a cycle, or groups shared to multiply the walk) throws `hdf5.cycle`.
    package func walk(
        from groupPath: String = "", _ visit: (String, HDF5Link) throws(LocatedError) -> Void
    ) throws(LocatedError) {
        var seen: Set<UInt64> = []
        var pending: [(path: String, link: HDF5Link)] = []
        func push(_ group: String) throws(LocatedError) {
            for link in try links(of: group).reversed() {
                pending.append((group.isEmpty ? link.name : group + "/" + link.name, link))
            }
        }
        try push(groupPath)
        while let (path, link) = pending.popLast() {
            try visit(path, link)
            guard link.kind == .group else { continue }
            guard seen.insert(link.identity).inserted else {
                throw LocatedError(
                    .invalid, "hdf5.cycle", "expected a tree of groups, got a group that is linked more than once",
                    at: [HDF5Path.fileName(self.path), path])
            }
            try push(path)
        }
    }
}
