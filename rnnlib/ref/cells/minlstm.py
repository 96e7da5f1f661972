"""minLSTM in NumPy: forward and hand-derived backward pass (chapter `sru`).  Over time: loop.py.

Parameters W_x (D, 3H), b (3H,), blocks i, f, n; none sees the state h (B, H). The two gates are
divided by their sum, so that old and new together weigh 1: f / (i + f) = sigmoid(log f - log i),
which is how it is computed. Source: Feng et al. 2024, sec. 3.2, plain form.
"""

import numpy as np

from rnnlib.ref.cells.lstm import sigmoid


def zeros(p, batch, dtype):
    """The state to start from: h (B, H)."""
    return np.zeros((batch, len(p["b"]) // 3), dtype)


def step(p, x, h):
    """One time step: x (B, D), state h (B, H) -> h, new state, tape for `step_back`."""
    i, f, n = np.split(x @ p["W_x"] + p["b"], 3, axis=1)  # (B, H) each
    keep = sigmoid(np.logaddexp(0, -i) - np.logaddexp(0, -f))  # f / (i + f), eq. minlstm-gates
    h_new = keep * h + (1 - keep) * n  # eq. minlstm-hidden
    return h_new, h_new, (x, h, i, f, n, keep)


def step_back(p, dy, dh, tape):
    """Undo `step`: dL/dy and dL/d(new state), each (B, H) -> dx (B, D), dL/d(old state), parameter
    gradients.
    """
    x, h, i, f, n, keep = tape
    dh = dh + dy
    ratio = dh * (h - n) * keep * (1 - keep)  # of log f - log i
    di = -ratio * sigmoid(-i)
    df = ratio * sigmoid(-f)
    da = np.concatenate([di, df, dh * (1 - keep)], axis=1)  # (B, 3H)
    return da @ p["W_x"].T, dh * keep, {"W_x": x.T @ da, "b": da.sum(axis=0)}
