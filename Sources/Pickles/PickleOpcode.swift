/// The pickle machine's instructions that plain data and NumPy's arrays are written with, protocols 0 to 5.
///
/// Source: Python's `pickletools.opcodes`.
enum PickleOpcode: UInt8 {
    case proto = 0x80
    case frame = 0x95
    case stop = 0x2e

    case none = 0x4e
    case newTrue = 0x88
    case newFalse = 0x89
    case int = 0x49
    case binInt = 0x4a
    case binInt1 = 0x4b
    case binInt2 = 0x4d
    case long = 0x4c
    case long1 = 0x8a

    case string = 0x53
    case binString = 0x54
    case shortBinString = 0x55
    case shortBinBytes = 0x43
    case binBytes = 0x42
    case byteArray8 = 0x96
    case unicode = 0x56
    case binUnicode = 0x58
    case shortBinUnicode = 0x8c

    case mark = 0x28
    case tuple = 0x74
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case emptyList = 0x5d
    case list = 0x6c
    case append = 0x61
    case appends = 0x65
    case emptyDict = 0x7d
    case dict = 0x64
    case setItem = 0x73
    case setItems = 0x75

    case put = 0x70
    case binPut = 0x71
    case longBinPut = 0x72
    case memoize = 0x94
    case get = 0x67
    case binGet = 0x68
    case longBinGet = 0x6a

    case global = 0x63
    case stackGlobal = 0x93
    case reduce = 0x52
    case build = 0x62

    /// Instructions that Keras's vocabulary adds.
    enum Keras: UInt8 {
        case emptyTuple = 0x29
        case binFloat = 0x47
        case newObject = 0x81
        case binBytes8 = 0x8e
        /// A set is read as a list.
        case emptySet = 0x8f
        case addItems = 0x90
    }

    /// Names of the instructions that are refused: they reach for classes, run code, or are never needed here.
    static let refusedNames: [UInt8: String] = [
        0x30: "POP", 0x31: "POP_MARK", 0x32: "DUP", 0x46: "FLOAT", 0x47: "BINFLOAT", 0x50: "PERSID", 0x51: "BINPERSID",
        0x69: "INST", 0x6f: "OBJ", 0x29: "EMPTY_TUPLE", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
        0x8b: "LONG4", 0x8d: "BINUNICODE8", 0x8e: "BINBYTES8", 0x8f: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET",
        0x92: "NEWOBJ_EX", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
    ]

    /// What to call an instruction that is refused: its name, or its byte when no protocol has it.
    static func refusedName(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return refusedNames[byte] ?? "the unknown byte 0x\(digits.count < 2 ? "0" : "")\(digits)"
    }
}
