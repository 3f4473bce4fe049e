import KerasFormat
import KerasSpec
import Layers
import TestSupport
import Tensors
import Testing

/// Layers made in Swift have the configuration, key by key in order, of the same layers made by genuine Keras in
/// `fixtures/catalogue`.
@Suite struct CatalogueConfigTests {
    struct Built: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable () -> any BuiltInLayer

        init(_ name: String, _ make: @escaping @Sendable () -> any BuiltInLayer) {
            testDescription = name
            self.make = make
        }
    }

    static let convolutions: [Built] = [
        Built("Conv1D/default") { Conv1D(4, 3) },
        Built("Conv1D/causal_dilated") { Conv1D(4, 3, padding: .causal, dilationRate: 2) },
        Built("Conv2D/default") { Conv2D(4, (3, 3)) },
        Built("Conv2D/channels_first_strided") {
            Conv2D(4, (2, 3), strides: (2, 2), dataFormat: .channelsFirst, activation: .elu)
        },
        Built("Conv3D/same_strided") { Conv3D(3, (3, 1, 2), strides: (2, 1, 1), padding: .same, activation: .relu) },
        Built("Conv1DTranspose/same_output_padding") { Conv1DTranspose(4, 4, strides: 3, padding: .same, outputPadding: 2) },
        Built("Conv2DTranspose/default") { Conv2DTranspose(4, (3, 3)) },
        Built("Conv2DTranspose/same_output_padding") {
            Conv2DTranspose(4, (4, 3), strides: (2, 3), padding: .same, outputPadding: (1, 0))
        },
        Built("Conv3DTranspose/output_padding_no_bias") {
            Conv3DTranspose(2, (2, 2, 2), strides: (2, 2, 2), outputPadding: (1, 0, 1), useBias: false)
        },
        Built("DepthwiseConv1D/same_strided_multiplied") {
            DepthwiseConv1D(3, strides: 2, padding: .same, depthMultiplier: 2, activation: .relu)
        },
        Built("DepthwiseConv2D/same_dilated") {
            DepthwiseConv2D((3, 3), padding: .same, dilationRate: (2, 2), depthwiseRegularizer: .l2())
        },
        Built("SeparableConv1D/same_strided_multiplied") {
            SeparableConv1D(4, 3, strides: 2, padding: .same, depthMultiplier: 2, activation: .relu)
        },
        Built("SeparableConv2D/same_strided_multiplied") {
            SeparableConv2D(4, (3, 2), strides: (2, 2), padding: .same, depthMultiplier: 2, activation: .relu)
        },
    ]

    static let pooling: [Built] = [
        Built("MaxPooling1D/default") { MaxPooling1D() },
        Built("AveragePooling1D/same_strided") { AveragePooling1D(poolSize: 3, strides: 2, padding: .same) },
        Built("MaxPooling2D/channels_first") { MaxPooling2D(poolSize: (2, 2), padding: .same, dataFormat: .channelsFirst) },
        Built("AveragePooling3D/same_strided") { AveragePooling3D(poolSize: (2, 1, 3), strides: (1, 2, 2), padding: .same) },
        Built("GlobalMaxPooling1D/keepdims") { GlobalMaxPooling1D(keepdims: true) },
        Built("GlobalAveragePooling3D/channels_first") { GlobalAveragePooling3D(dataFormat: .channelsFirst) },
        Built("AdaptiveMaxPooling1D/default") { AdaptiveMaxPooling1D(3) },
        Built("AdaptiveAveragePooling2D/default") { AdaptiveAveragePooling2D((3, 2)) },
    ]

    static let reshaping: [Built] = [
        Built("UpSampling1D/default") { UpSampling1D() },
        Built("UpSampling2D/default") { UpSampling2D() },
        Built("UpSampling2D/bilinear_channels_first") {
            UpSampling2D(size: (3, 2), dataFormat: .channelsFirst, interpolation: .bilinear)
        },
        Built("UpSampling3D/uneven") { UpSampling3D(size: (1, 3, 2)) },
        Built("ZeroPadding1D/behind") { ZeroPadding1D(padding: (0, 3)) },
        Built("ZeroPadding2D/default") { ZeroPadding2D() },
        Built("ZeroPadding3D/uneven") { ZeroPadding3D(padding: ((0, 1), (2, 0), (1, 1))) },
        Built("Cropping1D/default") { Cropping1D() },
        Built("Cropping2D/default") { Cropping2D() },
        Built("Cropping3D/channels_first") { Cropping3D(cropping: ((1, 1), (0, 0), (1, 1)), dataFormat: .channelsFirst) },
        Built("Reshape/open") { Reshape([-1, 2]) },
        Built("Permute/turned") { Permute([3, 1, 2]) },
        Built("RepeatVector/default") { RepeatVector(3) },
    ]

    static let recurrent: [Built] = [
        Built("LSTM/default") { LSTM(3) },
        Built("LSTM/sequences_and_state") { LSTM(3, returnSequences: true, returnState: true) },
        Built("GRU/default") { GRU(3) },
        Built("GRU/reset_before_no_bias") { GRU(3, useBias: false, returnSequences: true, resetAfter: false) },
        Built("GRU/dropout_inference") { GRU(3, dropout: 0.3, recurrentDropout: 0.4, seed: 3) },
        Built("SimpleRNN/default") { SimpleRNN(3) },
        Built("SimpleRNN/backwards_no_bias") { SimpleRNN(3, useBias: false, goBackwards: true) },
        Built("LSTMCell/no_bias_relu") { LSTMCell(3, activation: .relu, useBias: false) },
        Built("GRUCell/default") { GRUCell(3) },
        Built("SimpleRNNCell/default") { SimpleRNNCell(3) },
        Built("ConvLSTM1D/same_strides_2_sequences") { ConvLSTM1D(2, 2, strides: 2, padding: .same, returnSequences: true) },
        Built("ConvLSTM2D/default") { ConvLSTM2D(2, (3, 3)) },
        Built("ConvLSTM2D/dropout_inference") { ConvLSTM2D(2, (2, 2), dropout: 0.3, recurrentDropout: 0.3, seed: 1) },
        Built("ConvLSTM3D/strides_2_state") { ConvLSTM3D(1, (2, 2, 2), strides: (2, 2, 2), returnState: true) },
    ]

    /// Of layers that hold others.
    static let wrapping: [(name: String, make: @Sendable () throws -> any BuiltInLayer)] = [
        ("RNN/default", { try RNN(LSTMCell(3)) }),
        ("RNN/unroll_softmax", { try RNN(SimpleRNNCell(3, activation: .softmax), unroll: true) }),
        ("Bidirectional/default", { try Bidirectional(LSTM(3)) }),
        ("Bidirectional/merge_none", { try Bidirectional(SimpleRNN(3, returnSequences: true), mergeMode: nil) }),
        ("TimeDistributed/default", { try TimeDistributed(Dense(3, activation: .tanh)) }),
    ]

    @Test(arguments: wrapping.indices) func sameConfigurationOfWrappers(_ number: Int) throws {
        let make = Self.wrapping[number].make
        try check(Built(Self.wrapping[number].name) { do { return try make() } catch { preconditionFailure("\(error)") } })
    }

    @Test(arguments: convolutions + pooling + reshaping + recurrent)
    func sameConfiguration(_ built: Built) throws { try check(built) }

    private func check(_ built: Built) throws {
        let spec = try #require(try KerasFile.read(Fixtures.path("catalogue/\(built.testDescription).keras")).spec)
        let stored = try #require(spec.layers.last)
        var layer = built.make()
        layer.common.name = stored.name
        layer.common.dtype = try LayerRegistry.builtIn.decode(stored).common.dtype
        #expect(JSON.text(.object(layer.config)) == JSON.text(.object(stored.config)))
    }
}
