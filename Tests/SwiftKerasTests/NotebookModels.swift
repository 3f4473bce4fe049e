import SwiftKeras

/// The notebook's two networks, written as a Keras user would write them.
enum NotebookModels {
    static func first() throws -> Sequential {
        let model = Sequential()
        try model.add(Conv2D(32, (3, 3), padding: .same, inputShape: [32, 32, 3]))
        try model.add(Activation(.relu))
        try model.add(MaxPooling2D(poolSize: (2, 2)))
        try model.add(Dropout(0.25))
        try model.add(Flatten())
        try model.add(Dense(512))
        try model.add(Activation(.relu))
        try model.add(Dropout(0.5))
        try model.add(Dense(10))
        try model.add(Activation(.softmax))
        return model
    }

    static func second() throws -> Sequential {
        let model = Sequential()
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
        try model.add(Dense(10))
        try model.add(Activation(.softmax))
        return model
    }
}
