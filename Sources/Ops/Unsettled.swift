package import Graphs
package import Tensors

/// Stands where extents aren't known yet that decide how many nodes there are: arrays of which only shapes and types are told.
///
/// For graphs that are looked at; a plan is lowered for known extents, where none of these is made.
package struct Unsettled: Op {
    package var infos: [ValueInfo]

    package init(_ infos: [ValueInfo]) { self.infos = infos }

    package var name: String { "unsettled" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { infos }

    package func bound(to site: Site) -> any BoundOp { preconditionFailure("a plan of a graph whose extents aren't settled") }
}
