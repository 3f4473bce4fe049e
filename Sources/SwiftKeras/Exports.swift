@_exported public import Augmentation
@_exported public import Batches
@_exported public import Datasets
@_exported public import KerasOps
@_exported public import KerasSpec
@_exported public import Layers
@_exported public import Tensors
@_exported public import Training
