/// Keras's functions on symbols, by the names of `keras.ops`: `ops.matmul(x, w)`, `ops.relu(x)`, `ops.mean(x, axis: -1)`.
///
/// One file a family, after the modules of `keras/src/ops`. Each file also lists its functions in a table by which expressions
/// and a file's operations find them.
public enum ops {}  // Lower case, as the module is in Python.
