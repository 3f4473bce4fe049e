package import Tensors

/// What the header of a dataset says, checked against the file.
package struct HDF5DatasetInfo: Hashable, Sendable {
    package enum ByteOrder: String, Hashable, Sendable {
        case little, big
        /// Elements of one byte.
        case none
    }

    package enum Layout: Hashable, Sendable {
        /// In the object's header.
        case compact
        /// One block.
        case contiguous
        /// Blocks of these extents, each through the filters.
        case chunked([Int])
    }

    package enum Filter: Hashable, Sendable {
        /// zlib, the `compression='gzip'` of h5py.
        case deflate(level: Int)
        case shuffle
        /// A checksum per chunk.
        case fletcher32
    }

    package let shape: Shape
    package let dtype: DType
    /// As stored; `load` gives native order.
    package let byteOrder: ByteOrder
    package let layout: Layout
    /// In the order they were applied on writing.
    package let filters: [Filter]
    /// Bytes taken in the file.
    package let storageSize: Int

    /// Bytes in memory. Checked when the header was read, so it doesn't overflow.
    package var byteCount: Int { shape.count * dtype.byteCount }
}
