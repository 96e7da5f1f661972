"""Elman cell in TensorFlow (chapter `forward-pass`).  Mirror: rnnlib/pt/cells/elman.py.

Maths: rnnlib/ref/cells/elman.py.
"""

import keras
import tensorflow as tf

from rnnlib.core import initializers, validation
from rnnlib.tf.cells.registry import registered
from rnnlib.tf.convert import _saveable, parameter

PHI = {"tanh": tf.tanh, "relu": tf.nn.relu}


@_saveable
@registered("elman")
class ElmanCell(keras.layers.Layer):
    """One step of the plain recurrent unit: x (B, D), h (B, H) -> h, h.

    Parameters W_x (D, H) drawn Glorot-uniform, W_h (H, H) orthogonal, b (H,) zero, all by NumPy
    from `rng`. `activation` is "tanh" or "relu". Source: Elman 1990.
    """

    def __init__(self, input_size, hidden_size, activation="tanh", rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        self.phi = PHI[validation.choice(activation, PHI, "activation")]
        p = initializers.draw_weights("elman", input_size, hidden_size, rng)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.W_h = parameter(p["W_h"], dtype, "W_h")
        self.b = parameter(p["b"], dtype, "b")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return tf.zeros((tf.shape(x)[0], self.hidden_size), x.dtype)

    def call(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        a = x @ self.W_x + h @ self.W_h + self.b  # (B, H)  eq. elman-preactivation
        h = self.phi(a)  # eq. elman-hidden
        return h, h
