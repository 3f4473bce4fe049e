internal import CHDF5
internal import Tensors

extension HDF5Writer {
    /// Creates or replaces an attribute of an open object.
    func lockedSet(
        _ name: String, _ value: HDF5Attribute, on object: hid_t, at objectPath: String
    ) throws(LocatedError) {
        guard !name.isEmpty, name.utf8.count <= HDF5File.longestName, !name.utf8.contains(0) else {
            throw error(
                .invalid, "hdf5.name", "expected a name of an attribute, got \(name.debugDescription)", at: objectPath)
        }
        switch value {
        case .string(let string):
            try lockedSet(name, [string.value], string.kind, shape: [], on: object, at: objectPath)
        case .strings(let strings, let kind, let shape):
            guard shape.checkedCount == strings.count else {
                throw error(
                    .usage, "hdf5.size", "expected as many strings as the shape \(shape) holds, got \(strings.count)",
                    at: objectPath, attribute: name)
            }
            try lockedSet(name, strings, kind, shape: shape, on: object, at: objectPath)
        case .numbers(let tensor):
            guard let type = ElementType.lockedStored(tensor.dtype), let memory = ElementType.lockedNative(of: type.id),
                let space = lockedSpace(tensor.shape)
            else { throw failure("a type and a shape", at: objectPath, attribute: name) }
            try tensor.withUnsafeBytes { (bytes) throws(LocatedError) in
                try lockedSet(
                    name, type.id, space.id, memory.id, bytes.baseAddress, isEmpty: tensor.count == 0, on: object,
                    at: objectPath)
            }
        case .empty:
            guard let type = ElementType.lockedStored(.float32),
                let space = HDF5Handle(H5Screate(H5S_NULL), close: H5Sclose)
            else { throw failure("a type and a shape", at: objectPath, attribute: name) }
            try lockedSet(name, type.id, space.id, type.id, nil, isEmpty: true, on: object, at: objectPath)
        }
    }

    private func lockedSet(
        _ name: String, _ strings: [String], _ kind: HDF5StringKind, shape: Shape, on object: hid_t,
        at objectPath: String
    ) throws(LocatedError) {
        guard strings.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw error(
                .invalid, "hdf5.string", "expected text without NUL", at: objectPath, attribute: name)
        }
        guard let type = HDF5Handle(H5Tcopy(chdf5_c_string()), close: H5Tclose), let space = lockedSpace(shape),
            H5Tset_strpad(type.id, kind.padding.native) >= 0, H5Tset_cset(type.id, kind.characterSet.native) >= 0
        else { throw failure("a string type", at: objectPath, attribute: name) }
        switch kind.storage {
        case .fixed(let size):
            let room = kind.padding == .nullTerminated ? size - 1 : size
            guard size > 0, strings.allSatisfy({ $0.utf8.count <= room }) else {
                throw error(
                    .invalid, "hdf5.string", "expected text of at most \(max(room, 0)) bytes, got longer",
                    at: objectPath, attribute: name)
            }
            let filler = kind.padding == .spacePadded ? UInt8(ascii: " ") : 0
            var bytes: [UInt8] = []
            bytes.reserveCapacity(strings.count * size)
            for string in strings {
                bytes += string.utf8
                bytes += repeatElement(filler, count: size - string.utf8.count)
            }
            guard H5Tset_size(type.id, size) >= 0 else {
                throw failure("a string type", at: objectPath, attribute: name)
            }
            try lockedSet(
                name, type.id, space.id, type.id, bytes, isEmpty: strings.isEmpty, on: object, at: objectPath)
        case .variable:
            guard H5Tset_size(type.id, chdf5_variable()) >= 0 else {
                throw failure("a string type", at: objectPath, attribute: name)
            }
            // One buffer of all strings, each ended by NUL, and pointers into it.
            let buffer = UnsafeMutableBufferPointer<CChar>.allocate(
                capacity: strings.reduce(1) { $0 + $1.utf8.count + 1 })
            defer { buffer.deallocate() }
            var end = 0
            var pointers: [UnsafeMutablePointer<CChar>?] = []
            pointers.reserveCapacity(strings.count)
            for string in strings {
                pointers.append(buffer.baseAddress.map { $0 + end })
                for byte in string.utf8 {
                    buffer[end] = CChar(bitPattern: byte)
                    end += 1
                }
                buffer[end] = 0
                end += 1
            }
            try lockedSet(
                name, type.id, space.id, type.id, pointers, isEmpty: strings.isEmpty, on: object, at: objectPath)
        }
    }

    private func lockedSet(
        _ name: String, _ type: hid_t, _ space: hid_t, _ memory: hid_t, _ values: UnsafeRawPointer?,
        isEmpty: Bool, on object: hid_t, at objectPath: String
    ) throws(LocatedError) {
        let exists = H5Aexists(object, name)
        if exists > 0, H5Adelete(object, name) < 0 {
            throw failure("an attribute to replace", at: objectPath, attribute: name)
        }
        let encoding = name.utf8.allSatisfy { $0 < 0x80 } ? H5T_CSET_ASCII : H5T_CSET_UTF8
        guard exists >= 0, let creation = HDF5Handle(H5Pcreate(chdf5_class_attribute_create()), close: H5Pclose),
            H5Pset_char_encoding(creation.id, encoding) >= 0,
            let attribute = HDF5Handle(
                H5Acreate2(object, name, type, space, creation.id, chdf5_default()), close: H5Aclose)
        else { throw failure("an attribute that fits an object header (64 KB)", at: objectPath, attribute: name) }
        guard !isEmpty else { return }
        guard H5Awrite(attribute.id, memory, values) >= 0 else {
            throw failure("room for an attribute", at: objectPath, attribute: name)
        }
    }
}

extension HDF5StringKind.Padding {
    fileprivate var native: H5T_str_t {
        switch self {
        case .nullTerminated: H5T_STR_NULLTERM
        case .nullPadded: H5T_STR_NULLPAD
        case .spacePadded: H5T_STR_SPACEPAD
        }
    }
}

extension HDF5StringKind.CharacterSet {
    fileprivate var native: H5T_cset_t {
        switch self {
        case .ascii: H5T_CSET_ASCII
        case .utf8: H5T_CSET_UTF8
        }
    }
}
