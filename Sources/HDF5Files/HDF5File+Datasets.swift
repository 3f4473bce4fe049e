internal import CHDF5
package import Tensors

extension HDF5File {
    /// zlib can't do better: 1032 bytes out of one.
    private static let bestDeflateRatio = 1032
    /// Chunks of an index that only libhdf5 reads.
    private static let mostAskedChunks = 4096
    /// A chunk may be this large whatever the dataset's size.
    private static let smallChunk = 1 << 20

    package func datasetInfo(_ objectPath: String) throws(LocatedError) -> HDF5DatasetInfo {
        try HDF5Library.locked { () throws(LocatedError) in
            let dataset = try lockedDataset(objectPath)
            return try lockedHeader(dataset.id, at: objectPath).info
        }
    }

    package func dataset(_ objectPath: String) throws(LocatedError) -> LazyTensor {
        let info = try datasetInfo(objectPath)
        return LazyTensor(shape: info.shape, dtype: info.dtype) { [self] () throws(LocatedError) in
            try load(objectPath, expecting: info)
        }
    }

    /// What a dataset's values take to be read.
    private struct Header {
        var info: HDF5DatasetInfo
        var chunks: [ChunkRecord] = []
        /// Where the values of a contiguous dataset begin.
        var address: Int?
    }

    private func load(_ objectPath: String, expecting expected: HDF5DatasetInfo) throws(LocatedError) -> Tensor {
        try Memory.require(expected.shape, dtype: expected.dtype, for: "an array of the file")
        // Values in one block need nothing of libhdf5 but their address: they go straight into the tensor, and other threads
        // aren't held up meanwhile.
        let address = try HDF5Library.locked { () throws(LocatedError) -> Int? in
            let dataset = try lockedDataset(objectPath)
            let header = try lockedHeader(dataset.id, at: objectPath)
            guard header.info == expected, geometry.base == 0 else { return nil }
            return header.address
        }
        if let address {
            var tensor = Tensor(uninitialized: expected.shape, dtype: expected.dtype)
            let isWhole = tensor.withUnsafeMutableBytes { bytes in
                guard source.read(at: address, into: bytes) else { return false }
                if isForeign(expected.byteOrder) { swapBytes(bytes, width: expected.dtype.byteCount) }
                return true
            }
            guard isWhole else {
                throw error(.io, "file.read", "expected readable values, got none: the file became shorter", at: objectPath)
            }
            if expected.dtype == .bool { normalizeBooleans(&tensor) }
            return tensor
        }
        return try HDF5Library.locked { () throws(LocatedError) in
            let dataset = try lockedDataset(objectPath)
            let header = try lockedHeader(dataset.id, at: objectPath)
            let (info, records) = (header.info, header.chunks)
            guard info == expected else {
                throw error(
                    .io, "hdf5.changed", "expected the dataset as it was when the file was opened, got another",
                    at: objectPath)
            }
            var tensor = Tensor(uninitialized: info.shape, dtype: info.dtype)
            guard tensor.count > 0 else { return tensor }
            if case .chunked(let chunk) = info.layout {
                try load(
                    ChunkDecoder(info, chunk: chunk, records: records, reader: rawReader), into: &tensor, at: objectPath)
                return tensor
            }
            guard let type = HDF5Handle(H5Dget_type(dataset.id), close: H5Tclose),
                let memory = ElementType.lockedNative(of: type.id)
            else { throw corrupt("an element type", at: objectPath) }
            let result = tensor.withUnsafeMutableBytes {
                H5Dread(dataset.id, memory.id, chdf5_all(), chdf5_all(), chdf5_default(), $0.baseAddress)
            }
            guard result >= 0 else { throw corrupt("readable values", at: objectPath) }
            if info.dtype == .bool { normalizeBooleans(&tensor) }
            return tensor
        }
    }

    private func load(
        _ decoder: ChunkDecoder, into tensor: inout Tensor, at objectPath: String
    ) throws(LocatedError) {
        do throws(ChunkDecoder.Failure) {
            try tensor.withUnsafeMutableBytes { (bytes) throws(ChunkDecoder.Failure) in
                try decoder.read(into: bytes)
                if isForeign(decoder.info.byteOrder) {
                    swapBytes(bytes, width: decoder.info.dtype.byteCount)
                }
            }
        } catch let failure {
            switch failure {
            case .malformed(let what):
                throw error(.invalid, "hdf5.chunk", "expected sound chunks, got \(what)", at: objectPath)
            }
        }
        if decoder.info.dtype == .bool { normalizeBooleans(&tensor) }
    }

