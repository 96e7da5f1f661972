"""minLSTM cell in TensorFlow (chapter `sru`).  Mirror: rnnlib/pt/cells/minlstm.py.  Maths:
rnnlib/ref/cells/minlstm.py.
"""

import keras
import tensorflow as tf

from rnnlib.core import initializers, validation
from rnnlib.tf.cells.registry import registered
from rnnlib.tf.convert import _saveable, parameter


@_saveable
@registered("minlstm")
class MinLSTMCell(keras.layers.Layer):
    """One step of a minimal LSTM: x (B, D), h (B, H) -> h, h, which is linear in h.

    Gates and candidate see x alone.  Parameters W_x (D, 3H) drawn Glorot-uniform, b (3H,) zero;
    blocks i, f, n.  The gates are divided by their sum: f / (i + f) = sigmoid(log f - log i).
    Source: Feng et al. 2024, sec. 3.2, plain form.
    """

    def __init__(self, input_size, hidden_size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        p = initializers.draw_weights("minlstm", input_size, hidden_size, rng)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.b = parameter(p["b"], dtype, "b")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return tf.zeros((tf.shape(x)[0], self.hidden_size), x.dtype)

    def call(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        keep, new = self.gates(x)
        h = keep * h + new  # eq. minlstm-hidden
        return h, h

    def gates(self, x):
        """x (..., D), any number of steps at once -> keep and new (..., H) of the step h = keep * h
        + new."""
        i, f, n = tf.split(x @ self.W_x + self.b, 3, axis=-1)  # eq. minlstm-gates
        keep = tf.sigmoid(tf.nn.softplus(-i) - tf.nn.softplus(-f))  # f / (i + f) of the two gates
        return keep, (1 - keep) * n
