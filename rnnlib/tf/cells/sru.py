"""SRU cell in TensorFlow (chapter `sru`).  Mirror: rnnlib/pt/cells/sru.py.

Maths: rnnlib/ref/cells/sru.py.
"""

import keras
import tensorflow as tf

from rnnlib.core import initializers, validation
from rnnlib.tf.cells.registry import registered
from rnnlib.tf.convert import _saveable, parameter


@_saveable
@registered("sru")
class SRUCell(keras.layers.Layer):
    """One step of the Simple Recurrent Unit of Lei et al.: x (B, D), c (B, H) -> h, c.

    The output h is not fed back.

    Parameters W_x (D, 3H) drawn Glorot-uniform, blocks u, f, r, and a fourth one (D, 4H) that
    brings x to the size of the highway where D != H; b (2H,) of f and r, v_f and v_r (H,) zero.
    Source: Lei et al. 2018, sec. 3, without the factor alpha on the highway.
    """

    def __init__(self, input_size, hidden_size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        p = initializers.draw_weights("sru", input_size, hidden_size, rng)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.b = parameter(p["b"], dtype, "b")
        self.v_f = parameter(p["v_f"], dtype, "v_f")
        self.v_r = parameter(p["v_r"], dtype, "v_r")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return tf.zeros((tf.shape(x)[0], self.hidden_size), x.dtype)

    def call(self, x, c):
        """x (B, D), c (B, H) -> h, c."""
        if self.input_size == self.hidden_size:
            blocks = 3
        else:
            blocks = 4
        u, f, r, *k = tf.split(x @ self.W_x, blocks, axis=1)  # (B, H) each
        b_f, b_r = tf.split(self.b, 2, axis=0)
        f = tf.sigmoid(f + self.v_f * c + b_f)  # eq. sru-gates
        r = tf.sigmoid(r + self.v_r * c + b_r)
        c = f * c + (1 - f) * u  # eq. sru-cell
        h = r * c + (1 - r) * (k[0] if k else x)  # eq. sru-hidden
        return h, c