    /// Whether elements have to be turned round for this machine.
    private func isForeign(_ order: HDF5DatasetInfo.ByteOrder) -> Bool {
        order == (1.littleEndian == 1 ? .big : .little)
    }

    private func lockedDataset(_ objectPath: String) throws(LocatedError) -> HDF5Handle {
        let object = try lockedExisting(objectPath)
        guard H5Iget_type(object.id) == H5I_DATASET else {
            throw error(.invalid, "hdf5.kind", "expected a dataset, got a group or type", at: objectPath)
        }
        return object
    }

    /// Reads and checks a header. The creation properties come first: some layouts read other files as soon as their
    /// shape is asked for.
    private func lockedHeader(
        _ dataset: hid_t, at objectPath: String
    ) throws(LocatedError) -> Header {
        guard let creation = HDF5Handle(H5Dget_create_plist(dataset), close: H5Pclose) else {
            throw corrupt("a dataset's properties", at: objectPath)
        }
        let layoutClass = H5Pget_layout(creation.id)
        if layoutClass == H5D_VIRTUAL {
            throw error(
                .invalid, "hdf5.virtual", "expected values in this file, got a virtual dataset, which refers to others",
                at: objectPath, hint: "Copy the file with h5py so that the values lie in it.")
        }
        let externalFiles = H5Pget_external_count(creation.id)
        guard externalFiles == 0 else {
            if externalFiles < 0 { throw corrupt("a dataset's properties", at: objectPath) }
            throw error(
                .invalid, "hdf5.external", "expected values in this file, got a reference to \(externalFiles) other files",
                at: objectPath, hint: "Copy the file with h5repack so that the values lie in it.")
        }
        let (filters, shuffledBytes) = try lockedFilters(creation.id, at: objectPath)

        guard let type = HDF5Handle(H5Dget_type(dataset), close: H5Tclose),
            let space = HDF5Handle(H5Dget_space(dataset), close: H5Sclose)
        else { throw corrupt("a type and a shape", at: objectPath) }
        let element = try elementType(type.id, at: objectPath)
        guard shuffledBytes == nil || shuffledBytes == element.dtype.byteCount else {
            throw error(
                .invalid, "hdf5.filter", "expected elements shuffled by their own width, got another", at: objectPath)
        }
        if element.isOpaquePair { try lockedCheckBrain(dataset, at: objectPath) }
        guard let extent = try lockedExtent(of: space.id, at: objectPath) else {
            throw error(.unsupported, "hdf5.type", "expected an array, got a dataset without a shape", at: objectPath)
        }
        let (byteCount, overflow) = extent.count.multipliedReportingOverflow(by: element.dtype.byteCount)
        guard !overflow else { throw tooLarge(extent.shape, element.dtype, stored: nil, at: objectPath) }

        let layout = try lockedLayout(
            dataset, creation.id, layoutClass, extent.shape, byteCount, element.dtype, filters, at: objectPath)
        let info = HDF5DatasetInfo(
            shape: extent.shape, dtype: element.dtype, byteOrder: element.byteOrder, layout: layout.layout,
            filters: filters, storageSize: layout.stored)
        return Header(info: info, chunks: layout.chunks, address: layout.address)
    }

    /// The filters, and the width of the elements that the shuffle was told.
    private func lockedFilters(
        _ creation: hid_t, at objectPath: String
    ) throws(LocatedError) -> (filters: [HDF5DatasetInfo.Filter], shuffledBytes: Int?) {
        let count = H5Pget_nfilters(creation)
        guard (0...32).contains(count) else { throw corrupt("a list of filters", at: objectPath) }
        var filters: [HDF5DatasetInfo.Filter] = []
        var seen: Set<H5Z_filter_t> = []
        var shuffledBytes: Int?
        for index in 0..<count {
            var flags: UInt32 = 0
            var values = [UInt32](repeating: 0, count: 8)
            var valueCount = values.count
            var name = [CChar](repeating: 0, count: 64)
            var configuration: UInt32 = 0
            let filter = H5Pget_filter2(
                creation, UInt32(index), &flags, &valueCount, &values, name.count, &name, &configuration)
            guard filter >= 0 else { throw corrupt("a list of filters", at: objectPath) }
            switch filter {
            case H5Z_FILTER_DEFLATE: filters.append(.deflate(level: Int(values[0])))
            case H5Z_FILTER_SHUFFLE:
                shuffledBytes = Int(values[0])
                filters.append(.shuffle)
            case H5Z_FILTER_FLETCHER32: filters.append(.fletcher32)
            default:
                let known = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw error(
                    .unsupported, "hdf5.filter",
                    "expected gzip, shuffle or fletcher32, got filter \(filter)\(known.isEmpty ? "" : " (\(known))")",
                    at: objectPath, hint: "Copy the file with h5repack -f NONE where that filter is installed.")
            }
            // Two deflates turn 13 KB into 2 GiB.
            guard seen.insert(filter).inserted else {
                throw error(.invalid, "hdf5.filter", "expected each filter once, got one repeated", at: objectPath)
            }
        }
        return (filters, shuffledBytes)
    }

