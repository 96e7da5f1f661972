"""Backpropagation through time in less memory: keep some states, compute the rest again (chapter
`bptt`).

Source: Chen et al. 2016, sec. 4, for chains of layers; Griewank 1992 for the idea. Departure:
pieces of one length, in time.
"""

import numpy as np

from rnnlib.core import validation
from rnnlib.ref.cells.elman import backward, forward, step


def gradients(p, x, slope, every, h=None, activation="tanh"):
    """Gradients of a loss that is a sum over steps: x (B, T, D) -> dx, dL/d(first state), {name:
    grad}.

    slope    (t, y) -> dL/dy, both (B, n, H), for the n steps from step t (counted from 0) on
    every    keep a state every so many steps: T / every states and `every` tapes are held at once
    """
    validation.positive(every, "every")
    (B, T, _), H = x.shape, len(p["W_h"])
    if h is None:
        h = np.zeros((B, H), x.dtype)
    kept = {}
    for t in range(T):
        if t % every == 0:
            kept[t] = h
        h, _ = step(p, x[:, t], h, activation)  # the tape is dropped
    dx = np.empty_like(x)
    dh = None
    total = {name: np.zeros_like(value) for name, value in p.items()}
    for t in reversed(sorted(kept)):
        piece = slice(t, t + every)
        y, _, tapes = forward(p, x[:, piece], kept.pop(t), activation)  # once more, with tapes
        dx[:, piece], dh, grads = backward(p, slope(t, y), tapes, dh, activation)
        for name in total:
            total[name] += grads[name]
        del y, tapes  # before the next piece makes its own
    return dx, dh, total
