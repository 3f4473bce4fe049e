import Foundation
import SwiftKeras
import TestSupport
import Testing

/// The README's Swift, compiled. Functions whose code needs CIFAR-10 or writes files are not called.
private enum Readme {
    static func read(images: Tensor) throws {
        let model = try Model(json: "cifar10_architecture.json", weights: "cifar10_weights.h5")
        let probabilities = try model.predict(images)       // images: a Tensor of shape (samples, 32, 32, 3)
        _ = probabilities
    }

    static func train() throws {
        let (train, test) = try CIFAR10.load()
        let (xTrain, xTest) = (train.x.asType(.float32) / 255, test.x.asType(.float32) / 255)
        let yTrain = try toCategorical(train.y, numClasses: 10)
        let yTest = try toCategorical(test.y, numClasses: 10)

        let net = Sequential()
        try net.add(Conv2D(32, (3, 3), padding: .same, inputShape: [32, 32, 3]))
        try net.add(Activation(.relu))
        try net.add(MaxPooling2D(poolSize: (2, 2)))
        try net.add(Flatten())
        try net.add(Dense(10, activation: .softmax))
        print(try net.summary())

        try net.compile(loss: .categoricalCrossentropy, optimizer: RMSprop(), metrics: [.accuracy])
        try net.fit(xTrain, yTrain, batchSize: 128, epochs: 20, validationSplit: 0.2)
        let score = try net.evaluate(xTest, yTest, batchSize: 128)
        print("Test score:", score[0], "Test accuracy:", score[1])

        try net.toJSON().write(to: "architecture.json")
        try net.saveWeights("weights.h5")

        let datagen = try ImageDataGenerator(
            rotationRange: 40, widthShiftRange: 0.2, heightShiftRange: 0.2, zoomRange: 0.2, fillMode: .nearest, horizontalFlip: true)
        try datagen.fit(xTrain)
        try net.fit(try datagen.flow(xTrain, yTrain, batchSize: 128), stepsPerEpoch: 390, epochs: 20)
    }

    static func functional() throws -> Model {
        let words = Input(shape: [nil], dtype: "int32")
        let numbers = Input(shape: [4])
        let read = try LSTM(8)(Embedding(100, 6, maskZero: true)(words))
        let both = try Concatenate()([read, Dense(8)(numbers)])
        let model = try Model(inputs: [words, numbers], outputs: [Dense(1, activation: .sigmoid)(both)])
        return model
    }

    struct Scaled: CustomLayer {
        static let className = "Scaled"
        var common: LayerCommon

        init(name: String? = nil) { common = LayerCommon(name: name) }
        init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) { self.common = common }

        func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot] {
            [WeightSlot("scale", shape: [try inputShapes.extent(-1)], initializer: .ones)]
        }

        func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol] {
            [try ops.tanh(inputs[0] * context.weight("scale"))]
        }
    }

    static func custom() throws -> Model {
        let own = try Model("own.keras", customObjects: ["my_package>Scaled": .layer(Scaled.self)])
        return own
    }
}

@Suite("The README's Swift")
struct ReadmeTests {
    @Test("every line of the README's Swift stands in this file, in its order")
    func isCompiled() throws {
        let readme = try String(contentsOf: Fixtures.root.appendingPathComponent("README.md"), encoding: .utf8)
        let own = try String(contentsOfFile: #filePath, encoding: .utf8).split(separator: "\n").map(trimmed)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        #expect(blocks.count == 5)
        var next = 0
        for line in blocks.flatMap({ $0.split(separator: "\n") }).map(trimmed) where line != "import SwiftKeras" {
            let place = try #require(own[next...].firstIndex(of: line), "not compiled: \(line)")
            next = place + 1
        }
    }

    @Test("the functional model runs")
    func functional() throws {
        let model = try Readme.functional()
        let words = Tensor([1, 2, 0, 99, 5, 0] as [Int32], shape: [2, 3])
        let outputs = try model.predict([words, Tensor(zeros: [2, 4])])
        #expect(outputs.map(\.shape) == [[2, 1]])
        #expect(outputs[0].floats.allSatisfy { $0 > 0 && $0 < 1 })
    }

    private func trimmed(_ line: Substring) -> String { line.trimmingCharacters(in: .whitespaces) }
}
