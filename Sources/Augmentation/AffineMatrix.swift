#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Three by three, by rows: takes places of the result to places of the picture, both (row, column, 1).
struct AffineMatrix {
    var elements: [Double]

    init(_ elements: [Double]) { self.elements = elements }

    /// As `np.dot` of NumPy with OpenBLAS on processors with fused multiply-add: element by element, one rounding a term.
    static func * (a: AffineMatrix, b: AffineMatrix) -> AffineMatrix {
        var result = AffineMatrix([Double](repeating: 0, count: 9))
        for i in 0..<3 {
            for j in 0..<3 {
                var sum = 0.0
                for k in 0..<3 { sum.addProduct(a.elements[i * 3 + k], b.elements[k * 3 + j]) }
                result.elements[i * 3 + j] = sum
            }
        }
        return result
    }

    /// Rotation, shift, shear and zoom about the picture's middle, as `apply_affine_transform` composes them; nil when they
    /// leave the picture as it is.
    init?(_ parameters: TransformParameters, height: Int, width: Int) {
        var product: AffineMatrix?
        func append(_ elements: [Double]) {
            let matrix = AffineMatrix(elements)
            product = product.map { $0 * matrix } ?? matrix
        }
        let degree = Double.pi / 180
        if parameters.theta != 0 {
            let theta = parameters.theta * degree
            append([cos(theta), -sin(theta), 0, sin(theta), cos(theta), 0, 0, 0, 1])
        }
        if parameters.tx != 0 || parameters.ty != 0 {
            append([1, 0, parameters.tx, 0, 1, parameters.ty, 0, 0, 1])
        }
        if parameters.shear != 0 {
            let shear = parameters.shear * degree
            append([1, -sin(shear), 0, 0, cos(shear), 0, 0, 0, 1])
        }
        if parameters.zx != 1 || parameters.zy != 1 {
            append([parameters.zx, 0, 0, 0, parameters.zy, 0, 0, 0, 1])
        }
        guard let product else { return nil }
        let (middleRow, middleColumn) = (Double(height) / 2 + 0.5, Double(width) / 2 + 0.5)
        let offset = AffineMatrix([1, 0, middleRow, 0, 1, middleColumn, 0, 0, 1])
        let reset = AffineMatrix([1, 0, -middleRow, 0, 1, -middleColumn, 0, 0, 1])
        self = offset * product * reset
    }
}
