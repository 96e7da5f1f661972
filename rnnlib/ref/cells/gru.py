"""GRU in NumPy: forward pass and hand-derived backward pass, both published versions (chapter
`gru`). Over time: loop.py.

B batch, D input size, H hidden size; parameters W_x (D, 3H), W_h (H, 3H), b (3H,), gates in the
order r, z, n. With `b_n` (H,) the reset gate is applied after the product with W_h, without it
before. The state is h. Sources: Cho et al. 2014 (before the product), Chung et al. 2014; after the
product: PyTorch, cuDNN, Keras by default.
"""

import numpy as np

from rnnlib.ref.cells.lstm import sigmoid


def zeros(p, batch, dtype):
    """The state to start from: h (B, H)."""
    return np.zeros((batch, len(p["W_h"])), dtype)


def step(p, x, h):
    """One time step: x (B, D), state h (B, H) -> h, new state, tape for `step_back`."""
    H = len(p["W_h"])
    a = x @ p["W_x"] + p["b"]  # (B, 3H)
    gates = sigmoid(a[:, : 2 * H] + h @ p["W_h"][:, : 2 * H])  # (B, 2H)  eq. gru-gates
    r, z = np.split(gates, 2, axis=1)
    W_n = p["W_h"][:, 2 * H :]
    if "b_n" in p:  # reset after the product
        m = h @ W_n + p["b_n"]
        n = np.tanh(a[:, 2 * H :] + r * m)  # eq. gru-candidate-after
    else:  # reset before it
        m = r * h
        n = np.tanh(a[:, 2 * H :] + m @ W_n)  # eq. gru-candidate-before
    h_new = (1 - z) * n + z * h  # eq. gru-hidden
    return h_new, h_new, (x, h, r, z, n, m)


def step_back(p, dy, dh, tape):
    """Undo `step`: dL/dy and dL/d(new state), each (B, H) -> dx (B, D), dL/d(old state), parameter
    gradients.
    """
    x, h, r, z, n, m = tape
    H = len(p["W_h"])
    W_n = p["W_h"][:, 2 * H :]
    dh = dh + dy
    dn = dh * (1 - z) * (1 - n**2)  # of the candidate before tanh, eq. gru-back-candidate
    dz = dh * (h - n) * z * (1 - z)  # of the gate before the sigmoid, eq. gru-back-update
    if "b_n" in p:
        dr = dn * m * r * (1 - r)  # eq. gru-back-reset-after
        dm = dn * r
        dh_old = dm @ W_n.T
        dW_n = h.T @ dm
    else:
        dm = dn @ W_n.T
        dr = dm * h * r * (1 - r)  # eq. gru-back-reset-before
        dh_old = dm * r
        dW_n = m.T @ dn
    gates = np.concatenate([dr, dz], axis=1)  # (B, 2H)
    dh_old = dh_old + dh * z + gates @ p["W_h"][:, : 2 * H].T  # eq. gru-back-state
    da = np.concatenate([gates, dn], axis=1)  # (B, 3H)
    # eq. gru-back-weights
    grads = {
        "W_x": x.T @ da,
        "W_h": np.concatenate([h.T @ gates, dW_n], axis=1),
        "b": da.sum(axis=0),
    }
    if "b_n" in p:
        grads["b_n"] = dm.sum(axis=0)
    return da @ p["W_x"].T, dh_old, grads
