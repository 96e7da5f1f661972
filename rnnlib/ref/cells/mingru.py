"""minGRU in NumPy: forward and hand-derived backward pass (chapter `sru`).  Over time: loop.py.

Parameters W_x (D, 2H), b (2H,), blocks z, n; neither sees the state h (B, H), so that the step is
linear in it. Source: Feng et al. 2024, sec. 3.1, plain form: the candidate n is linear, numbers are
not kept as logarithms.
"""

import numpy as np

from rnnlib.ref.cells.lstm import sigmoid


def zeros(p, batch, dtype):
    """The state to start from: h (B, H)."""
    return np.zeros((batch, len(p["b"]) // 2), dtype)


def step(p, x, h):
    """One time step: x (B, D), state h (B, H) -> h, new state, tape for `step_back`."""
    z, n = np.split(x @ p["W_x"] + p["b"], 2, axis=1)  # (B, H) each
    z = sigmoid(z)  # eq. mingru-gates
    h_new = (1 - z) * h + z * n  # eq. mingru-hidden
    return h_new, h_new, (x, h, z, n)


def step_back(p, dy, dh, tape):
    """Undo `step`: dL/dy and dL/d(new state), each (B, H) -> dx (B, D), dL/d(old state), parameter
    gradients.
    """
    x, h, z, n = tape
    dh = dh + dy
    dz = dh * (n - h) * z * (1 - z)  # eq. mingru-back
    dn = dh * z
    da = np.concatenate([dz, dn], axis=1)  # (B, 2H)
    return da @ p["W_x"].T, dh * (1 - z), {"W_x": x.T @ da, "b": da.sum(axis=0)}
