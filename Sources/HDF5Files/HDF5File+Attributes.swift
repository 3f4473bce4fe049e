internal import CHDF5
package import Tensors

extension HDF5File {
    /// Attributes of one object.
    private static let mostAttributes = 65536
    /// From this release on `H5Aread` refuses strings whose two lengths disagree.
    private static let firstSoundVlenRead = (1, 14, 6)

    package func attributes(of objectPath: String) throws(LocatedError) -> [String] {
        try HDF5Library.locked { () throws(LocatedError) in
            let object = try lockedExisting(objectPath)
            return try lockedAttributeNames(of: object.id, at: objectPath)
        }
    }

    private func lockedAttributeNames(of object: hid_t, at objectPath: String) throws(LocatedError) -> [String] {
        let header = try lockedAddress(of: object, at: objectPath)
        do throws(RawFailure) {
            var names: [String] = []
            for (bytes, _) in try rawReader.attributes(header: try RawObjectReader.address(header)) {
                guard let name = String(validating: bytes, as: UTF8.self) else { throw .malformed("a name not in UTF-8") }
                names.append(name)
            }
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch let failure {
            switch failure {
            case .malformed(let what):
                throw error(.invalid, "hdf5.corrupt", "expected readable attributes, got \(what)", at: objectPath)
            case .unsupported: break
            }
        }
        let names = NameCollector(limit: HDF5File.mostAttributes)
        let result = chdf5_visit_attributes(
            object, { name, context in NameCollector.from(context).append(name, 0) }, names.context)
        try check(names, result, at: objectPath, what: "attributes")
        return names.entries.map(\.name)
    }

    /// Reads what isn't left to libhdf5.
    var rawReader: RawObjectReader { RawObjectReader(source: source, geometry: geometry) }

    package func attribute(_ name: String, of objectPath: String) throws(LocatedError) -> HDF5Attribute? {
        try HDF5Library.locked { () throws(LocatedError) in
            let object = try lockedExisting(objectPath)
            return try lockedAttribute(name, of: object.id, at: objectPath)
        }
    }

    package func stringList(_ name: String, of objectPath: String) throws(LocatedError) -> [String]? {
        try HDF5Library.locked { () throws(LocatedError) in
            let object = try lockedExisting(objectPath)
            func part(_ name: String) throws(LocatedError) -> [String]? {
                guard let attribute = try lockedAttribute(name, of: object.id, at: objectPath) else { return nil }
                guard let list = attribute.list else {
                    throw error(
                        .invalid, "hdf5.attribute", "expected a list of strings, got numbers or nothing",
                        at: objectPath, attribute: name)
                }
                return list
            }
            if let whole = try part(name) { return whole }
            guard var list = try part(name + "0") else { return nil }
            for index in 1..<HDF5File.mostAttributes {
                guard let next = try part(name + String(index)) else { break }
                list += next
            }
            return list
        }
    }

    /// One attribute of an open object.
    func lockedAttribute(
        _ name: String, of object: hid_t, at objectPath: String
    ) throws(LocatedError) -> HDF5Attribute? {
        guard !name.isEmpty, name.utf8.count <= HDF5File.longestName, !name.utf8.contains(0) else { return nil }
        let exists = H5Aexists(object, name)
        guard exists >= 0 else { throw corrupt("readable attributes", at: objectPath, attribute: name) }
        guard exists > 0 else { return nil }
        guard let attribute = HDF5Handle(H5Aopen(object, name, chdf5_default()), close: H5Aclose),
            let type = HDF5Handle(H5Aget_type(attribute.id), close: H5Tclose),
            let space = HDF5Handle(H5Aget_space(attribute.id), close: H5Sclose)
        else { throw corrupt("a readable attribute", at: objectPath, attribute: name) }
        guard let extent = try lockedExtent(of: space.id, at: objectPath, attribute: name) else { return .empty }
        let isScalar = H5Sget_simple_extent_type(space.id) == H5S_SCALAR

        if H5Tget_class(type.id) == H5T_STRING {
            let kind = try lockedStringKind(type.id, at: objectPath, attribute: name)
            let strings: [String]
            switch kind.storage {
            case .variable:
                strings = try lockedVariableStrings(name, of: object, count: extent.count, attribute.id, at: objectPath)
            case .fixed(let size):
                strings = try lockedFixedStrings(
                    attribute.id, type.id, count: extent.count, size: size, kind.padding, at: objectPath, name)
            }
            if isScalar, let value = strings.first { return .string(HDF5String(value, kind: kind)) }
            return .strings(strings, kind: kind, shape: extent.shape)
        }
        return .numbers(
            try lockedNumbers(attribute.id, type.id, extent.shape, extent.count, at: objectPath, attribute: name))
    }

    /// Extents and their checked product; nil for a null dataspace.
    func lockedExtent(
        of space: hid_t, at objectPath: String, attribute: String? = nil
    ) throws(LocatedError) -> (shape: Shape, count: Int)? {
        switch H5Sget_simple_extent_type(space) {
        case H5S_NULL: return nil
        case H5S_SCALAR: return ([], 1)
        case H5S_SIMPLE: break
        default: throw corrupt("a dataspace", at: objectPath, attribute: attribute)
        }
        let rank = Int(H5Sget_simple_extent_ndims(space))
        guard (0...32).contains(rank) else { throw corrupt("at most 32 axes", at: objectPath, attribute: attribute) }
        var extents = [hsize_t](repeating: 0, count: max(rank, 1))
        guard H5Sget_simple_extent_dims(space, &extents, nil) >= 0 else {
            throw corrupt("a dataspace", at: objectPath, attribute: attribute)
        }
        let dims = extents.prefix(rank).compactMap { Int(exactly: $0) }
        guard dims.count == rank, let count = Shape(dims).checkedCount else {
            let spelled = extents.prefix(rank).map(String.init).joined(separator: ", ")
            throw error(
                .invalid, "hdf5.size", "expected a shape that a file can hold, got (\(spelled))", at: objectPath,
                attribute: attribute)
        }
        return (Shape(dims), count)
    }

    private func lockedStringKind(
        _ type: hid_t, at objectPath: String, attribute: String
    ) throws(LocatedError) -> HDF5StringKind {
        let isVariable = H5Tis_variable_str(type)
        guard isVariable >= 0 else { throw corrupt("a string type", at: objectPath, attribute: attribute) }
        let padding: HDF5StringKind.Padding? =
            switch H5Tget_strpad(type) {
            case H5T_STR_NULLTERM: .nullTerminated
            case H5T_STR_NULLPAD: .nullPadded
            case H5T_STR_SPACEPAD: .spacePadded
            default: nil
            }
        let characterSet: HDF5StringKind.CharacterSet? =
            switch H5Tget_cset(type) {
            case H5T_CSET_ASCII: .ascii
            case H5T_CSET_UTF8: .utf8
            default: nil
            }
        guard let padding, let characterSet else {
            throw error(
                .unsupported, "hdf5.string", "expected ASCII or UTF-8 strings padded as HDF5 defines it",
                at: objectPath, attribute: attribute)
        }
        return HDF5StringKind(
            isVariable > 0 ? .variable : .fixed(size: H5Tget_size(type)), padding: padding, characterSet: characterSet)
    }

    private func lockedFixedStrings(
        _ attribute: hid_t, _ type: hid_t, count: Int, size: Int, _ padding: HDF5StringKind.Padding,
        at objectPath: String, _ name: String
    ) throws(LocatedError) -> [String] {
        var bytes = [UInt8](
            repeating: 0, count: try checkedByteCount(attribute, count, size, at: objectPath, attribute: name))
        guard count > 0 else { return [] }
        guard H5Aread(attribute, type, &bytes) >= 0 else {
            throw corrupt("a readable attribute", at: objectPath, attribute: name)
        }
        var strings: [String] = []
        strings.reserveCapacity(count)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let field = bytes[start..<start + size]
            let text: ArraySlice<UInt8> =
                switch padding {
                case .nullTerminated: field.prefix { $0 != 0 }
                case .nullPadded: field[..<(field.lastIndex { $0 != 0 }.map { $0 + 1 } ?? start)]
                case .spacePadded: field[..<(field.lastIndex { $0 != UInt8(ascii: " ") }.map { $0 + 1 } ?? start)]
                }
            strings.append(try string(text, at: objectPath, attribute: name))
        }
        return strings
    }