    /// Keras marks bfloat16 by an attribute; other pairs of opaque bytes have no meaning as numbers.
    private func lockedCheckBrain(_ dataset: hid_t, at objectPath: String) throws(LocatedError) {
        guard try lockedAttribute("dtype", of: dataset, at: objectPath)?.text == "bfloat16" else {
            throw error(.unsupported, "hdf5.type", "expected numbers or booleans, got opaque bytes", at: objectPath)
        }
    }

    /// Holds what is declared against what is stored, before anybody takes memory for it.
    private func lockedLayout(
        _ dataset: hid_t, _ creation: hid_t, _ layoutClass: H5D_layout_t, _ shape: Shape, _ byteCount: Int,
        _ dtype: DType, _ filters: [HDF5DatasetInfo.Filter], at objectPath: String
    ) throws(LocatedError) -> (layout: HDF5DatasetInfo.Layout, stored: Int, chunks: [ChunkRecord], address: Int?) {
        switch layoutClass {
        case H5D_COMPACT, H5D_CONTIGUOUS:
            guard let stored = Int(exactly: H5Dget_storage_size(dataset)), stored == byteCount, stored <= source.count
            else { throw tooLarge(shape, dtype, stored: H5Dget_storage_size(dataset), at: objectPath) }
            if layoutClass == H5D_COMPACT { return (.compact, stored, [], nil) }
            var address: Int?
            if stored > 0 {
                let offset = H5Dget_offset(dataset)
                address = Int(exactly: offset)
                guard let address, address <= source.count - stored else {
                    throw error(
                        .invalid, "hdf5.truncated",
                        "expected \(stored) bytes of values within a file of \(source.count), got an address of \(offset)",
                        at: objectPath)
                }
            }
            return (.contiguous, stored, [], address)
        case H5D_CHUNKED:
            let chunked = try lockedChunks(dataset, creation, shape, byteCount, dtype, filters, at: objectPath)
            return (chunked.layout, chunked.stored, chunked.chunks, nil)
        default: throw corrupt("a contiguous, compact or chunked layout", at: objectPath)
        }
    }

