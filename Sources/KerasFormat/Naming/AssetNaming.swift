import KerasSpec
import OrderedCollections
import Tensors

/// Whose the files of an archive's `assets/` are: they stand under the same names as the groups of arrays.
enum AssetNaming {
    /// What stands at a place, without the leading `assets/`: `layers/text_vectorization/_lookup_layer/vocabulary.txt`.
    ///
    /// - Parameter all: every place, as old numbers count only among each other.
    static func owner(of place: String, among all: [String], in spec: ModelSpec) -> (layerPath: [String], path: [String]) {
        let parts = place.split(separator: "/").map(String.init)
        var (spec, layerPath, position, prefix) = (spec, [String](), 0, "")
        while position + 1 < parts.count, ["layers", ObjectHDF5.oldContainer].contains(parts[position]) {
            let isOld = parts[position] != "layers"
            prefix += parts[position] + "/"
            let found = OrderedSet(
                all.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count).prefix { $0 != "/" }) })
            let layers = ObjectNaming.counted(spec)
            let groups = isOld ? ObjectNaming.byRank(layers, found) : ObjectNaming.byNumber(layers, found)
            guard let index = groups.firstIndex(of: parts[position + 1]) else { break }
            layerPath.append(layers[index].name)
            prefix += parts[position + 1] + "/"
            position += 2
            guard let model = layers[index].model?.value else { break }
            spec = model
        }
        // A file of no layer stays where it is.
        return layerPath.isEmpty ? ([], parts) : (layerPath, Array(parts[position...]))
    }
}
