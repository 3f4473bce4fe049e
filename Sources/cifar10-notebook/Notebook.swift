import ArgumentParser
import Foundation
import SwiftKeras

/// The notebook that the project began with, its cells in order. Beside each cell stands what it was in Python.
///
/// Augmentation (`ImageDataGenerator`) follows later.
@main
struct Notebook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cifar10-notebook", abstract: "Trains the notebook's networks on CIFAR-10, from data to saved files.")

    @Option(name: .long, help: "Folder of the data: cifar-10-batches-py, or the one above it. Keras's cache unless given.")
    var data: String?

    @Option(name: .long, help: "Where to write the files.")
    var output = "."

    @Option(name: .long, help: "1: the first network; 2: the deeper one.")
    var network = 1

    @Option(name: .long, help: "Passes over the data; the notebook makes 20.")
    var epochs = 20

    @Option(name: .long, help: "Of initial weights, shuffling and dropout.")
    var seed: UInt64 = 1671

    func validate() throws {
        if ![1, 2].contains(network) { throw ValidationError("--network: expected 1 or 2, got \(network)") }
        if epochs < 1 { throw ValidationError("--epochs: expected at least 1, got \(epochs)") }
    }

    static func main() {
        do {
            var notebook = try parseAsRoot()
            try notebook.run()
        } catch let error as LocatedError {
            FileHandle.standardError.write(Data("cifar10-notebook: \(error)\n".utf8))
            Foundation.exit(Int32(error.category.rawValue))
        } catch {
            exit(withError: error)
        }
    }

    func run() throws {
        // BATCH_SIZE = 128; NB_EPOCH = 20; NB_CLASSES = 10; VERBOSE = 1; VALIDATION_SPLIT = 0.2; OPTIM = RMSprop()
        let (batchSize, classes, verbose, validationSplit) = (128, 10, 1, 0.2)
        let optimizer = RMSprop()

        // (X_train, y_train), (X_test, y_test) = cifar10.load_data()
        let (train, test) = try CIFAR10.load(from: data)
        print("X_train shape:", train.x.shape)
        print(train.x.shape[0], "train samples")
        print(test.x.shape[0], "test samples")

        // Y_train = np_utils.to_categorical(y_train, NB_CLASSES)
        let (yTrain, yTest) = (try toCategorical(train.y, numClasses: classes), try toCategorical(test.y, numClasses: classes))

        // X_train = X_train.astype('float32') / 255
        let (xTrain, xTest) = (train.x.asType(.float32) / 255, test.x.asType(.float32) / 255)

        let model = network == 1 ? try firstNetwork(classes) : try deeperNetwork(classes)

        // model.summary()
        print(try model.summary(), terminator: "")

        // model.compile(loss='categorical_crossentropy', optimizer=OPTIM, metrics=['accuracy'])
        try model.compile(loss: .categoricalCrossentropy, optimizer: optimizer, metrics: [.accuracy])

        // model.fit(X_train, Y_train, batch_size=BATCH_SIZE, epochs=NB_EPOCH, validation_split=VALIDATION_SPLIT, verbose=VERBOSE)
        try model.fit(
            xTrain, yTrain, batchSize: batchSize, epochs: epochs, verbose: verbose, validationSplit: validationSplit,
            seed: seed)

        // score = model.evaluate(X_test, Y_test, batch_size=BATCH_SIZE, verbose=VERBOSE)
        print("Testing...")
        let score = try model.evaluate(xTest, yTest, batchSize: batchSize)
        print("\nTest score:", score[0])
        print("Test accuracy:", score[1])

        // open('cifar10_architecture.json', 'w').write(model.to_json())
        try model.toJSON().write(to: output + "/cifar10_architecture.json")

        // model.save_weights('cifar10_weights.h5', overwrite=True)
        try model.saveWeights(output + "/cifar10_weights.h5", overwrite: true)
    }

    /// The notebook's first network.
    private func firstNetwork(_ classes: Int) throws -> Sequential {
        let model = try Sequential([], seed: seed)
        try model.add(Conv2D(32, (3, 3), padding: .same, inputShape: [32, 32, 3]))
        try model.add(Activation(.relu))
        try model.add(MaxPooling2D(poolSize: (2, 2)))
        try model.add(Dropout(0.25))

        try model.add(Flatten())
        try model.add(Dense(512))
        try model.add(Activation(.relu))
        try model.add(Dropout(0.5))
        try model.add(Dense(classes))
        try model.add(Activation(.softmax))
        return model
    }

    /// The deeper one. `Conv2D(64, 3, 3)` is a 3×3 kernel, as Keras 2.3 reads it.
    private func deeperNetwork(_ classes: Int) throws -> Sequential {
        let model = try Sequential([], seed: seed)
        try model.add(Conv2D(32, (3, 3), padding: .same, inputShape: [32, 32, 3]))
        try model.add(Activation(.relu))
        try model.add(Conv2D(32, (3, 3), padding: .same))
        try model.add(Activation(.relu))
        try model.add(MaxPooling2D(poolSize: (2, 2)))
        try model.add(Dropout(0.25))

        try model.add(Conv2D(64, (3, 3), padding: .same))
        try model.add(Activation(.relu))
        try model.add(Conv2D(64, 3, 3))
        try model.add(Activation(.relu))
        try model.add(MaxPooling2D(poolSize: (2, 2)))
        try model.add(Dropout(0.25))

        try model.add(Flatten())
        try model.add(Dense(512))
        try model.add(Activation(.relu))
        try model.add(Dropout(0.5))
        try model.add(Dense(classes))
        try model.add(Activation(.softmax))
        return model
    }
}
