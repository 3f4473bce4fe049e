internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

/// How the four numbers of a bounding box are meant: Keras's `bounding_box_format`. Those that begin with `rel_` are shares of
/// the image's width and height.
///
/// Source: keras/src/layers/preprocessing/image_preprocessing/bounding_boxes/bounding_box.py (3.15).
enum BoundingBoxFormat: String, CaseIterable {
    case xyxy, yxyx, xywh
    case centerXYWH = "center_xywh"
    case centerYXHW = "center_yxhw"
    case relativeXYXY = "rel_xyxy"
    case relativeYXYX = "rel_yxyx"
    case relativeXYWH = "rel_xywh"
    case relativeCenterXYWH = "rel_center_xywh"

    var isRelative: Bool { rawValue.hasPrefix("rel_") }
}

/// What boxes are measured in: the same for all images, or (batch, 1, 1) for each its own.
struct BoxExtent {
    var width: Value
    var height: Value

    /// The largest part of an image, in its middle, that has other proportions: rows and columns, and where they begin.
    static func largestPart(
        of image: (rows: Int, columns: Int), like other: (rows: Int, columns: Int)
    ) -> (size: (rows: Int, columns: Int), start: (top: Int, left: Int)) {
        func share(_ own: Int, _ times: Int, _ by: Int, _ most: Int) -> Int {
            max(Int(min(Double(own) * Double(times) / Double(by), Double(most))), 1)
        }
        let rows = share(image.columns, other.rows, other.columns, image.rows)
        let columns = share(image.rows, other.columns, other.rows, image.columns)
        return ((rows, columns), ((image.rows - rows) / 2, (image.columns - columns) / 2))
    }
}

/// The corners of boxes, each (batch, boxes, 1).
struct BoxCorners {
    var x1: Value
    var y1: Value
    var x2: Value
    var y2: Value

    /// The same function of both left and right, and of both up and down.
    func moved(
        x: (Value) throws(LocatedError) -> Value, y: (Value) throws(LocatedError) -> Value
    ) throws(LocatedError) -> BoxCorners {
        BoxCorners(x1: try x(x1), y1: try y(y1), x2: try x(x2), y2: try y(y2))
    }
}

/// Boxes (batch, boxes, 4) and the labels of each (batch, boxes).
struct BoundingBoxes {
    var boxes: Value
    var labels: Value
}

extension LoweringContext {
    func boxExtent(rows: Int, columns: Int) -> BoxExtent {
        BoxExtent(width: scalar(Double(columns)), height: scalar(Double(rows)))
    }

    /// The corners of boxes, as shares of the image where `isRelative`, else in pixels.
    func corners(
        _ boxes: Value, _ format: BoundingBoxFormat, relative isRelative: Bool, _ extent: BoxExtent
    ) throws(LocatedError) -> BoxCorners {
        func part(_ place: Int) throws(LocatedError) -> Value { try sliced(boxes, axis: 2, from: place, to: place + 1) }
        let (a, b, c, d) = (try part(0), try part(1), try part(2), try part(3))
        func around(_ x: Value, _ y: Value, _ width: Value, _ height: Value) throws(LocatedError) -> BoxCorners {
            let (right, down) = (try scaled(width, by: 0.5), try scaled(height, by: 0.5))
            return BoxCorners(
                x1: try subtract(x, right), y1: try subtract(y, down), x2: try add(x, right), y2: try add(y, down))
        }
        let corners =
            switch format {
            case .xyxy, .relativeXYXY: BoxCorners(x1: a, y1: b, x2: c, y2: d)
            case .yxyx, .relativeYXYX: BoxCorners(x1: b, y1: a, x2: d, y2: c)
            case .xywh, .relativeXYWH: BoxCorners(x1: a, y1: b, x2: try add(a, c), y2: try add(b, d))
            case .centerXYWH, .relativeCenterXYWH: try around(a, b, c, d)
            case .centerYXHW: try around(b, a, d, c)
            }
        if format.isRelative == isRelative { return corners }
        return isRelative
            ? try corners.moved(
                x: { (x) throws(LocatedError) in try divide(x, extent.width) }, y: { (y) throws(LocatedError) in try divide(y, extent.height) })
            : try corners.moved(
                x: { (x) throws(LocatedError) in try multiply(x, extent.width) },
                y: { (y) throws(LocatedError) in try multiply(y, extent.height) })
    }

