"""Any reference cell over time, forward and backward.  `cell` is a module with `zeros`, `step` and `step_back`: lstm, gru, sru, ..."""

import numpy as np


def forward(cell, p, x, state=None, lengths=None):
    """x (B, T, D), first state, zeros if None -> y (B, T, H), final state, tapes (one for each step).

    With lengths (B,), y is 0 after the end of a sequence and the final state is the one at its last valid step.
    """
    state = cell.zeros(p, len(x), x.dtype) if state is None else state
    ys, tapes = [], []
    for t in range(x.shape[1]):
        y, new, tape = cell.step(p, x[:, t], state)
        valid = np.ones((len(x), 1), bool) if lengths is None else t < np.reshape(lengths, (-1, 1))  # (B, 1)
        state = where(valid, new, state)
        ys.append(np.where(valid, y, 0))
        tapes.append((tape, valid))
    return np.stack(ys, axis=1), state, tapes


def backward(cell, p, dy, tapes, dstate=None):
    """Backpropagation through time: dL/dy (B, T, H), dL/d(final state) -> dx (B, T, D), dL/d(first state), gradients."""
    dstate = cell.zeros(p, len(dy), dy.dtype) if dstate is None else dstate
    dx, total = [], {name: np.zeros_like(value) for name, value in p.items()}
    for t in reversed(range(dy.shape[1])):
        tape, valid = tapes[t]
        here = where(valid, dstate, 0)  # no way back through a step that was not taken
        dx_t, dold, grads = cell.step_back(p, np.where(valid, dy[:, t], 0), here, tape)
        dstate = where(valid, dold, dstate)
        dx.append(dx_t)
        for name in total:
            total[name] += grads[name]
    return np.stack(dx[::-1], axis=1), dstate, total


def where(valid, new, old):
    """Take `new` where valid (B, 1), else `old`, in every part of a state."""
    if isinstance(new, tuple):
        olds = old if isinstance(old, tuple) else (old,) * len(new)
        return tuple(where(valid, n, o) for n, o in zip(new, olds, strict=True))
    return np.where(valid, new, old)