    private func lockedChunks(
        _ dataset: hid_t, _ creation: hid_t, _ shape: Shape, _ byteCount: Int, _ dtype: DType,
        _ filters: [HDF5DatasetInfo.Filter], at objectPath: String
    ) throws(LocatedError) -> (layout: HDF5DatasetInfo.Layout, stored: Int, chunks: [ChunkRecord]) {
        var extents = [hsize_t](repeating: 0, count: 33)
        let rank = Int(H5Pget_chunk(creation, Int32(extents.count), &extents))
        let chunk = extents.prefix(max(rank, 0)).compactMap { Int(exactly: $0) }
        guard rank == shape.rank, rank > 0, chunk.count == rank, chunk.allSatisfy({ $0 > 0 }),
            let chunkCount = Shape(chunk).checkedCount
        else {
            throw error(
                .invalid, "hdf5.chunk", "expected chunks with as many axes as \(shape), got \(chunk)", at: objectPath)
        }
        guard byteCount > 0 else { return (.chunked(chunk), 0, []) }
        let (chunkBytes, chunkOverflow) = chunkCount.multipliedReportingOverflow(by: dtype.byteCount)
        let limit = byteCount.multipliedReportingOverflow(by: 4)
        guard !chunkOverflow, chunkBytes <= max(HDF5File.smallChunk, limit.overflow ? Int.max : limit.partialValue)
        else {
            throw error(
                .invalid, "hdf5.chunk", "expected chunks not much larger than \(shape), got \(chunk)", at: objectPath)
        }
        let grid = zip(shape.dims, chunk).map { extent, step in extent / step + (extent % step == 0 ? 0 : 1) }
        guard let expectedChunks = Shape(grid).checkedCount else {
            throw tooLarge(shape, dtype, stored: nil, at: objectPath)
        }
        // Each chunk takes a byte at least, so this bounds the index before it is read.
        guard expectedChunks <= source.count else { throw tooLarge(shape, dtype, stored: nil, at: objectPath) }
        let records = try lockedRecords(dataset, rank: rank, limit: expectedChunks, at: objectPath)
        let places = Set(records.map(\.origin))
        guard records.count == expectedChunks, places.count == expectedChunks,
            places.allSatisfy({ origin in
                origin.indices.allSatisfy { origin[$0] < shape[$0] && origin[$0] % chunk[$0] == 0 }
            })
        else {
            throw error(
                .invalid, "hdf5.size", "expected \(expectedChunks) chunks for \(shape), got \(records.count)",
                at: objectPath)
        }
        let (stored, tooMuch) = records.reduce((0, false)) { sum, record in
            let (next, overflow) = sum.0.addingReportingOverflow(record.byteCount)
            return (next, sum.1 || overflow)
        }
        let deflates = filters.contains { if case .deflate = $0 { true } else { false } }
        let (mostBytes, ratioOverflow) = stored.multipliedReportingOverflow(by: deflates ? HDF5File.bestDeflateRatio : 1)
        guard !tooMuch, stored <= source.count, ratioOverflow || byteCount <= mostBytes else {
            throw tooLarge(shape, dtype, stored: hsize_t(stored), at: objectPath)
        }
        return (.chunked(chunk), stored, records)
    }

    /// The index of chunks, read by this room where it knows the format, else asked of libhdf5 chunk by chunk.
    private func lockedRecords(
        _ dataset: hid_t, rank: Int, limit: Int, at objectPath: String
    ) throws(LocatedError) -> [ChunkRecord] {
        let header = try lockedAddress(of: dataset, at: objectPath)
        do throws(RawFailure) {
            return try rawReader.chunks(header: try RawObjectReader.address(header), rank: rank, limit: limit)
        } catch let failure {
            switch failure {
            case .malformed(let what):
                throw error(.invalid, "hdf5.size", "expected a sound index of chunks, got \(what)", at: objectPath)
            case .unsupported(let what):
                // libhdf5 looks from the start for each, and its releases disagree on addresses behind a user block.
                guard limit <= HDF5File.mostAskedChunks, geometry.base == 0 else {
                    throw error(
                        .unsupported, "hdf5.chunk", "expected chunks as h5py stores them, got \(what)", at: objectPath,
                        hint: "Save the file again with h5py and libver='earliest'.")
                }
            }
        }
        guard let space = HDF5Handle(H5Dget_space(dataset), close: H5Sclose) else {
            throw corrupt("a shape", at: objectPath)
        }
        var count: hsize_t = 0
        guard H5Dget_num_chunks(dataset, space.id, &count) >= 0 else {
            throw corrupt("an index of chunks", at: objectPath)
        }
        var records: [ChunkRecord] = []
        for index in 0..<min(count, hsize_t(limit) + 1) {
            var offset = [hsize_t](repeating: 0, count: 33)
            var (skipped, address, size) = (UInt32(0), haddr_t(0), hsize_t(0))
            guard H5Dget_chunk_info(dataset, space.id, index, &offset, &skipped, &address, &size) >= 0,
                let place = Int(exactly: address), let byteCount = Int(exactly: size)
            else { throw corrupt("an index of chunks", at: objectPath) }
            let origin = offset.prefix(rank).compactMap { Int(exactly: $0) }
            guard origin.count == rank else { throw corrupt("an index of chunks", at: objectPath) }
            records.append(
                ChunkRecord(origin: origin, address: place, byteCount: byteCount, skippedFilters: Int(skipped)))
        }
        return records
    }

    private func tooLarge(_ shape: Shape, _ dtype: DType, stored: hsize_t?, at objectPath: String) -> LocatedError {
        error(
            .invalid, "hdf5.size",
            "expected the values of \(dtype.rawValue) \(shape) in the file, got \(stored.map(String.init) ?? "fewer") bytes",
            at: objectPath)
    }
}