    /// Strings of variable length, read from the heap by this room's own code; by libhdf5 only where that is sound and
    /// the storage is one that the own code doesn't know.
    private func lockedVariableStrings(
        _ name: String, of object: hid_t, count: Int, _ attribute: hid_t, at objectPath: String
    ) throws(LocatedError) -> [String] {
        guard count > 0 else { return [] }
        let header = try lockedAddress(of: object, at: objectPath)
        let raw: [ArraySlice<UInt8>]
        do throws(RawFailure) {
            guard let references = try rawReader.attributeData(name, header: try RawObjectReader.address(header)) else {
                throw .malformed("an attribute that its object's header doesn't hold")
            }
            raw = try rawReader.strings(references, count: count, budget: source.count)
        } catch let failure {
            switch failure {
            case .malformed(let what):
                throw error(
                    .invalid, "hdf5.string", "expected strings within the file, got \(what)", at: objectPath,
                    attribute: name)
            case .unsupported where HDF5Library.version >= HDF5File.firstSoundVlenRead:
                return try lockedLibraryStrings(attribute, count: count, at: objectPath, attribute: name)
            case .unsupported(let what):
                throw error(
                    .unsupported, "hdf5.string",
                    "expected strings in the object's header, got \(what), which libhdf5 before 1.14.6 can't read safely",
                    at: objectPath, attribute: name, hint: "Save the file again with h5py and libver='earliest'.")
            }
        }
        var strings: [String] = []
        strings.reserveCapacity(count)
        for bytes in raw { strings.append(try string(bytes.prefix { $0 != 0 }, at: objectPath, attribute: name)) }
        return strings
    }

