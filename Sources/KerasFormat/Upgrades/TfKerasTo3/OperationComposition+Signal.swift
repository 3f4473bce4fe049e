import Foundation
import KerasSpec

// Functions of tf.signal as operations of Keras 3.

extension OperationComposition {
    static let signalFunctions: [String: Write] = [
        "signal.stft>math.abs": { made, x, told in
            guard let parts = made.spectrum(of: x, &told) else { return nil }
            let squares = [parts.real, parts.imaginary].map { made.add("numpy.Square", [$0]) }
            let sum = made.add("numpy.Add", squares)
            return made.add("numpy.Sqrt", [sum])
        },
        "signal.stft>math.real": { made, x, told in
            guard let parts = made.spectrum(of: x, &told) else { return nil }
            return made.add("numpy.Copy", [parts.real])
        },
        "signal.stft>math.imag": { made, x, told in
            guard let parts = made.spectrum(of: x, &told) else { return nil }
            return made.add("numpy.Copy", [parts.imaginary])
        },
        "signal.stft>math.angle": { made, x, told in
            guard let parts = made.spectrum(of: x, &told) else { return nil }
            return made.add("numpy.Arctan2", [parts.imaginary, parts.real])
        },
        "signal.frame": { made, x, told in
            guard let length = told.value("frame_length")?.integer, let step = told.value("frame_step")?.integer,
                told.value("pad_end", false) == false, told.value("axis", -1) == -1
            else { return nil }
            told.pass("pad_value")
            return made.add("math.ExtractSequences", [x], ["sequence_length": .integer(length), "sequence_stride": .integer(step)])
        },
    ]

    /// Real and imaginary part of a short-time Fourier transform in Hann's window. Keras 3's own puts short windows elsewhere.
    private mutating func spectrum(of x: Nest, _ told: inout Arguments) -> (real: Nest, imaginary: Nest)? {
        guard let length = told.value("frame_length")?.integer, let step = told.value("frame_step")?.integer, (1...1 << 16).contains(length), step > 0,
            told.value("pad_end", false) == false, let given = told.value("fft_length"), told.value("window_fn")?.isNull == true
        else { return nil }
        var size = 1
        while size < length { size *= 2 }
        if !given.isNull {
            guard let own = given.integer, own >= length else { return nil }
            size = own
        }
        // Periodic where its length is even.
        let period = Double(length % 2 == 0 ? length : max(length - 1, 1))
        let window = (0..<length).map { ConfigValue.float(length == 1 ? 1 : Double(Float(0.5 - 0.5 * cos(2 * .pi * Double($0) / period)))) }
        let frames = add("math.ExtractSequences", [x], ["sequence_length": .integer(length), "sequence_stride": .integer(step)])
        let windowed = add("numpy.Multiply", [frames, .constant(.array(window))])
        let real = add("math.RFFT", [windowed], ["fft_length": .integer(size)])
        return (real, output(1, of: real))
    }
}
