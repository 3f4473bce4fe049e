import Foundation
import KerasSpec

// Functions of tf.image as operations of Keras 3.

extension OperationComposition {
    static let imageFunctions: [String: Write] = [
        "image.resize": { made, x, told in
            guard let size = told.value("size"), let method = told.value("method", "bilinear")?.string, let antialias = told.value("antialias", false),
                ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"].contains(method)
            else { return nil }
            return made.add(
                "image.Resize", [x],
                [
                    "size": size, "interpolation": .string(method), "antialias": antialias, "crop_to_aspect_ratio": false,
                    "pad_to_aspect_ratio": false, "fill_mode": "constant", "fill_value": 0.0, "data_format": "channels_last",
                ])
        },
        "image.flip_left_right": { made, x, _ in made.flipped(x, -2) },
        "image.flip_up_down": { made, x, _ in made.flipped(x, -3) },
        "image.transpose": { made, x, _ in made.add("numpy.Swapaxes", [x], ["axis1": -3, "axis2": -2]) },
        "image.rgb_to_grayscale": { made, x, _ in made.add("image.RGBToGrayscale", [x], ["data_format": "channels_last"]) },
        "image.rgb_to_hsv": { made, x, _ in made.add("image.RGBToHSV", [x], ["data_format": "channels_last"]) },
        "image.hsv_to_rgb": { made, x, _ in made.add("image.HSVToRGB", [x], ["data_format": "channels_last"]) },
        "image.adjust_brightness": { made, x, told in
            guard let delta = told.value("delta")?.number else { return nil }
            return made.add("numpy.Add", [x, .constant(.float(delta))])
        },
        "image.adjust_contrast": { made, x, told in
            guard let factor = told.value("contrast_factor")?.number else { return nil }
            let mean = made.reduce("Mean", x, [-3, -2], true)
            let difference = made.add("numpy.Subtract", [x, mean])
            let scaled = made.add("numpy.Multiply", [difference, .constant(.float(factor))])
            return made.add("numpy.Add", [scaled, mean])
        },
        "image.crop_to_bounding_box": { made, x, told in
            let keys = ["offset_height", "offset_width", "target_height", "target_width"]
            let numbers = keys.compactMap { told.value($0)?.integer }
            guard numbers.count == 4, numbers.allSatisfy({ (0..<1 << 40).contains($0) }) else { return nil }
            return made.indexed(
                x,
                [
                    ["class_name": "__ellipsis__", "config": [:]], slice(.integer(numbers[0]), .integer(numbers[0] + numbers[2])),
                    slice(.integer(numbers[1]), .integer(numbers[1] + numbers[3])), slice(.null, .null),
                ])
        },
        "image.extract_patches": { made, x, told in
            guard let size = inner(told.value("sizes")), let strides = inner(told.value("strides")), let rates = inner(told.value("rates")),
                integers(size)?.count == 2, let rate = integers(rates), rate.count == 2, rate[0] == rate[1],
                let padding = told.value("padding")?.string, ["VALID", "SAME"].contains(padding)
            else { return nil }
            return made.add(
                "image.ExtractPatches", [x],
                [
                    "size": size, "strides": strides, "dilation_rate": .integer(rate[0]), "padding": .string(padding.lowercased()),
                    "data_format": "channels_last",
                ])
        },
        "image.psnr": { made, x, told in
            guard let y = told.take("b"), let range = told.value("max_val")?.number, range > 0 else { return nil }
            let difference = made.add("numpy.Subtract", [x, y])
            let square = made.add("numpy.Square", [difference])
            let mean = made.reduce("Mean", square, [-3, -2, -1], false)
            let logarithm = made.add("numpy.Log10", [mean])
            let tenth = made.add("numpy.Multiply", [logarithm, .constant(10.0)])
            return made.add("numpy.Subtract", [.constant(.float(20 * log10(range))), tenth])
        },
        "image.adjust_gamma": { made, x, told in
            guard let gamma = told.value("gamma", 1.0)?.number, let gain = told.value("gain", 1.0)?.number, gamma >= 0 else { return nil }
            let power = made.add("numpy.Power", [x, .constant(.float(gamma))])
            return made.add("numpy.Multiply", [power, .constant(.float(gain))])
        },
        "image.adjust_saturation": { made, x, told in
            guard let factor = told.value("saturation_factor")?.number else { return nil }
            return made.recolored(x, 1) { made, saturation in
                let scaled = made.add("numpy.Multiply", [saturation, .constant(.float(factor))])
                return made.add("numpy.Clip", [scaled], ["x_min": 0.0, "x_max": 1.0])
            }
        },
        "image.adjust_hue": { made, x, told in
            guard let delta = told.value("delta")?.number else { return nil }
            return made.recolored(x, 0) { made, hue in
                let moved = made.add("numpy.Add", [hue, .constant(.float(delta))])
                return made.add("numpy.Mod", [moved, .constant(1.0)])
            }
        },
        "image.per_image_standardization": { made, x, _ in
            let axes: ConfigValue = [-3, -2, -1]
            let mean = made.reduce("Mean", x, axes, true)
            let difference = made.add("numpy.Subtract", [x, mean])
            let deviation = made.reduce("Std", x, axes, true)
            // At least one in the root of the number of elements.
            let ones = made.add("numpy.OnesLike", [x], ["dtype": .null])
            let count = made.reduce("Sum", ones, axes, true)
            let least = made.add("math.Rsqrt", [count])
            let divisor = made.add("numpy.Maximum", [deviation, least])
            return made.add("numpy.Divide", [difference, divisor])
        },
        "image.ssim": { made, x, told in
            guard let y = told.take("img2"), let range = told.value("max_val")?.number, let size = told.value("filter_size", 11)?.integer,
                let sigma = told.value("filter_sigma", 1.5)?.number, let k1 = told.value("k1", 0.01)?.number,
                let k2 = told.value("k2", 0.03)?.number
            else { return nil }
            return made.add(
                "image.SSIM", [x, y],
                [
                    "max_val": .float(range), "filter_size": .integer(size), "filter_sigma": .float(sigma), "k1": .float(k1),
                    "k2": .float(k2), "data_format": "channels_last",
                ])
        },
    ]

    /// Colours with one of hue, saturation and value changed.
    private mutating func recolored(_ x: Nest, _ changed: Int, _ change: (inout OperationComposition, Nest) -> Nest) -> Nest {
        let colors = add("image.RGBToHSV", [x], ["data_format": "channels_last"])
        var parts: [Nest] = []
        for part in 0..<3 {
            let own = indexed(colors, [["class_name": "__ellipsis__", "config": [:]], Self.slice(.integer(part), .integer(part + 1))])
            parts.append(part == changed ? change(&self, own) : own)
        }
        let joined = add("numpy.Concatenate", [.list(parts)], ["axis": -1])
        return add("image.HSVToRGB", [joined], ["data_format": "channels_last"])
    }
}
