"""Any reference cell over time, forward and backward.

`cell` is a module with `zeros`, `step` and `step_back`: lstm, gru, sru, ...  Its state may be one
array or any nesting of tuples, lists and dicts of arrays, each with the batch as its first axis.
"""

import numpy as np

from rnnlib.core.trees import map_leaves


def forward(cell, p, x, state=None, lengths=None):
    """x (B, T, D), first state, zeros if None -> y (B, T, H), final state, a tape for each step.

    With lengths (B,), y is 0 after the end of a sequence and the final state is the one at its last
    valid step.
    """
    if state is None:
        state = cell.zeros(p, len(x), x.dtype)
    ys = []
    tapes = []
    for t in range(x.shape[1]):
        y, new, tape = cell.step(p, x[:, t], state)
        # (B,)
        if lengths is None:
            valid = np.ones(len(x), bool)
        else:
            valid = t < np.asarray(lengths)
        state = select_state(valid, new, state)
        ys.append(select_state(valid, y, np.zeros_like(y)))
        tapes.append((tape, valid))
    return np.stack(ys, axis=1), state, tapes


def backward(cell, p, dy, tapes, dstate=None):
    """Backpropagation through time: dL/dy (B, T, H), dL/d(final state) -> dx (B, T, D), dL/d(first
    state), gradients."""
    if dstate is None:
        dstate = cell.zeros(p, len(dy), dy.dtype)
    dx = []
    total = {name: np.zeros_like(value) for name, value in p.items()}
    for t in reversed(range(dy.shape[1])):
        tape, valid = tapes[t]
        dy_t = select_state(valid, dy[:, t], np.zeros_like(dy[:, t]))
        here = select_state(
            valid, dstate, map_leaves(np.zeros_like, dstate)
        )  # no way back through a step not taken
        dx_t, dold, grads = cell.step_back(p, dy_t, here, tape)
        dstate = select_state(valid, dold, dstate)
        dx.append(dx_t)
        for name in total:
            total[name] += grads[name]
    return np.stack(dx[::-1], axis=1), dstate, total


def select_state(valid, new, old):
    """Take `new` where valid (B,), else `old`, in every leaf of a state, along its first axis."""

    def choose(new, old):
        mask = valid.reshape(-1, *[1] * (new.ndim - 1))  # (B, 1, ...)
        return np.where(mask, new, old)

    return map_leaves(choose, new, old)
