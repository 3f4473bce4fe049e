/// Keras's functions on symbols, by the names of `keras.ops`: `ops.matmul(x, w)`, `ops.relu(x)`, `ops.mean(x, axis: -1)`.
///
/// One file a family, after the modules of `keras/src/ops`: functions with Swift's own arguments. Every other function of
/// `keras.ops` that can stand in a model is called by its name: `ops.call("einsum", "ij,jk->ik", .symbol(x), .symbol(w))`.
public enum ops {}  // Lower case, as the module is in Python.