    /// The other way: boxes of corners, which are shares of the image where `isRelative`, else in pixels.
    func boxes(
        _ corners: BoxCorners, _ format: BoundingBoxFormat, relative isRelative: Bool, _ extent: BoxExtent
    ) throws(LocatedError) -> Value {
        let corners =
            isRelative && !format.isRelative
            ? try corners.moved(
                x: { (x) throws(LocatedError) in try multiply(x, extent.width) },
                y: { (y) throws(LocatedError) in try multiply(y, extent.height) }) : corners
        let (width, height) = (try subtract(corners.x2, corners.x1), try subtract(corners.y2, corners.y1))
        func x() throws(LocatedError) -> Value { try add(corners.x1, try scaled(width, by: 0.5)) }
        func y() throws(LocatedError) -> Value { try add(corners.y1, try scaled(height, by: 0.5)) }
        // Which of the parts run from left to right.
        var parts: [Value], across: [Bool]
        switch format {
        case .xyxy, .relativeXYXY: (parts, across) = ([corners.x1, corners.y1, corners.x2, corners.y2], [true, false, true, false])
        case .yxyx, .relativeYXYX: (parts, across) = ([corners.y1, corners.x1, corners.y2, corners.x2], [false, true, false, true])
        case .xywh, .relativeXYWH: (parts, across) = ([corners.x1, corners.y1, width, height], [true, false, true, false])
        case .centerXYWH, .relativeCenterXYWH: (parts, across) = ([try x(), try y(), width, height], [true, false, true, false])
        case .centerYXHW: (parts, across) = ([try y(), try x(), height, width], [false, true, false, true])
        }
        if format.isRelative && !isRelative {
            for (place, isAcross) in across.enumerated() {
                parts[place] = try divide(parts[place], isAcross ? extent.width : extent.height)
            }
        }
        return try concatenated(parts, axis: 2)
    }

    /// Corners no farther than the borders, and labels -1 where nothing is left between them.
    func clipped(
        _ corners: BoxCorners, labels: Value, to extent: BoxExtent
    ) throws(LocatedError) -> (corners: BoxCorners, labels: Value) {
        func between(_ x: Value, _ limit: Value) throws(LocatedError) -> Value {
            try binary(.maximum, try binary(.minimum, x, limit), scalar(0.0))
        }
        let inside = try corners.moved(
            x: { (x) throws(LocatedError) in try between(x, extent.width) }, y: { (y) throws(LocatedError) in try between(y, extent.height) })
        let area = try multiply(try subtract(inside.x2, inside.x1), try subtract(inside.y2, inside.y1))
        let isLeft = try compare(.greater, try squeezed(area, axes: [2]), scalar(0.0))
        let none = dtype(labels) == .int32 ? scalar(-1 as Int32) : scalar(-1.0)
        return (inside, try select(isLeft, labels, none))
    }

    /// The smallest boxes with all these points in them.
    func around(_ x: [Value], _ y: [Value]) throws(LocatedError) -> BoxCorners {
        let (x, y) = (try concatenated(x, axis: 2), try concatenated(y, axis: 2))
        return BoxCorners(
            x1: try reduce(.min, x, axes: [2], keepsAxes: true), y1: try reduce(.min, y, axes: [2], keepsAxes: true),
            x2: try reduce(.max, x, axes: [2], keepsAxes: true), y2: try reduce(.max, y, axes: [2], keepsAxes: true))
    }

    /// Numbers of each image, (batch, 1, 1, 1), as numbers for its boxes, (batch, 1, 1).
    func forBoxes(_ numbers: Value) throws(LocatedError) -> Value { try squeezed(numbers, axes: [3]) }
}
