"""GRU cell in TensorFlow (chapter `gru`).  Mirror: rnnlib/pt/cells/gru.py.

Maths: rnnlib/ref/cells/gru.py.
"""

import keras
import tensorflow as tf

from rnnlib.core import initializers, validation
from rnnlib.tf.cells.registry import registered
from rnnlib.tf.convert import _saveable, parameter


@_saveable
@registered("gru")
class GRUCell(keras.layers.Layer):
    """One step of a gated recurrent unit: x (B, D), h (B, H) -> h, h.

    Parameters W_x (D, 3H) drawn Glorot-uniform, W_h (H, 3H) orthogonal block by block, b (3H,)
    zero; gates in the order r, z, n. `reset_after` says whether the reset gate acts after the
    product with W_h (PyTorch, cuDNN, Keras by default), which needs a bias b_n (H,) inside it, or
    before (Cho et al. 2014): two different functions. z is the share of the old state that is kept.
    Source: Cho et al. 2014.
    """

    def __init__(self, input_size, hidden_size, reset_after=True, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        self.reset_after = validation.flag(reset_after, "reset_after")
        p = initializers.draw_weights("gru", input_size, hidden_size, rng, reset_after=reset_after)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.W_h = parameter(p["W_h"], dtype, "W_h")
        self.b = parameter(p["b"], dtype, "b")
        if reset_after:
            self.b_n = parameter(p["b_n"], dtype, "b_n")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return tf.zeros((tf.shape(x)[0], self.hidden_size), x.dtype)

    def call(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        H = self.hidden_size
        a_r, a_z, a_n = tf.split(x @ self.W_x + self.b, 3, axis=1)  # (B, H) each
        if self.reset_after:
            h_r, h_z, h_n = tf.split(h @ self.W_h, 3, axis=1)
            r = tf.sigmoid(a_r + h_r)  # eq. gru-gates
            z = tf.sigmoid(a_z + h_z)
            n = tf.tanh(a_n + r * (h_n + self.b_n))  # eq. gru-candidate-after
        else:
            h_r, h_z = tf.split(h @ self.W_h[:, : 2 * H], 2, axis=1)
            r = tf.sigmoid(a_r + h_r)  # eq. gru-gates
            z = tf.sigmoid(a_z + h_z)
            n = tf.tanh(a_n + (r * h) @ self.W_h[:, 2 * H :])  # eq. gru-candidate-before
        h = (1 - z) * n + z * h  # eq. gru-hidden
        return h, h
