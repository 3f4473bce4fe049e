public import Tensors

/// A file that a layer keeps beside its arrays, such as a vocabulary: `assets/` of a `.keras` archive.
public struct StoredAsset: Sendable {
    /// Layer names from the top-level layer to the owner; empty for a file that belongs to no layer of the model.
    public var layerPath: [String]
    /// Attributes from the owner to what keeps the file, then the file's name: `["_lookup_layer", "vocabulary.txt"]`. Of a file
    /// that belongs to no layer all that stands behind `assets/`.
    public var path: [String]
    /// Reads its bytes.
    public var load: @Sendable () throws(LocatedError) -> [UInt8]

    public init(layerPath: [String], path: [String], load: @escaping @Sendable () throws(LocatedError) -> [UInt8]) {
        self.layerPath = layerPath
        self.path = path
        self.load = load
    }

    /// `assets/layers/text_vectorization/vocabulary.txt` stands for `text/vocabulary.txt`.
    public var name: String { (layerPath + path).joined(separator: "/") }
}

extension ModelSpec {
    /// Gives each layer its own files.
    public mutating func attach(_ assets: [StoredAsset]) {
        for asset in assets where !asset.layerPath.isEmpty { attach(asset, at: asset.layerPath[...]) }
    }

    private mutating func attach(_ asset: StoredAsset, at path: ArraySlice<String>) {
        guard let index = layers.firstIndex(where: { $0.name == path.first }) else { return }
        if path.count == 1 {
            layers[index].assets.append(asset)
        } else if var model = layers[index].model?.value {
            model.attach(asset, at: path.dropFirst())
            layers[index].model = Box(model)
        }
    }
}
