import ArgumentParser
import Foundation
import SwiftKeras

/// The notebook that the project began with, its cells in order. Beside each cell stands what it was in Python.
@main
struct Notebook: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cifar10-notebook", abstract: "Trains the notebook's networks on CIFAR-10, from data to saved files.")

    @Option(name: .long, help: "Folder of the data: cifar-10-batches-py, or the one above it. Keras's cache unless given.")
    var data: String?

    @Option(name: .long, help: "Where to write the files.")
    var output = "."

    @Option(name: .long, help: "1: the first network; 2: the deeper one. (default: 1, with --augment 2)")
    var network: Int?

    @Flag(name: .long, help: "The last cells, too: show varied pictures, and train on them instead.")
    var augment = false

    @Option(name: .long, help: "With --augment: how many pictures to show varied; the notebook shows all 50000, six of each.")
    var previews = 10

    @Option(name: .long, help: "Passes over the data; the notebook makes 20.")
    var epochs = 20

    @Option(name: .long, help: "Of initial weights, shuffling and dropout.")
    var seed: UInt64 = 1671

    func validate() throws {
        if let network, ![1, 2].contains(network) { throw ValidationError("--network: expected 1 or 2, got \(network)") }
        if previews < 0 { throw ValidationError("--previews: expected at least 0, got \(previews)") }
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

        let model = network ?? (augment ? 2 : 1) == 1 ? try firstNetwork(classes) : try deeperNetwork(classes)

        // model.summary()
        print(try model.summary(), terminator: "")

        // model.compile(loss='categorical_crossentropy', optimizer=OPTIM, metrics=['accuracy'])
        try model.compile(loss: .categoricalCrossentropy, optimizer: optimizer, metrics: [.accuracy])

        if augment {
            try fitAugmented(model, train.x, xTrain, yTrain, batchSize: batchSize, verbose: verbose)
        } else {
            // model.fit(X_train, Y_train, batch_size=BATCH_SIZE, epochs=NB_EPOCH, validation_split=VALIDATION_SPLIT, verbose=VERBOSE)
            try model.fit(
                xTrain, yTrain, batchSize: batchSize, epochs: epochs, verbose: verbose, validationSplit: validationSplit,
                seed: seed)
        }

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

    /// The cells about augmentation.
    private func fitAugmented(
        _ model: Sequential, _ pictures: Tensor, _ xTrain: Tensor, _ yTrain: Tensor, batchSize: Int, verbose: Int
    ) throws {
        // np.random.seed(1671)
        try RandomState.global.seed(Int(exactly: seed) ?? -1)

        // datagen = ImageDataGenerator(rotation_range=40, width_shift_range=0.2, height_shift_range=0.2, zoom_range=0.2,
        //                              horizontal_flip=True, fill_mode='nearest')
        let datagen = try ImageDataGenerator(
            rotationRange: 40, widthShiftRange: 0.2, heightShiftRange: 0.2, zoomRange: 0.2, fillMode: .nearest, horizontalFlip: true)

        // for i in range(X_train.shape[0]):
        //     num_aug = 0
        //     x = X_train[i].reshape((1,) + X_train[i].shape)
        //     for x_aug in datagen.flow(x, batch_size=1, save_to_dir='preview', save_prefix='cifar', save_format='jpeg'):
        //         if num_aug >= NUM_TO_AUGMENT: break
        //         xtas.append(x_aug[0]); num_aug += 1
        print("Augmenting training set images...")
        let preview = output + "/preview"
        try FileManager.default.createDirectory(atPath: preview, withIntermediateDirectories: true)
        let numToAugment = 5
        for index in 0..<min(previews, pictures.shape[0]) {
            let flow = try datagen.flow(
                pictures.rows(index..<index + 1), batchSize: 1, saveToDir: preview, savePrefix: "cifar", saveFormat: "jpeg")
            // One more than it keeps: the loop is left when that has been drawn and saved.
            for _ in 0...numToAugment { _ = try flow.nextBatch() }
        }

        // datagen.fit(X_train)
        try datagen.fit(xTrain)

        // model.fit_generator(datagen.flow(X_train, Y_train, batch_size=BATCH_SIZE), samples_per_epoch=X_train.shape[0],
        //                     epochs=NB_EPOCH, verbose=VERBOSE)
        try model.fitGenerator(
            datagen.flow(xTrain, yTrain, batchSize: batchSize), samplesPerEpoch: xTrain.shape[0], nbEpoch: epochs, verbose: verbose,
            seed: seed)
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
