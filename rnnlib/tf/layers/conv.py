"""Causal convolutions over time in TensorFlow, the rival of the recurrent layers (chapter
`choosing`).  Mirror: rnnlib/pt/layers/conv.py.
"""

import keras
import tensorflow as tf

from rnnlib.core import initializers, validation
from rnnlib.core import seeds as seeding
from rnnlib.tf.convert import _from_mask, _mask_after, _saveable, parameter
from rnnlib.tf.layers.dense import Linear
from rnnlib.tf.layers.recurrent import check_input
from rnnlib.tf.layers.stack import mask_after_end


@_saveable
class CausalConv(keras.layers.Layer):
    """x (B, T, D) -> y (B, T, H): y_t = b + sum over j < k of x_(t - (k - 1 - j) * dilation) @
    W[j], 0 before the start.

    Parameters W (k, D, H) drawn Glorot-uniform for k * D inputs, b (H,) zero.
    """

    def __init__(self, input_size, hidden_size, kernel_size=3, dilation=1, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        D = validation.positive(input_size, "input_size")
        H = validation.positive(hidden_size, "hidden_size")
        k = validation.positive(kernel_size, "kernel_size")
        self.dilation = validation.positive(dilation, "dilation")
        W = initializers.glorot(seeding.child_seeds(rng, 1)[0], k * D, H).reshape(k, D, H)
        self.W = parameter(W, dtype, "W")
        self.b = parameter([0.0] * H, dtype, "b")
        self.built = True  # all weights are there

    def call(self, x):
        """x (B, T, D) -> y (B, T, H)."""
        (k, D, H), T = self.W.shape, tf.shape(x)[1]
        x = tf.pad(x, [(0, 0), ((k - 1) * self.dilation, 0), (0, 0)])  # zeros before
        # the oldest step first
        seen = [x[:, j * self.dilation : j * self.dilation + T] for j in range(k)]
        return tf.concat(seen, axis=-1) @ tf.reshape(self.W.value, (k * D, H)) + self.b


@_saveable
class TCN(keras.layers.Layer):
    """A temporal convolutional network behind the call of `RNN`: x (B, T, D) -> y (B, T, H),
    and None for a state.

    `num_layers` causal convolutions with dilations 1, 2, 4, ..., each followed by ReLU and added to
    its input (a linear map brings x to H features first).  An output sees the last `reach` = 1 +
    (kernel_size - 1) * (2 ** num_layers - 1) steps and nothing before.  Source: Bai et al. 2018,
    sec. 3; departure: one convolution in each block, no weight normalisation, no dropout.
    """

    compute_mask = _mask_after

    def __init__(
        self, input_size, hidden_size, kernel_size=3, num_layers=4, rng=0, dtype="float32"
    ):
        super().__init__(dtype=dtype, autocast=False)
        self.input_size = validation.positive(input_size, "input_size")
        self.output_size = validation.positive(hidden_size, "hidden_size")
        validation.positive(kernel_size, "kernel_size")
        self.reach = 1 + (kernel_size - 1) * (
            2 ** validation.positive(num_layers, "num_layers") - 1
        )
        first, *seeds = seeding.child_seeds(rng, num_layers + 1)
        self.bring = Linear(input_size, hidden_size, first, dtype)
        self.layers = [
            CausalConv(hidden_size, hidden_size, kernel_size, 2**k, seed, dtype)
            for k, seed in enumerate(seeds)
        ]
        self.built = True  # all weights are there

    def call(self, x, state=None, lengths=None, mask=None):
        """x (B, T, D) -> y (B, T, H), None."""
        lengths = _from_mask(mask, lengths)
        x, lengths = check_input(x, self.input_size, self.bring.W.dtype, lengths)
        if state is not None:
            raise ValueError("a convolution has no state: give it the steps before")
        y = self.bring(x)
        for layer in self.layers:
            y = y + tf.nn.relu(layer(y))
        return mask_after_end(y, lengths), None
