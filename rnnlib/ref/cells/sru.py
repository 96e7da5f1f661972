"""SRU, the Simple Recurrent Unit of Lei et al., in NumPy:
forward and hand-derived backward pass (chapter `sru`). Over time: loop.py.

B batch, D input size, H hidden size; parameters W_x (D, 3H), blocks u, f, r, or (D, 4H) with a
fourth block for the highway where D != H; b (2H,) of f and r; v_f, v_r (H,). The state is c (B, H):
the output h is not fed back. Source: Lei et al. 2018, sec. 3, without the factor alpha on the
highway.
"""

import numpy as np

from rnnlib.ref.cells.lstm import sigmoid


def zeros(p, batch, dtype):
    """The state to start from: c (B, H)."""
    return np.zeros((batch, len(p["v_f"])), dtype)


def step(p, x, c):
    """One time step: x (B, D), state c (B, H) -> h, new state, tape for `step_back`."""
    u, f, r, *rest = np.split(x @ p["W_x"], p["W_x"].shape[1] // c.shape[1], axis=1)  # (B, H) each
    if rest:
        k = rest[0]
    else:
        k = x
    b_f, b_r = np.split(p["b"], 2)
    f = sigmoid(f + p["v_f"] * c + b_f)  # eq. sru-gates
    r = sigmoid(r + p["v_r"] * c + b_r)
    c_new = f * c + (1 - f) * u  # eq. sru-cell
    h = r * c_new + (1 - r) * k  # eq. sru-hidden
    return h, c_new, (x, c, u, f, r, k, c_new)


def step_back(p, dy, dc, tape):
    """Undo `step`: dL/dy and dL/d(new state), each (B, H) -> dx (B, D), dL/d(old state), parameter
    gradients.
    """
    x, c, u, f, r, k, c_new = tape
    dr = dy * (c_new - k) * r * (1 - r)  # of the gate before the sigmoid, eq. sru-back-highway
    dk = dy * (1 - r)
    dc = dc + dy * r  # eq. sru-back-sum
    df = dc * (c - u) * f * (1 - f)  # of the gate before the sigmoid, eq. sru-back-cell
    du = dc * (1 - f)
    own = k is x  # the highway carries x itself
    blocks = np.concatenate([du, df, dr] if own else [du, df, dr, dk], axis=1)
    dx = blocks @ p["W_x"].T + (dk if own else 0)  # eq. sru-back-weights
    dc_old = dc * f + df * p["v_f"] + dr * p["v_r"]  # eq. sru-back-state
    grads = {"W_x": x.T @ blocks, "b": np.concatenate([df, dr], axis=1).sum(axis=0)}
    grads.update(v_f=(df * c).sum(axis=0), v_r=(dr * c).sum(axis=0))
    return dx, dc_old, grads
