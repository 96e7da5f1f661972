"""Cells that no table knows, with states of matrices, of dicts and lists, of mixed ranks.

Each is written here alone, in NumPy with its way back, in PyTorch and in TensorFlow, in the way in
which a reader would.
"""

from types import SimpleNamespace

import numpy as np

NAMES = ("W_q", "W_k", "W_v")


def matrix_params(D, H, rng):
    """Weights of the matrix cell: three (D, H)."""
    return {name: rng.normal(scale=0.7, size=(D, H)) for name in NAMES}


def matrix_zeros(p, batch, dtype):
    H = p["W_q"].shape[1]
    return np.zeros((batch, H, H), dtype)


def matrix_step(p, x, M):
    """A memory of outer products: M (B, H, H) -> 0.9 M + v k^T, read out by q: y = tanh(M q)."""
    q, k, v = (x @ p[name] for name in NAMES)
    M_new = 0.9 * M + v[:, :, None] * k[:, None, :]
    y = np.tanh(np.einsum("bij,bj->bi", M_new, q))
    return y, M_new, (x, q, k, v, M_new, y)


def matrix_step_back(p, dy, dM, tape):
    x, q, k, v, M_new, y = tape
    da = dy * (1 - y**2)
    dM = dM + da[:, :, None] * q[:, None, :]
    slopes = {
        "W_q": np.einsum("bij,bi->bj", M_new, da),
        "W_k": np.einsum("bij,bi->bj", dM, v),
        "W_v": np.einsum("bij,bj->bi", dM, k),
    }
    dx = sum(slope @ p[name].T for name, slope in slopes.items())
    return dx, 0.9 * dM, {name: x.T @ slope for name, slope in slopes.items()}


MATRIX = SimpleNamespace(zeros=matrix_zeros, step=matrix_step, step_back=matrix_step_back)


def matrix_pt(D, H, p):
    """The matrix cell in PyTorch."""
    import torch
    from torch import nn

    class MatrixCell(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden_size = H
            for name in NAMES:
                setattr(self, name, nn.Parameter(torch.tensor(p[name])))

        def initial_state(self, x):
            return x.new_zeros(x.shape[0], H, H)

        def forward(self, x, M):
            q, k, v = x @ self.W_q, x @ self.W_k, x @ self.W_v
            M = 0.9 * M + v[:, :, None] * k[:, None, :]
            return torch.tanh(torch.einsum("bij,bj->bi", M, q)), M

    return MatrixCell()


def matrix_tf(D, H, p):
    """The matrix cell in TensorFlow."""
    import keras
    import tensorflow as tf

    class MatrixCell(keras.layers.Layer):
        def __init__(self):
            super().__init__(dtype="float64", autocast=False)
            self.hidden_size = H
            for name in NAMES:
                setattr(self, name, keras.Variable(p[name], dtype="float64", name=name))

        def initial_state(self, x):
            return tf.zeros((tf.shape(x)[0], H, H), x.dtype)

        def call(self, x, M):
            q, k, v = x @ self.W_q, x @ self.W_k, x @ self.W_v
            M = 0.9 * M + v[:, :, None] * k[:, None, :]
            return tf.tanh(tf.einsum("bij,bj->bi", M, q)), M

    return MatrixCell()


def nested_params(D, H, rng):
    """Weights of the nested cell."""
    return {"W": rng.normal(scale=0.7, size=(D, H)), "U": rng.normal(scale=0.7, size=(H, H))}


def nested_zeros(p, batch, dtype):
    H = p["W"].shape[1]
    return {
        "h": np.zeros((batch, H), dtype),
        "sums": [np.zeros((batch, H, H), dtype), (np.zeros(batch, dtype),)],
    }


def nested_step(p, x, state):
    """A plain cell that also adds up its outer products and counts: a state of three ranks, dict,
    list and tuple."""
    h, (S, (n,)) = state["h"], state["sums"]
    y = np.tanh(x @ p["W"] + h @ p["U"] + S.mean(axis=1) / (1 + n)[:, None])
    S_new = 0.5 * S + y[:, :, None] * y[:, None, :]
    return y, {"h": y, "sums": [S_new, (n + 1,)]}, (x, h, S, n, y)


def nested_step_back(p, dy, dstate, tape):
    x, h, S, n, y = tape
    dS_new, (dn_new,) = dstate["sums"]
    dy = dy + dstate["h"] + np.einsum("bij,bj->bi", dS_new + dS_new.transpose(0, 2, 1), y)
    da = dy * (1 - y**2)
    H = len(p["U"])
    dS = 0.5 * dS_new + (da / H / (1 + n)[:, None])[:, None, :]
    dn = dn_new - (da * S.mean(axis=1)).sum(axis=1) / (1 + n) ** 2
    grads = {"W": x.T @ da, "U": h.T @ da}
    return da @ p["W"].T, {"h": da @ p["U"].T, "sums": [dS, (dn,)]}, grads


NESTED = SimpleNamespace(zeros=nested_zeros, step=nested_step, step_back=nested_step_back)


def nested_pt(D, H, p):
    """The nested cell in PyTorch."""
    import torch
    from torch import nn

    class NestedCell(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden_size = H
            self.W = nn.Parameter(torch.tensor(p["W"]))
            self.U = nn.Parameter(torch.tensor(p["U"]))

        def initial_state(self, x):
            B = x.shape[0]
            return {"h": x.new_zeros(B, H), "sums": [x.new_zeros(B, H, H), (x.new_zeros(B),)]}

        def forward(self, x, state):
            h, (S, (n,)) = state["h"], state["sums"]
            y = torch.tanh(x @ self.W + h @ self.U + S.mean(dim=1) / (1 + n)[:, None])
            S = 0.5 * S + y[:, :, None] * y[:, None, :]
            return y, {"h": y, "sums": [S, (n + 1,)]}

    return NestedCell()


def nested_tf(D, H, p):
    """The nested cell in TensorFlow."""
    import keras
    import tensorflow as tf

    class NestedCell(keras.layers.Layer):
        def __init__(self):
            super().__init__(dtype="float64", autocast=False)
            self.hidden_size = H
            self.W = keras.Variable(p["W"], dtype="float64", name="W")
            self.U = keras.Variable(p["U"], dtype="float64", name="U")

        def initial_state(self, x):
            B = tf.shape(x)[0]
            S = tf.zeros((B, H, H), x.dtype)
            return {"h": tf.zeros((B, H), x.dtype), "sums": [S, (tf.zeros((B,), x.dtype),)]}

        def call(self, x, state):
            h, (S, (n,)) = state["h"], state["sums"]
            y = tf.tanh(x @ self.W + h @ self.U + tf.reduce_mean(S, axis=1) / (1 + n)[:, None])
            S = 0.5 * S + y[:, :, None] * y[:, None, :]
            return y, {"h": y, "sums": [S, (n + 1,)]}

    return NestedCell()


CELLS = {  # name -> reference, weights, the cell in each framework
    "matrix": (MATRIX, matrix_params, {"pt": matrix_pt, "tf": matrix_tf}),
    "nested": (NESTED, nested_params, {"pt": nested_pt, "tf": nested_tf}),
}
