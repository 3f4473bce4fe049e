import KerasSpec
import OrderedCollections

/// Bidirectional: older Keras writes the layer that was given, Keras 3 writes the two that were made of it, named
/// `forward_…` and `backward_…`.
enum BidirectionalUpgrade {
    private static let forward = "forward_"
    private static let backward = "backward_"

    /// Names the layer `forward_…` and puts its mirror image beside it, or the layer that tf.keras was given for that. A layer
    /// of a class that Keras doesn't have stays alone and as it is.
    static func addBackwardLayer(to config: inout ConfigObject) {
        guard let layer = config["layer"]?.object, layer["module"] != nil, let inner = layer["config"]?.object,
            let name = inner["name"]?.string
        else { return }
        config["layer"] = replacing(layer, forward + name, inner["go_backwards"])
        if let given = config["backward_layer"]?.object, let settings = given["config"]?.object {
            config["backward_layer"] = replacing(
                given, backward + (settings["name"]?.string ?? name), settings["go_backwards"])
        } else {
            let mirrored = inner["go_backwards"]?.bool.map { ConfigValue.bool(!$0) }
            config["backward_layer"] = replacing(layer, backward + name, mirrored)
        }
        config = config.ordered(as: ["name", "trainable", "dtype", "merge_mode", "layer", "backward_layer"])
    }

    /// Takes the mirror image away again, refused when it is none.
    static func removeBackwardLayer(from config: inout ConfigObject, _ refuse: (String) -> Void) {
        guard let layer = config["layer"]?.object, let inner = layer["config"]?.object, let name = inner["name"]?.string
        else { return }
        let plain = name.hasPrefix(forward) ? String(name.dropFirst(forward.count)) : name
        let alone = replacing(layer, plain, inner["go_backwards"])
        if let other = config.removeValue(forKey: "backward_layer"), !other.isNull {
            var expected: ConfigObject = ["layer": alone]
            addBackwardLayer(to: &expected)
            let otherName = other.object?["config"]?.object?["name"]?.string
            let renamed = expected["backward_layer"]?.object.map { expected in
                replacing(
                    expected, otherName ?? "", expected["config"]?.object?["go_backwards"])
            }
            if renamed != other { refuse("a backward layer that differs from the forward layer") }
        }
        config["layer"] = alone
    }

    /// Takes the mirror image away again where it is one; any other backward layer is said as tf.keras says it.
    static func separateBackwardLayer(in config: inout ConfigObject) {
        let given = config["backward_layer"]
        var isMirrored = true
        removeBackwardLayer(from: &config) { _ in isMirrored = false }
        guard !isMirrored, let other = given?.object, let settings = other["config"]?.object,
            let name = settings["name"]?.string
        else { return }
        let plain = name.hasPrefix(backward) ? String(name.dropFirst(backward.count)) : name
        config["backward_layer"] = replacing(other, plain, settings["go_backwards"])
    }

    private static func replacing(_ layer: ConfigObject, _ name: String, _ goBackwards: ConfigValue?) -> ConfigValue {
        var layer = layer
        var inner = layer["config"]?.object ?? [:]
        inner["name"] = .string(name)
        if let goBackwards { inner["go_backwards"] = goBackwards }
        layer["config"] = .object(inner)
        return .object(layer)
    }
}
