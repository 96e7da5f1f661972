"""Elman network in NumPy: forward pass and hand-derived backward pass (chapters `forward-pass` and
`bptt`).

B batch, T time, D input size, H hidden size; parameters W_x (D, H), W_h (H, H), b (H,). The PyTorch
and TensorFlow cells are tested against this file; this file is tested against central differences.
Source: Elman 1990; backpropagation through time: Werbos 1990, Williams & Zipser 1995.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

PHI: dict[str, Callable] = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}
# written in h = phi(a)
DPHI = {"tanh": lambda h: 1 - h**2, "relu": lambda h: (h > 0).astype(h.dtype)}


def step(p, x, h, activation="tanh"):
    """One time step: x (B, D), h (B, H) -> new h (B, H), tape for `step_back`."""
    a = x @ p["W_x"] + h @ p["W_h"] + p["b"]  # (B, H)  eq. elman-preactivation
    h_new = PHI[activation](a)  # eq. elman-hidden
    return h_new, (x, h, h_new)


def step_back(p, dh, tape, activation="tanh"):
    """Undo `step`: dL/dh of the new state (B, H) -> dx (B, D), dh of the old state (B, H),
    parameter gradients.
    """
    x, h, h_new = tape
    da = dh * DPHI[activation](h_new)  # (B, H)  eq. bptt-da
    dx = da @ p["W_x"].T  # eq. bptt-dx
    dh_old = da @ p["W_h"].T  # eq. bptt-dh, the part that comes from the future
    return (
        dx,
        dh_old,
        {"W_x": x.T @ da, "W_h": h.T @ da, "b": da.sum(axis=0)},
    )  # one term of eq. bptt-sum


def forward(p, x, h=None, activation="tanh", lengths=None):
    """x (B, T, D), first state h (B, H), zeros if None -> y (B, T, H), final state (B, H), tapes
    (one for each step).

    With lengths (B,), y is 0 after the end of a sequence and the final state is the one at its last
    valid step.
    """
    if h is None:
        h = np.zeros((len(x), len(p["W_h"])), x.dtype)
    ys = []
    tapes = []
    for t in range(x.shape[1]):
        h_new, tape = step(p, x[:, t], h, activation)
        # (B, 1)
        if lengths is None:
            valid = np.ones((len(x), 1), bool)
        else:
            valid = t < np.reshape(lengths, (-1, 1))
        h = np.where(valid, h_new, h)
        ys.append(np.where(valid, h_new, 0))
        tapes.append((tape, valid))
    return np.stack(ys, axis=1), h, tapes


def backward(p, dy, tapes, dh=None, activation="tanh", truncate=None):
    """Backpropagation through time: dL/dy (B, T, H), dL/d(final state) -> dx (B, T, D), dL/d(first
    state), gradients.

    `truncate=k` cuts the way back every k steps: no gradient crosses from step nk to step nk - 1
    (truncated BPTT).
    """
    B, T, H = dy.shape
    if dh is None:
        dh = np.zeros((B, H), dy.dtype)
    dx = np.empty((B, T, len(p["W_x"])), dy.dtype)
    total = {name: np.zeros_like(value) for name, value in p.items()}
    for t in reversed(range(T)):
        tape, valid = tapes[t]
        here = np.where(valid, dh + dy[:, t], 0)  # (B, H)  eq. bptt-dh
        dx[:, t], dh_old, grads = step_back(p, here, tape, activation)
        dh = np.where(valid, dh_old, dh)
        for name in total:
            total[name] += grads[name]  # eq. bptt-sum
        if truncate and t % truncate == 0 and t > 0:
            dh = np.zeros_like(dh)
    return dx, dh, total


def as_cell(activation="tanh"):
    """This network in the form that `loop` takes: `zeros`, `step` and `step_back`, whose output is
    the state.
    """

    def zeros(p, batch, dtype):
        return np.zeros((batch, len(p["W_h"])), dtype)

    def forward_step(p, x, h):
        h_new, tape = step(p, x, h, activation)
        return h_new, h_new, tape

    def backward_step(p, dy, dh, tape):
        return step_back(p, dh + dy, tape, activation)

    return SimpleNamespace(zeros=zeros, step=forward_step, step_back=backward_step)
