import KerasSpec

// Functions of tf.nn as operations of Keras 3.

extension OperationComposition {
    static let networkFunctions: [String: Write] = {
        var functions: [String: Write] = [
            "nn.bias_add": { made, x, told in
                guard let bias = told.take("bias"), isChannelsLast(told.value("data_format")) else { return nil }
                return made.add("numpy.Add", [x, bias])
            },
            "nn.l2_loss": { made, x, _ in
                let square = made.add("numpy.Square", [x])
                let sum = made.reduce("Sum", square, .null, false)
                return made.add("numpy.Multiply", [sum, .constant(0.5)])
            },
            "nn.crelu": { made, x, told in
                guard let axis = told.value("axis", -1) else { return nil }
                let negative = made.add("numpy.Negative", [x])
                let halves = [made.add("nn.Relu", [x]), made.add("nn.Relu", [negative])]
                return made.add("numpy.Concatenate", [.list(halves)], ["axis": axis])
            },
            "nn.sigmoid_cross_entropy_with_logits": { made, labels, told in
                guard let logits = told.take("logits") else { return nil }
                return made.add("nn.BinaryCrossentropy", [labels, logits], ["from_logits": true])
            },
            "nn.softmax_cross_entropy_with_logits": { made, labels, told in
                guard let logits = told.take("logits"), told.value("axis", -1) == -1 else { return nil }
                return made.add("nn.CategoricalCrossentropy", [labels, logits], ["from_logits": true, "axis": -1])
            },
            "nn.sparse_softmax_cross_entropy_with_logits": { made, labels, told in
                guard let logits = told.take("logits") else { return nil }
                return made.add("nn.SparseCategoricalCrossentropy", [labels, logits], ["from_logits": true, "axis": -1])
            },
            "nn.conv1d": convolution("filters", "stride", axes: 1), "nn.conv2d": convolution("filters", "strides", axes: 2),
            "compat.v1.nn.conv1d": convolution("filters", "stride", axes: 1),
            "compat.v1.nn.conv2d": convolution("filter", "strides", axes: 2),
        ]
        for name in ["nn.depth_to_space", "nn.space_to_depth"] {
            functions[name] = { made, x, told in
                guard let size = told.value("block_size")?.integer, isChannelsLast(told.value("data_format")) else { return nil }
                return made.add(
                    name == "nn.depth_to_space" ? "nn.DepthToSpace" : "nn.SpaceToDepth", [x],
                    ["block_size": .integer(size), "data_format": "channels_last"])
            }
        }
        for (name, className) in [("avg_pool", "nn.AveragePool"), ("max_pool", "nn.MaxPool")] {
            for rank in ["", "1d", "2d", "3d"] { functions["nn." + name + rank] = pooling(className) }
            functions["compat.v1.nn." + name] = pooling(className)
            functions["compat.v1.nn." + name + "2d"] = pooling(className)
        }
        return functions
    }()

    /// A convolution; its filters may be numbers in the file.
    private static func convolution(_ filters: String, _ strides: String, axes: Int) -> Write {
        { made, x, told in
            guard let kernel = told.take(filters), let step = inner(told.value(strides)), let padding = told.value("padding")?.string,
                ["VALID", "SAME"].contains(padding), isChannelsLast(told.value("data_format")),
                let dilation = inner(told.value("dilations", 1)).map({ $0.isNull ? 1 : $0 })
            else { return nil }
            told.pass("use_cudnn_on_gpu")
            func plain(_ value: ConfigValue) -> ConfigValue { value.array?.count == 1 ? value.array?[0] ?? value : value }
            guard [step, dilation].allSatisfy({ ($0.array?.count ?? axes) == axes }) else { return nil }
            return made.add(
                "nn.Conv", [x, kernel],
                [
                    "strides": plain(step), "padding": .string(padding.lowercased()), "data_format": "channels_last",
                    "dilation_rate": plain(dilation),
                ])
        }
    }

    /// Windows over what stands between samples and channels.
    private static func pooling(_ className: String) -> Write {
        { made, x, told in
            guard let size = inner(told.value("ksize")), let strides = inner(told.value("strides")), let padding = told.value("padding")?.string,
                ["VALID", "SAME"].contains(padding), isChannelsLast(told.value("data_format"))
            else { return nil }
            return made.add(
                className, [x],
                ["pool_size": size, "strides": strides, "padding": .string(padding.lowercased()), "data_format": "channels_last"])
        }
    }
}
