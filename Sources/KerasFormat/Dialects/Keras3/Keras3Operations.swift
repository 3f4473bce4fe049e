import KerasSpec
import OrderedCollections

/// The operations of Keras 3: where each class is, and which Keras 3 has it with which settings.
///
/// Source: classes of `keras/src/ops` of 3.0.5 and 3.15.1, run; constructors at each version's tag.
enum Keras3Operations {
    /// The module below `keras.src.ops` of a class; nil for no operation. Whole `.h5` files don't tell modules.
    static func module(of className: String) -> String? { modules[className] }

    /// From which 3.N on there is a class.
    static func firstMinor(of className: String) -> Int { firstMinors[className] ?? 0 }

    /// A setting that came with a version, and values that say nothing an older one doesn't do anyway.
    static func key(_ name: String, of className: String) -> LateKey? { keys[className]?[name] }

    /// Keras 3.15's name of a class that an older Keras 3 calls differently.
    static func today(_ className: String) -> String { renamed.first { $0.old == className }?.new ?? className }

    /// What 3.N calls a class.
    static func name(of className: String, minor: Int) -> String {
        renamed.first { $0.new == className && minor < $0.since }?.old ?? className
    }

    /// Classes that were renamed, and the 3.N since which they have their names.
    private static let renamed = [(old: "CtcLoss", new: "CTCLoss", since: 3)]

    private static let modules: [String: String] = table([
        "core": """
            AssociativeScan Cast Cond ConvertToTensor ForiLoop Map SaturateCast Scan Scatter ScatterUpdate Slice \
            SliceUpdate StopGradient Switch Unstack VectorizedMap WhileLoop
            """,
        "einops": """
            Rearrange
            """,
        "image": """
            AffineTransform CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB MapCoordinates PadImages \
            PerspectiveTransform RGBToGrayscale RGBToHSV Resize SSIM ScaleAndTranslate SobelEdges
            """,
        "linalg": """
            Cholesky CholeskyInverse Det Eig Eigh Inv JVP Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve SolveTriangular
            """,
        "math": """
            CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT InTopK Logdet Logsumexp RFFT Rsqrt STFT \
            SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum TopK ViewAsComplex ViewAsReal
            """,
        "nn": """
            AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy CTCDecode CTCLoss \
            CategoricalCrossentropy Celu Conv ConvTranspose DepthToSpace DepthwiseConv DotProductAttention Elu \
            Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool \
            Moments MultiHot Normalize OneHot PSNR Polar RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink \
            Softmax Softplus Softsign SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax \
            Squareplus TanhShrink Threshold Unfold
            """,
        "numpy": """
            Abs Absolute Add All AllClose Amax Amin Angle Any Append Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 \
            Arctanh Argmax Argmin Argpartition Argsort Array ArraySplit Average Bincount BitwiseAnd BitwiseInvert \
            BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo Cbrt Ceil Clip Concatenate Conj \
            Conjugate Copy Corrcoef Correlate Cos Cosh CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagflat Diagonal \
            Diff Digitize Divide DivideNoNan Dot Dsplit Dstack Einsum Empty EmptyLike Equal Exp Exp2 ExpandDims Expm1 Eye \
            Fabs Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod Full FullLike Gcd Geomspace GetItem Greater \
            GreaterEqual Heaviside Histogram Hsplit Hstack Hypot I0 Identity Imag Inner IsIn Isclose Isfinite Isinf Isnan \
            Isneginf Isposinf Isreal Kron Lcm Ldexp LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 Logaddexp \
            Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Logspace Matmul Max Maximum Mean Median Meshgrid Min \
            Minimum Mod Moveaxis Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian \
            Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative Nextafter Nonzero NotEqual Ones \
            OnesLike Outer Pad Percentile Power Prod Ptp Quantile Rad2deg Ravel Real Reciprocal Repeat Reshape RightShift \
            Roll Rot90 Round SearchSorted Select Sign Signbit Sin Sinc Sinh Size Slogdet Sort Split Sqrt Square Squeeze \
            Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Trace Transpose Trapezoid Tri Tril \
            Triu TrueDivide Trunc Unique UnravelIndex Vander Var Vdot View Vsplit Vstack Where Zeros ZerosLike
            """,
    ])

