import ArgumentParser
import SwiftKeras

/// `ImageDataGenerator`'s options as flags, in Keras's words.
struct AugmentationFlags: ParsableArguments {
    @Option(name: .long, help: "Turn by up to so many degrees.")
    var rotationRange: String?

    @Option(name: .long, help: "Shift by up to a part of the width (0.2), pixels (4.5), whole pixels below 4 (4), or one of [1,2,5].")
    var widthShiftRange: String?

    @Option(name: .long, help: "Likewise, of the height.")
    var heightShiftRange: String?

    @Option(name: .long, help: "Factors of the brightness: [0.5,1.5].")
    var brightnessRange: String?

    @Option(name: .long, help: "Shear by up to so many degrees.")
    var shearRange: String?

    @Option(name: .long, help: "Zoom by factors: 0.2 is [0.8,1.2].")
    var zoomRange: String?

    @Option(name: .long, help: "Add up to so much to all channels.")
    var channelShiftRange: String?

    @Option(name: .long, help: "What lies outside: nearest, constant, reflect or wrap. (default: nearest)")
    var fillMode: String?

    @Option(name: .long, help: "What lies outside with --fill-mode constant. (default: 0)")
    var cval: String?

    @Flag(name: .long, help: "Mirror half of the pictures.")
    var horizontalFlip = false

    @Flag(name: .long, help: "Turn half of the pictures upside down.")
    var verticalFlip = false

    @Option(name: .long, help: "Multiply by this; pictures are stretched to 0 to 255 when they are written.")
    var rescale: String?

    @Option(name: .long, help: "Order of the spline that pixels are taken from, 0 to 5. (default: 1)")
    var interpolationOrder: String?

    @Flag(name: .long, help: "Less the mean of all pictures, by channel.")
    var featurewiseCenter = false

    @Flag(name: .long, help: "Over the deviation of all pictures, by channel.")
    var featurewiseStdNormalization = false

    @Flag(name: .long, help: "Less the picture's mean.")
    var samplewiseCenter = false

    @Flag(name: .long, help: "Over the picture's deviation.")
    var samplewiseStdNormalization = false

    @Flag(name: .long, help: "Whiten by the principal components of all pictures.")
    var zcaWhitening = false

    @Option(name: .long, help: "Added to their variances. (default: 1e-6)")
    var zcaEpsilon: String?

    @Option(name: .long, help: "The part of the samples, the first ones, that --subset validation takes.")
    var validationSplit: String?

    @Option(name: .long, help: "Where an array's channels stand: channels_last or channels_first. (default: channels_last)")
    var dataFormat: String?

    /// All of them that were given.
    func options() throws(LocatedError) -> AugmentationOptions {
        var options = AugmentationOptions()
        let texts = [
            ("rotation_range", rotationRange), ("width_shift_range", widthShiftRange), ("height_shift_range", heightShiftRange),
            ("brightness_range", brightnessRange), ("shear_range", shearRange), ("zoom_range", zoomRange),
            ("channel_shift_range", channelShiftRange), ("fill_mode", fillMode), ("cval", cval), ("rescale", rescale),
            ("interpolation_order", interpolationOrder), ("zca_epsilon", zcaEpsilon), ("validation_split", validationSplit),
            ("data_format", dataFormat),
        ]
        for (word, text) in texts { if let text { try options.set(word, text) } }
        let flags = [
            ("horizontal_flip", horizontalFlip), ("vertical_flip", verticalFlip), ("featurewise_center", featurewiseCenter),
            ("featurewise_std_normalization", featurewiseStdNormalization), ("samplewise_center", samplewiseCenter),
            ("samplewise_std_normalization", samplewiseStdNormalization), ("zca_whitening", zcaWhitening),
        ]
        for (word, isSet) in flags where isSet { try options.set(word, "true") }
        return options
    }
}
