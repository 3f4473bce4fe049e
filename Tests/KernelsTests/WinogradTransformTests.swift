import CKernels
import TestSupport
import Testing

/// Winograd's transforms by the kernels of every processor family that this one has, joined by plain products in double
/// precision, against plain windows.
@Suite struct WinogradTransformTests {
    private func values(_ random: inout TestRandom, _ count: Int) -> [Float] {
        (0..<count).map { _ in Float(random.next() >> 40) / 8_388_608 - 1 }
    }

    private struct Setting {
        let rows = 9, columns = 7, images = 2
        let channels: Int, filters: Int, same: Bool, cells: Int
        var points: Int { (cells + 2) * (cells + 2) }
        var outRows: Int { same ? rows : rows - 2 }
        var outColumns: Int { same ? columns : columns - 2 }
        var tilesY: Int { (outRows + cells - 1) / cells }
        var tilesX: Int { (outColumns + cells - 1) / cells }
        var tiles: Int { images * tilesY * tilesX }
        var source: ck_winograd_images {
            ck_winograd_images(
                cells: Int32(cells), rows: rows, columns: columns, channels: channels, begin_y: same ? 1 : 0, begin_x: same ? 1 : 0,
                tiles_y: tilesY, tiles_x: tilesX)
        }
        var target: ck_winograd_images {
            ck_winograd_images(
                cells: Int32(cells), rows: outRows, columns: outColumns, channels: filters, begin_y: 0, begin_x: 0, tiles_y: tilesY,
                tiles_x: tilesX)
        }

        /// Calls `body` with the places in x, kernel and y of each product.
        func forEachProduct(_ body: (Int, Int, Int) -> Void) {
            let begin = same ? 1 : 0
            for image in 0..<images {
                for i in 0..<outRows {
                    for j in 0..<outColumns {
                        for tap in 0..<9 {
                            let (y, x) = (i + tap / 3 - begin, j + tap % 3 - begin)
                            guard y >= 0, x >= 0, y < rows, x < columns else { continue }
                            for channel in 0..<channels {
                                for filter in 0..<filters {
                                    body(
                                        ((image * rows + y) * columns + x) * channels + channel,
                                        (tap * channels + channel) * filters + filter,
                                        ((image * outRows + i) * outColumns + j) * filters + filter)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private func strides(_ rows: Int, _ columns: Int) -> ck_winograd_points {
        let row = (columns + 15) / 16 * 16
        return ck_winograd_points(point_stride: rows * row + 16, row_stride: row)
    }

    @Test(arguments: ProductTests.families, [(1, 3), (3, 1), (5, 17), (16, 8), (20, 33), (70, 16)])
    func allTransforms(family: ck_family, channels: (Int, Int)) {
        for (same, cells) in [(false, 4), (true, 4), (false, 2), (true, 2)] {
            let s = Setting(channels: channels.0, filters: channels.1, same: same, cells: cells)
            var (source, target) = (s.source, s.target)
            var random = TestRandom(UInt64(s.channels))
            let x = values(&random, s.images * s.rows * s.columns * s.channels)
            let kernel = values(&random, 9 * s.channels * s.filters)
            let dy = values(&random, s.images * s.outRows * s.outColumns * s.filters)
            let bias = values(&random, s.filters)
            let before = values(&random, dy.count)

            let (from, to) = (strides(s.tiles, s.channels), strides(s.tiles, s.filters))
            var xPoints = [Float](repeating: .nan, count: s.points * from.point_stride)
            ck_winograd_input(family, &source, x, nil, 0, s.tiles, &xPoints, from)
            let weights = s.channels * s.filters
            var kernelPoints = [Float](repeating: .nan, count: s.points * weights)
            ck_winograd_kernel(family, Int32(cells), kernel, weights, weights, &kernelPoints, weights)
            var yPoints = [Float](repeating: 0, count: s.points * to.point_stride)
            for point in 0..<s.points {
                for tile in 0..<s.tiles {
                    for filter in 0..<s.filters {
                        var sum = 0.0
                        for channel in 0..<s.channels {
                            sum += Double(xPoints[point * from.point_stride + tile * from.row_stride + channel])
                                * Double(kernelPoints[point * weights + channel * s.filters + filter])
                        }
                        yPoints[point * to.point_stride + tile * to.row_stride + filter] = Float(sum)
                    }
                }
            }
            var exact = [Double](repeating: 0, count: dy.count)
            var exactGradient = [Double](repeating: 0, count: kernel.count)
            s.forEachProduct { x0, k0, y0 in
                exact[y0] += Double(x[x0]) * Double(kernel[k0])
                if before[y0] > 0 { exactGradient[k0] += Double(x[x0]) * Double(dy[y0]) }
            }

            // In two parts of tiles, bare; then at once, with everything that can follow.
            var y = [Float](repeating: .nan, count: dy.count)
            ck_winograd_output(family, &target, yPoints, to, 0, s.filters, nil, nil, 0, 0, 3, &y)
            let rest = Array(yPoints.dropFirst(3 * to.row_stride))
            ck_winograd_output(family, &target, rest, to, 0, s.filters, nil, nil, 0, 3, s.tiles - 3, &y)
            #expect(worst(y, exact) < 2e-4)
            y = before
            ck_winograd_output(
                family, &target, yPoints, to, 0, s.filters, bias, dy, UInt32(CK_PRODUCT_ADD | CK_PRODUCT_RECTIFY), 0, s.tiles, &y)
            let finished = exact.indices.map {
                max(exact[$0] + Double(bias[$0 % s.filters]) + Double(dy[$0]) + Double(before[$0]), 0)
            }
            #expect(worst(y, finished) < 2e-4)

            if cells != 4 { continue }
            // The kernel's gradient, and the bias's, where `before` is positive.
            var yGradients = [Float](repeating: .nan, count: 36 * to.point_stride)
            var sums = bias
            ck_winograd_output_gradient(family, &target, dy, before, 0, s.tiles, &yGradients, to, &sums)
            var kernelGradients = [Float](repeating: 0, count: 36 * weights)
            for point in 0..<36 {
                for channel in 0..<s.channels {
                    for filter in 0..<s.filters {
                        var sum = 0.0
                        for tile in 0..<s.tiles {
                            sum += Double(xPoints[point * from.point_stride + tile * from.row_stride + channel])
                                * Double(yGradients[point * to.point_stride + tile * to.row_stride + filter])
                        }
                        kernelGradients[point * weights + channel * s.filters + filter] = Float(sum)
                    }
                }
            }
            var gradient = kernel
            ck_winograd_kernel_gradient(family, kernelGradients, weights, weights, &gradient, weights, true)
            #expect(worst(gradient, zip(exactGradient, kernel).map { $0 + Double($1) }) < 2e-4)
            var exactSums = bias.map(Double.init)
            for place in dy.indices where before[place] > 0 { exactSums[place % s.filters] += Double(dy[place]) }
            #expect(worst(sums, exactSums) < 1e-4)
        }
    }

    private func worst(_ got: [Float], _ expected: [Double]) -> Double {
        zip(got, expected).reduce(0) { $1.0.isNaN ? .infinity : max($0, abs(Double($1.0) - $1.1)) }
    }
}
