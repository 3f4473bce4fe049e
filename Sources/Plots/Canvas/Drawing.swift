/// What is drawn, whatever writes it: rectangles, paths, polygons and text, the later above the earlier.
///
/// The one canvas of this house: graphs and curves are drawings, `svg` and `rasterized(scale:)` write them.
package struct Drawing: Sendable {
    /// One thing on the drawing.
    package enum Mark: Sendable {
        case rectangle(Rectangle, corner: Double, fill: Color?, stroke: Stroke?)
        case path(Path, Stroke)
        /// A closed outline, filled.
        case polygon([Point], fill: Color)
        case text(Text)
        /// Marks that belong together, with what a viewer may tell about them (SVG shows it on hovering).
        case group([Mark], title: String)
    }

    /// How a line is drawn.
    package struct Stroke: Hashable, Sendable {
        package var color: Color
        /// In points.
        package var width: Double
        /// Lengths of dash and gap in points; nil: drawn through.
        package var dash: [Double]?

        package init(_ color: Color, width: Double = 1, dash: [Double]? = nil) {
            self.color = color
            self.width = width
            self.dash = dash
        }
    }

    /// One line of text, of one or several pieces.
    package struct Text: Hashable, Sendable {
        /// Which part of the line is at its place.
        package enum Anchor: String, Hashable, Sendable { case start, middle, end }

        /// A piece in one style.
        package struct Run: Hashable, Sendable {
            package var string: String
            /// In points.
            package var size: Double
            package var isBold: Bool
            package var color: Color

            package init(_ string: String, size: Double, isBold: Bool = false, color: Color = .black) {
                self.string = string
                self.size = size
                self.isBold = isBold
                self.color = color
            }

            /// In points.
            package var width: Double { FontMetrics.width(of: string, size: size, isBold: isBold) }
        }

        package var runs: [Run]
        /// On the base line.
        package var origin: Point
        package var anchor: Anchor
        /// Counterclockwise from the horizontal, in degrees; a multiple of 90.
        package var rotation: Int

        package init(_ runs: [Run], at origin: Point, anchor: Anchor = .start, rotation: Int = 0) {
            self.runs = runs
            self.origin = origin
            self.anchor = anchor
            self.rotation = rotation
        }

        /// In points.
        package var width: Double { runs.reduce(0) { $0 + $1.width } }
    }

    package var size: Size
    package var background: Color
    package var marks: [Mark]

    package init(size: Size, background: Color = .white, marks: [Mark] = []) {
        self.size = size
        self.background = background
        self.marks = marks
    }
}
