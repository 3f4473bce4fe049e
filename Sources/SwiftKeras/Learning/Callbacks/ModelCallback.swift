import Tensors
public import Training

/// A callback that needs the model itself: its weights as they are now, to be saved.
public protocol ModelCallback: Callback {
    /// Called before training begins.
    ///
    /// - Parameters:
    ///   - model: what is trained.
    ///   - update: gives the model the weights and the optimizer's state of the moment.
    func attach(to model: Model, update: @escaping () -> Void)
}