    private static let firstMinors: [String: Int] = table([
        1: """
            CropImages
            """,
        2: """
            Correlate
            """,
        3: """
            CTCDecode Eigh PSNR RGBToGrayscale Select Slogdet
            """,
        4: """
            Argpartition HSVToRGB Lstsq Map RGBToHSV Scan Switch
            """,
        5: """
            AssociativeScan SearchSorted SegmentReduction
            """,
        6: """
            BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor \
            DotProductAttention Histogram LeftShift Logdet RightShift SaturateCast Trunc
            """,
        7: """
            Celu ConvertToTensor Exp2 Glu HardShrink HardTanh IFFT2 Inner SoftShrink Squareplus TanhShrink
            """,
        8: """
            Diagflat SparsePlus Sparsemax Threshold UnravelIndex
            """,
        9: """
            GaussianBlur PerspectiveTransform Polar RMSNorm Rearrange Rot90 Signbit
            """,
        10: """
            Angle ElasticTransform SparseSigmoid ViewAsComplex ViewAsReal
            """,
        11: """
            Cbrt Corrcoef Deg2rad Heaviside LayerNorm VectorizedMap
            """,
        12: """
            CholeskyInverse Gcd Hypot IsIn Isneginf Isposinf Isreal JVP Kron Lcm Logaddexp2 ScaleAndTranslate Trapezoid \
            Unfold View
            """,
        13: """
            AdaptiveAveragePool AdaptiveMaxPool ArraySplit EmptyLike Ldexp Vander
            """,
        14: """
            AllClose DepthToSpace Dstack Fliplr Flipud Fmod Fold Geomspace Hsplit I0 Nanargmax Nanargmin Nancumprod \
            Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanprod Nanquantile Nanstd Nansum Nanvar Nextafter Ptp Rad2deg Sinc \
            SpaceToDepth Vsplit
            """,
        15: """
            CDist Dsplit Erfc Fabs Fmax Fmin MatrixRank Nanpercentile Percentile Pinv SSIM SobelEdges Unique
            """,
    ])

    private static func table<Value>(_ lines: [Value: String]) -> [String: Value] {
        var result: [String: Value] = [:]
        for (value, names) in lines { for name in names.split(separator: " ") { result[String(name)] = value } }
        return result
    }

    private static let keys: [String: [String: LateKey]] = [
        "Argmax": ["keepdims": .init(minor: 3, neutral: [false])], "Argmin": ["keepdims": .init(minor: 3, neutral: [false])],
        "Bincount": ["sparse": .init(minor: 2, neutral: [false])], "OneHot": ["sparse": .init(minor: 2, neutral: [false])],
        "MultiHot": ["sparse": .init(minor: 2, neutral: [false])], "Normalize": ["epsilon": .init(minor: 6, neutral: [nil, 1e-12])],
        "Isclose": ["equal_nan": .init(minor: 11, neutral: [false])], "Cholesky": ["upper": .init(minor: 12, neutral: [false])],
        "ScatterUpdate": ["reduction": .init(minor: 14, neutral: [nil])],
        "NanToNum": [
            "nan": .init(minor: 3, neutral: [0.0, 0]), "posinf": .init(minor: 3, neutral: [nil]), "neginf": .init(minor: 3, neutral: [nil]),
        ],
        "Resize": [
            "crop_to_aspect_ratio": .init(minor: 3, neutral: [false]), "pad_to_aspect_ratio": .init(minor: 3, neutral: [false]),
            "fill_mode": .init(minor: 3, neutral: ["constant"]), "fill_value": .init(minor: 3, neutral: [0.0, 0]),
        ],
        "ZerosLike": ["dtype": .init(minor: 11, neutral: [nil])], "OnesLike": ["dtype": .init(minor: 11, neutral: [nil])],
        "FullLike": ["dtype": .init(minor: 11, neutral: [nil])], "Arange": ["dtype": .init(minor: 11, neutral: [nil])],
        "DotProductAttention": [
            "flash_attention": .init(minor: 11, neutral: [nil]), "attn_logits_soft_cap": .init(minor: 11, neutral: [nil]),
        ],
    ]
}
