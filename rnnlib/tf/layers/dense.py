"""Linear layers and embeddings in TensorFlow.  Mirror: rnnlib/pt/layers/dense.py."""

import keras
import tensorflow as tf

from rnnlib.core import initializers, seeds, validation
from rnnlib.tf.convert import Tensor, _saveable, parameter


@_saveable
class Linear(keras.layers.Layer):
    """x (..., D) -> x @ W + b (..., K).  W (D, K) drawn Glorot-uniform, b (K,) zero."""

    def __init__(self, input_size, output_size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        validation.positive(input_size, "input_size")
        validation.positive(output_size, "output_size")
        self.W = parameter(
            initializers.glorot(seeds.child_seeds(rng, 1)[0], input_size, output_size), dtype, "W"
        )
        self.b = parameter([0.0] * output_size, dtype, "b")
        self.built = True  # all weights are there
        self.supports_masking = True  # each step is on its own

    def call(self, x):
        """x (..., D) -> (..., K)."""
        return x @ self.W + self.b


@_saveable
class Embedding(keras.layers.Layer):
    """ids (B, T) -> vectors (B, T, E).  W (V, E) drawn normal with standard deviation E ** -0.5."""

    def __init__(self, vocab_size, size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.vocab_size = validation.positive(vocab_size, "vocab_size")
        self.W = parameter(
            initializers.embedding(seeds.child_seeds(rng, 1)[0], vocab_size, size), dtype, "W"
        )
        self.built = True  # all weights are there

    def call(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, E).  On a GPU the lookup itself refuses ids that are not there."""
        validation.rank(ids.shape, "(B, T)", "ids")
        if tf.executing_eagerly() and "GPU" not in ids.device:
            validation.words(ids.numpy(), self.vocab_size)  # no copy
        return tf.gather(self.W.value, ids)
