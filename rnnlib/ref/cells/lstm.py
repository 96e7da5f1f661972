"""LSTM in NumPy: forward pass and hand-derived backward pass (chapter `lstm`).

Over time: rnnlib/ref/loop.py.

B batch, D input size, H hidden size; parameters W_x (D, 4H), W_h (H, 4H), b (4H,), gates in the
order i, f, g, o; with peepholes p_i, p_f, p_o (H,) too. The state is (h, c). Sources: Hochreiter &
Schmidhuber 1997; forget gate: Gers et al. 2000; peepholes: Gers, Schraudolph & Schmidhuber 2002.
"""

import numpy as np


def sigmoid(a):
    """1 / (1 + exp(-a)), without overflow."""
    return np.exp(-np.logaddexp(0, -a))


def zeros(p, batch, dtype):
    """The state to start from: h and c (B, H)."""
    h = np.zeros((batch, len(p["W_h"])), dtype)
    return h, h.copy()


def step(p, x, state):
    """One time step: x (B, D), state h and c (B, H) -> h, new state, tape for `step_back`."""
    h, c = state
    a = x @ p["W_x"] + h @ p["W_h"] + p["b"]  # (B, 4H)  eq. lstm-gates
    i, f, g, o = np.split(a, 4, axis=1)
    if "p_i" in p:
        i = i + p["p_i"] * c  # eq. lstm-peepholes
        f = f + p["p_f"] * c
    i = sigmoid(i)
    f = sigmoid(f)
    g = np.tanh(g)
    c_new = f * c + i * g  # eq. lstm-cell
    if "p_o" in p:
        o = o + p["p_o"] * c_new  # eq. lstm-peepholes
    o = sigmoid(o)
    squashed = np.tanh(c_new)
    h_new = o * squashed  # eq. lstm-hidden
    return h_new, (h_new, c_new), (x, h, c, i, f, g, o, c_new, squashed)


def step_back(p, dy, dstate, tape):
    """Undo `step`: dL/dy and dL/d(new state), each (B, H) -> dx (B, D), dL/d(old state), parameter
    gradients.
    """
    x, h, c, i, f, g, o, c_new, squashed = tape
    dh, dc = dstate
    dh = dh + dy  # eq. lstm-back-h
    da_o = dh * squashed * o * (1 - o)  # eq. lstm-back-o
    dc = dc + dh * o * (1 - squashed**2)  # eq. lstm-back-c
    if "p_o" in p:
        dc = dc + da_o * p["p_o"]  # eq. lstm-back-peepholes
    da_i = dc * g * i * (1 - i)  # eq. lstm-back-gates
    da_f = dc * c * f * (1 - f)  # eq. lstm-back-gates
    da_g = dc * i * (1 - g**2)  # eq. lstm-back-gates
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (B, 4H)
    dx = da @ p["W_x"].T  # eq. bptt-dx
    dh_old = da @ p["W_h"].T  # eq. lstm-back-h, the part that comes from the future
    dc_old = dc * f  # eq. lstm-back-c, the part that comes from the future
    grads = {"W_x": x.T @ da, "W_h": h.T @ da, "b": da.sum(axis=0)}  # one term of eq. bptt-sum
    if "p_i" in p:
        dc_old = dc_old + da_i * p["p_i"] + da_f * p["p_f"]  # eq. lstm-back-peepholes
        peeped = {"p_i": da_i * c, "p_f": da_f * c, "p_o": da_o * c_new}
        grads.update({name: d.sum(axis=0) for name, d in peeped.items()})
    return dx, (dh_old, dc_old), grads
