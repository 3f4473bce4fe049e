public import KerasOps
internal import KerasSpec
internal import Synchronization
public import Tensors

/// Something of a user's that files call by name: Keras's `custom_objects` are a dictionary of these.
public enum CustomObject: Sendable {
    /// A class of layers.
    case layer(any CustomLayer.Type)
    /// A function of tensors: an activation, or what a Lambda layer calls. A Lambda of several inputs hands all of them over.
    case function(@Sendable ([Symbol]) throws(LocatedError) -> Symbol)
    /// A loss: of true and predicted values, one number a sample (and place, where there are more axes).
    case loss(@Sendable (_ yTrue: Symbol, _ yPred: Symbol) throws(LocatedError) -> Symbol)
    /// A metric: of true and predicted values, one number a sample, of which the mean is reported.
    case metric(@Sendable (_ yTrue: Symbol, _ yPred: Symbol) throws(LocatedError) -> Symbol)
}

extension CustomObject {
    /// A function of one tensor: an activation, or what a Lambda layer calls.
    public static func activation(_ function: @escaping @Sendable (Symbol) throws(LocatedError) -> Symbol) -> CustomObject {
        .function { (inputs) throws(LocatedError) in
            guard inputs.count == 1 else {
                throw LocatedError(.mismatch, "layer.inputCount", "expected one input, got \(inputs.count)")
            }
            return try function(inputs[0])
        }
    }

    /// What an expression computes: `.expression(try TensorExpression("x / 255 - 0.5"))`.
    public static func expression(_ expression: TensorExpression) -> CustomObject {
        .function { (inputs) throws(LocatedError) in try expression(inputs) }
    }
}

/// What a user's program brings for names that Keras doesn't have: layers, activations, losses, metrics.
///
/// Names are those of files: a class's own (`Scale`), or the one under which it is registered (`my_package>Scale`). A Lambda
/// layer is found by the name of its function, or by the layer's own name. Files never bring code themselves.
///
/// ```swift
/// let model = try Model("model.keras", customObjects: ["Scale": .layer(Scale.self), "my_loss": .loss { yTrue, yPred in … }])
/// ```
public struct CustomObjects: Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var objects: [String: CustomObject] = [:]
    /// By the name of a layer: what it computes instead of code that isn't run, or of an activation without a name.
    package private(set) var replacements: [String: CustomObject] = [:]

    public init() {}

    public init(dictionaryLiteral pairs: (String, CustomObject)...) {
        for (name, object) in pairs { self[name] = object }
    }

    /// The object of a name.
    public subscript(name: String) -> CustomObject? {
        get { objects[name] }
        set { objects[name] = newValue }
    }

    /// Gives a Lambda layer, one of an unknown class, or a layer's activation without a name a meaning: by the layer's name.
    ///
    /// - Parameters:
    ///   - name: of a layer; or of a function that the model's layers call.
    ///   - object: a function.
    public mutating func replace(_ name: String, with object: CustomObject) { replacements[name] = object }

    /// Makes a replacement one for all layers that call a function of this name.
    package mutating func useByName(_ name: String) { objects[name] = replacements.removeValue(forKey: name) }

    /// Names that are replaced.
    package var replacedLayers: [String] { replacements.keys.sorted() }

    /// Both; where both have a name, the other's.
    package func merging(_ other: CustomObjects) -> CustomObjects {
        var result = self
        result.objects.merge(other.objects) { $1 }
        result.replacements.merge(other.replacements) { $1 }
        return result
    }

    /// The object that a file's name means: the whole name's, else that of the class without its package.
    package func object(named name: String) -> CustomObject? {
        if let object = objects[name] { return object }
        guard let mark = name.lastIndex(of: ">") else { return nil }
        return objects[String(name[name.index(after: mark)...])]
    }
}

// MARK: - Registration for the whole program

extension CustomObjects {
    private struct Registry {
        var objects = CustomObjects()
        var names: [ObjectIdentifier: String] = [:]
    }

    private static let registry = Mutex(Registry())

    /// Keras's `register_keras_serializable`: makes a layer's class known to every file that is read from now on, as
    /// `package>Name`, which is also what files say that are written.
    ///
    /// - Parameter name: nil: the class's own name.
    public static func register(_ type: any CustomLayer.Type, package: String = "Custom", name: String? = nil) {
        let name = "\(package)>\(name ?? type.className)"
        registry.withLock { registry in
            registry.objects[name] = .layer(type)
            registry.names[ObjectIdentifier(type)] = name
        }
    }

    /// The same for functions, losses and metrics, which go by their bare name too.
    public static func register(_ object: CustomObject, name: String, package: String = "Custom") {
        if case .layer(let type) = object { return register(type, package: package, name: name) }
        registry.withLock { registry in
            registry.objects["\(package)>\(name)"] = object
            registry.objects[name] = object
        }
    }

    /// What is registered: Keras's `get_custom_objects`.
    public static var registered: CustomObjects { registry.withLock { $0.objects } }

    /// The name under which files know a class.
    package static func registeredName(of type: any CustomLayer.Type) -> String {
        registry.withLock { $0.names[ObjectIdentifier(type)] } ?? type.className
    }
}

// MARK: - Scopes

extension CustomObjects {
    /// What names mean while a model or its compile settings are decoded: Keras's `custom_object_scope`.
    @TaskLocal package static var current = CustomObjects()

    /// Runs `body` with these objects, and the registered ones behind them.
    package func scope<Result>(_ body: () throws(LocatedError) -> Result) throws(LocatedError) -> Result {
        let outcome = Self.$current.withValue(Self.registered.merging(self)) {
            Swift.Result { () throws(LocatedError) -> Result in try body() }
        }
        return try outcome.get()
    }
}
