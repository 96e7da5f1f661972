"""A GRU cell written once, for every backend of Keras, and a training run of it on the one that is
set (chapter `parity`).

KERAS_BACKEND=torch python -m rnnlib.experiments.parity.keras_ops_gru RUN.npz FOUND.npz
"""

import sys

import keras
import numpy as np
from keras import ops


class GRUCell(keras.layers.Layer):
    """x (B, D), state [h] with h (B, H) -> h, [h]: the GRU of rnnlib.pt and rnnlib.tf."""

    def __init__(self, hidden_size, **options):
        super().__init__(**options)
        self.state_size = hidden_size  # keras.layers.RNN asks for it

    def build(self, shape):
        """Weights for inputs of `shape` (B, D)."""
        D = shape[-1]
        H = self.state_size
        new = self.add_weight
        self.W_x = new(shape=(D, 3 * H), name="W_x")
        self.W_h = new(shape=(H, 3 * H), initializer="orthogonal", name="W_h")
        self.b = new(shape=(3 * H,), initializer="zeros", name="b")
        self.b_n = new(shape=(H,), initializer="zeros", name="b_n")

    def call(self, x, states):
        """x (B, D), [h] -> h, [h]."""
        (h,) = states
        weights = self.W_x, self.W_h, self.b, self.b_n
        W_x, W_h, b, b_n = map(ops.convert_to_tensor, weights)
        # @, not ops.matmul, which rounds float64 on PyTorch
        a_r, a_z, a_n = ops.split(x @ W_x + b, 3, axis=1)
        h_r, h_z, h_n = ops.split(h @ W_h, 3, axis=1)
        r = ops.sigmoid(a_r + h_r)  # eq. gru-gates
        z = ops.sigmoid(a_z + h_z)
        n = ops.tanh(a_n + r * (h_n + b_n))  # eq. gru-candidate-after
        h = (1 - z) * n + z * h  # eq. gru-hidden
        return h, [h]


class Linear(keras.layers.Layer):
    """x (B, D) -> x @ W + b (B, K)."""

    def __init__(self, output_size, **options):
        super().__init__(**options)
        self.output_size = output_size

    def build(self, shape):
        """Weights for inputs of `shape` (B, D)."""
        self.W = self.add_weight(shape=(shape[-1], self.output_size), name="W")
        self.b = self.add_weight(shape=(self.output_size,), initializer="zeros", name="b")

    def call(self, x):
        """x (B, D) -> (B, K)."""
        return x @ ops.convert_to_tensor(self.W) + ops.convert_to_tensor(self.b)


def train(p, x, y, optimizer):
    """Loss before each update: weights p of an rnn.Classifier with a GRU, x (updates, B, T, D),
    classes y (updates, B).
    """
    cell = GRUCell(len(p["rnn.cell.W_h"]))
    head = Linear(len(p["head.b"]))
    model = keras.Sequential([keras.layers.RNN(cell), head])
    model.build(x.shape[1:])
    cell.set_weights([p[f"rnn.cell.{w.name}"] for w in cell.weights])
    head.set_weights([p[f"head.{w.name}"] for w in head.weights])
    model.compile(
        optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    losses = []
    for x_t, y_t in zip(x, y, strict=True):
        losses.append(cross_entropy(model.predict_on_batch(x_t), y_t))
        model.train_on_batch(x_t, y_t)
    return losses


def cross_entropy(logits, y):
    """Mean of -log softmax(logits)[y] in NumPy: the loss that Keras reports on PyTorch is rounded
    to float32.
    """
    logits = logits - logits.max(axis=1, keepdims=True)
    return np.mean(
        np.log(np.exp(logits).sum(axis=1)) - np.take_along_axis(logits, y[:, None], 1)[:, 0]
    )


def rounding(a, b):
    """Largest difference between ops.matmul and NumPy: 0 to 1e-15 where float64 stays float64."""
    return np.abs(ops.convert_to_numpy(ops.matmul(a, b)) - a @ b).max()


def report(run):
    """{name: array} of parameters, x and y, as for `train` -> losses with SGD and with Adam, and
    how this backend rounds.
    """
    p = dict(run)
    x = p.pop("x")
    y = p.pop("y")
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")  # of rates and metrics
    keras.config.set_dtype_policy("float64")  # of layers, once one has been made
    try:
        return {
            "backend": keras.backend.backend(),
            "sgd": train(p, x, y, keras.optimizers.SGD(0.125)),
            "adam": train(p, x, y, keras.optimizers.Adam(2.0**-10)),
            "matmul": rounding(x[0, :, 0], p["rnn.cell.W_x"]),
            "beta": float(ops.cast(0.9, "float64")),
        }
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


if __name__ == "__main__":
    np.savez(sys.argv[2], **report(np.load(sys.argv[1])))
