/// Tells HDF5 files by their bytes, whatever their name ends in.
package enum HDF5Sniff {
    /// The first bytes of an HDF5 file, or of what follows its user block.
    static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

    /// Whether a regular file holds the signature at 0, 512, 1024, 2048… False for what can't be read.
    package static func isHDF5(_ path: String) -> Bool {
        guard case .success(let source) = ByteSource.open(path) else { return false }
        return superblockOffset(in: source) != nil
    }

    /// Whether bytes in memory hold the signature at 0, 512, 1024, 2048….
    package static func isHDF5(bytes: some Collection<UInt8>) -> Bool {
        var offset = 0
        while offset <= bytes.count - signature.count {
            let start = bytes.index(bytes.startIndex, offsetBy: offset)
            if bytes[start...].starts(with: signature) { return true }
            offset = offset == 0 ? 512 : offset * 2
        }
        return false
    }

    /// Where the superblock begins, nil when there is none.
    static func superblockOffset(in source: ByteSource) -> Int? {
        var offset = 0
        while offset <= source.count - signature.count {
            if source.read(at: offset, count: signature.count) == signature { return offset }
            offset = offset == 0 ? 512 : offset * 2
        }
        return nil
    }
}
