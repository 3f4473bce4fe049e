internal import Files
internal import Foundation
internal import Synchronization
internal import Tensors

/// A file of events as TensorBoard reads it: TensorFlow's records of `Event` messages.
///
/// A record is the length of its data (8 bytes, little-endian), that length's masked CRC-32C, the data, its masked CRC-32C.
/// Sources: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
final class EventFile {
    private let file: GrowingFile
    private static let begun = Atomic<Int>(0)

    /// Makes a new file in a folder. Throws 73 and 74 as `GrowingFile` does.
    ///
    init(in folder: String) throws(LocatedError) {
        let now = Date().timeIntervalSince1970
        // Tells apart files that are begun in one second.
        let number = Self.begun.wrappingAdd(1, ordering: .relaxed).oldValue
        let host = ProcessInfo.processInfo.hostName.map { $0 == "/" ? "_" : $0 }
        let name = "events.out.tfevents.\(Int(now)).\(String(host)).\(ProcessInfo.processInfo.processIdentifier).\(number).v2"
        file = try GrowingFile(creating: folder + "/" + name)
        var event = ProtobufWriter()
        event.double(1, now)
        event.string(3, "brain.Event:2")
        try append(event)
    }

    /// A number at a step.
    func scalar(_ tag: String, _ value: Double, step: Int) throws(LocatedError) {
        var tensor = ProtobufWriter()
        tensor.integer(1, 1)
        tensor.message(2, ProtobufWriter())
        // Bytes rather than `float_val`, which leaves out zeros of any sign.
        tensor.bytes(4, withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { Array($0) })
        try write(tag, tensor, plugin: "scalars", dataClass: 1, step: step)
    }

    /// How values are spread: 30 buckets of equal width between the least and the largest.
    func histogram(_ tag: String, _ values: [Float], step: Int) throws(LocatedError) {
        let rows = Self.buckets(values)
        var tensor = ProtobufWriter()
        tensor.integer(1, 2)
        tensor.message(2, Self.shape([rows.count, 3]))
        var bytes: [UInt8] = []
        for row in rows {
            for number in [row.left, row.right, row.count] { withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 } }
        }
        tensor.bytes(4, bytes)
        try write(tag, tensor, plugin: "histograms", dataClass: 2, step: step)
    }

    /// Pictures of one size, PNG.
    func pictures(_ tag: String, width: Int, height: Int, _ files: [[UInt8]], step: Int) throws(LocatedError) {
        var tensor = ProtobufWriter()
        tensor.integer(1, 7)
        tensor.message(2, Self.shape([files.count + 2]))
        tensor.string(8, "\(width)")
        tensor.string(8, "\(height)")
        for file in files { tensor.bytes(8, file) }
        try write(tag, tensor, plugin: "images", dataClass: 3, step: step)
    }

    /// A text that a plugin reads, such as a model's JSON.
    func text(_ tag: String, _ text: String, plugin: String, content: String, step: Int) throws(LocatedError) {
        var tensor = ProtobufWriter()
        tensor.integer(1, 7)
        tensor.message(2, ProtobufWriter())
        tensor.string(8, text)
        try write(tag, tensor, plugin: plugin, content: Array(content.utf8), step: step)
    }

    /// As `tensorboard/plugins/histogram/summary_v2.py` counts; values that aren't finite are left out.
    static func buckets(_ values: [Float], count: Int = 30) -> [(left: Double, right: Double, count: Double)] {
        let finite = values.filter(\.isFinite)
        guard let least = finite.min(), let largest = finite.max() else { return [] }
        guard least < largest else {
            return (0..<count).map { (Double(largest), Double(largest), $0 == count - 1 ? Double(finite.count) : 0) }
        }
        let (low, width) = (Double(least), (Double(largest) - Double(least)) / Double(count))
        var counts = [Double](repeating: 0, count: count)
        for value in finite { counts[min(Int((Double(value) - low) / width), count - 1)] += 1 }
        return (0..<count).map { place in
            let right = place == count - 1 ? Double(largest) : low + width * Double(place + 1)
            return (low + width * Double(place), right, counts[place])
        }
    }

    private static func shape(_ dims: [Int]) -> ProtobufWriter {
        var shape = ProtobufWriter()
        for dim in dims {
            var size = ProtobufWriter()
            size.integer(1, dim)
            shape.message(2, size)
        }
        return shape
    }

    private func write(
        _ tag: String, _ tensor: ProtobufWriter, plugin: String, content: [UInt8] = [], dataClass: Int = 0, step: Int
    ) throws(LocatedError) {
        var data = ProtobufWriter()
        data.string(1, plugin)
        if !content.isEmpty { data.bytes(2, content) }
        var metadata = ProtobufWriter()
        metadata.message(1, data)
        if dataClass != 0 { metadata.integer(4, dataClass) }
        var value = ProtobufWriter()
        value.string(1, tag)
        value.message(8, tensor)
        value.message(9, metadata)
        var summary = ProtobufWriter()
        summary.message(1, value)
        var event = ProtobufWriter()
        event.double(1, Date().timeIntervalSince1970)
        if step != 0 { event.integer(2, step) }
        event.message(5, summary)
        try append(event)
    }

    private func append(_ event: ProtobufWriter) throws(LocatedError) { try file.append(Self.record(event.data)) }

    /// Data with lengths and checks around it.
    static func record(_ data: [UInt8]) -> [UInt8] {
        func little(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        let length = little(UInt64(data.count))
        return length + little(CRC32C.masked(length)) + data + little(CRC32C.masked(data))
    }
}

/// Protocol Buffers' wire format, as much of it as events need.
struct ProtobufWriter {
    private(set) var data: [UInt8] = []

    private mutating func varint(_ number: UInt64) {
        var number = number
        while number >= 0x80 {
            data.append(UInt8(truncatingIfNeeded: number) | 0x80)
            number >>= 7
        }
        data.append(UInt8(number))
    }

    private mutating func key(_ field: Int, _ type: UInt64) { varint(UInt64(field) << 3 | type) }

    mutating func integer(_ field: Int, _ number: Int) {
        key(field, 0)
        varint(UInt64(bitPattern: Int64(number)))
    }

    mutating func double(_ field: Int, _ number: Double) {
        key(field, 1)
        withUnsafeBytes(of: number.bitPattern.littleEndian) { data += $0 }
    }

    mutating func bytes(_ field: Int, _ bytes: [UInt8]) {
        key(field, 2)
        varint(UInt64(bytes.count))
        data += bytes
    }

    /// A string as Protocol Buffers' text format has it: ASCII, all else as octal numbers.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "'"): quoted += "\\" + String(UnicodeScalar(byte))
            case UInt8(ascii: "\n"): quoted += "\\n"
            case UInt8(ascii: "\r"): quoted += "\\r"
            case UInt8(ascii: "\t"): quoted += "\\t"
            case 32..<127: quoted += String(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 8)
                quoted += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return quoted + "\""
    }

    mutating func string(_ field: Int, _ text: String) { bytes(field, Array(text.utf8)) }
    mutating func message(_ field: Int, _ message: ProtobufWriter) { bytes(field, message.data) }
}

/// Castagnoli's check sum.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        var value = UInt32(index)
        for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
        return value
    }

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = .max
        for byte in bytes { value = table[Int((value ^ UInt32(byte)) & 0xff)] ^ value >> 8 }
        return ~value
    }

    /// As records hold it, so that a check sum of data with check sums in it is sound.
    static func masked(_ bytes: [UInt8]) -> UInt32 {
        let value = checksum(bytes)
        return (value >> 15 | value << 17) &+ 0xa282_ead8
    }
}