    /// Through `H5Aread`, into memory that libhdf5 allocates and gets back.
    private func lockedLibraryStrings(
        _ attribute: hid_t, count: Int, at objectPath: String, attribute name: String
    ) throws(LocatedError) -> [String] {
        guard count <= source.count / 16, let type = HDF5Handle(H5Aget_type(attribute), close: H5Tclose),
            let space = HDF5Handle(H5Aget_space(attribute), close: H5Sclose)
        else {
            throw error(
                .invalid, "hdf5.size", "expected strings within the file, got \(count)", at: objectPath,
                attribute: name)
        }
        var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
        guard H5Aread(attribute, type.id, &pointers) >= 0 else {
            throw corrupt("readable strings", at: objectPath, attribute: name)
        }
        defer { H5Dvlen_reclaim(type.id, space.id, chdf5_default(), &pointers) }
        var strings: [String] = []
        strings.reserveCapacity(count)
        for pointer in pointers {
            guard let pointer else {
                strings.append("")
                continue
            }
            guard let text = String(validatingCString: pointer) else {
                throw notUTF8(at: objectPath, attribute: name)
            }
            strings.append(text)
        }
        return strings
    }

    private func lockedNumbers(
        _ attribute: hid_t, _ type: hid_t, _ shape: Shape, _ count: Int, at objectPath: String, attribute name: String
    ) throws(LocatedError) -> Tensor {
        let element = try elementType(type, at: objectPath, attribute: name)
        _ = try checkedByteCount(attribute, count, element.dtype.byteCount, at: objectPath, attribute: name)
        var tensor = Tensor(uninitialized: shape, dtype: element.dtype)
        guard count > 0 else { return tensor }
        guard let memory = ElementType.lockedNative(of: type),
            tensor.withUnsafeMutableBytes({ H5Aread(attribute, memory.id, $0.baseAddress) }) >= 0
        else { throw corrupt("a readable attribute", at: objectPath, attribute: name) }
        if element.dtype == .bool { normalizeBooleans(&tensor) }
        return tensor
    }

    /// `count * size`, which must be what the attribute takes in the file.
    private func checkedByteCount(
        _ attribute: hid_t, _ count: Int, _ size: Int, at objectPath: String, attribute name: String
    ) throws(LocatedError) -> Int {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        let stored = H5Aget_storage_size(attribute)
        guard !overflow, size > 0, bytes <= source.count, hsize_t(bytes) == stored else {
            throw error(
                .invalid, "hdf5.size", "expected \(count) elements of \(size) bytes within the file, got \(stored) bytes",
                at: objectPath, attribute: name)
        }
        return bytes
    }

    /// The element type of a tensor, or the error that says why there is none.
    func elementType(
        _ type: hid_t, at objectPath: String, attribute: String? = nil
    ) throws(LocatedError) -> ElementType {
        do throws(ElementType.Failure) {
            return try ElementType(lockedType: type)
        } catch let failure {
            switch failure {
            case .unsupported(let what):
                throw error(
                    .unsupported, "hdf5.type", "expected numbers or booleans, got \(what)", at: objectPath,
                    attribute: attribute)
            case .library: throw corrupt("an element type", at: objectPath, attribute: attribute)
            }
        }
    }

    private func string(
        _ bytes: ArraySlice<UInt8>, at objectPath: String, attribute: String
    ) throws(LocatedError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw notUTF8(at: objectPath, attribute: attribute)
        }
        return text
    }

    private func notUTF8(at objectPath: String, attribute: String) -> LocatedError {
        error(
            .invalid, "hdf5.string", "expected text in ASCII or UTF-8, got other bytes", at: objectPath,
            attribute: attribute)
    }
}

/// Makes any non-zero byte the one byte that Swift's `true` may be.
func normalizeBooleans(_ tensor: inout Tensor) {
    tensor.withUnsafeMutableBytes { bytes in
        for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 }
    }
}
