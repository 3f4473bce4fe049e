public import OrderedCollections

/// Numbers by name, in the order in which Keras reports them: `loss`, `accuracy`, `val_loss`, `val_accuracy`.
public typealias Logs = OrderedDictionary<String, Double>

/// What `fit` returns: numbers by epoch.
public struct History: Sendable, Hashable {
    /// The epochs that ran, counted from 0.
    public internal(set) var epoch: [Int] = []
    /// One number an epoch, by name.
    public internal(set) var history: OrderedDictionary<String, [Double]> = [:]

    public init() {}

    package init(epoch: [Int], history: OrderedDictionary<String, [Double]>) {
        self.epoch = epoch
        self.history = history
    }

    /// The numbers of one name.
    public subscript(name: String) -> [Double]? { history[name] }

    mutating func append(_ epoch: Int, _ logs: Logs) {
        self.epoch.append(epoch)
        for (name, value) in logs { history[name, default: []].append(value) }
    }
}
