internal import Plots

/// What a plot of a model shows: the arguments of Keras's `plot_model`.
public struct PlotOptions: Sendable {
    /// Which way the arrows go: Graphviz's words.
    public enum Direction: String, Sendable, CaseIterable {
        case topToBottom = "TB"
        case bottomToTop = "BT"
        case leftToRight = "LR"
        case rightToLeft = "RL"
    }

    /// Shapes of each layer's inputs and outputs.
    public var showShapes: Bool
    /// The type of each layer's outputs.
    public var showDtype: Bool
    /// Names beside classes: Keras 2's default; Keras 3 leaves them out.
    public var showLayerNames: Bool
    /// `rankdir`.
    public var direction: Direction
    /// Nested models as frames with their layers.
    public var expandNested: Bool
    /// Dots an inch of a PNG (a point is 1/72 inch). nil: Keras's 200, or as many as make a picture of bearable size.
    public var dpi: Int?
    /// The activation of each layer that has one.
    public var showLayerActivations: Bool
    /// Whether layers with weights are trainable.
    public var showTrainable: Bool

    /// `Direction` of the room that draws.
    var drawn: PlotGraph.Direction {
        switch direction {
        case .topToBottom: .topToBottom
        case .bottomToTop: .bottomToTop
        case .leftToRight: .leftToRight
        case .rightToLeft: .rightToLeft
        }
    }

    public init(
        showShapes: Bool = false, showDtype: Bool = false, showLayerNames: Bool = true,
        direction: Direction = .topToBottom, expandNested: Bool = false, dpi: Int? = nil, showLayerActivations: Bool = false,
        showTrainable: Bool = false
    ) {
        self.showShapes = showShapes
        self.showDtype = showDtype
        self.showLayerNames = showLayerNames
        self.direction = direction
        self.expandNested = expandNested
        self.dpi = dpi
        self.showLayerActivations = showLayerActivations
        self.showTrainable = showTrainable
    }
}
