"""The way back: truncation is what it says it is, and recomputation changes the memory, not the
gradient.
"""

import tracemalloc

import numpy as np
import pytest

from rnnlib.ref import gradcheck, recompute
from rnnlib.ref.cells import elman

B, T, D, H = 3, 11, 2, 5


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    p = {
        "W_x": rng.normal(size=(D, H)),
        "W_h": 0.6 * rng.normal(size=(H, H)),
        "b": rng.normal(size=H),
    }
    return p, rng.normal(size=(B, T, D)), rng.normal(size=(B, H)), rng.normal(size=(B, T, H))


def close(a, b):
    return all(np.abs(a[name] - b[name]).max() < 1e-12 for name in a)


@pytest.mark.parametrize("k", [1, 3, 4, 11, 20])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_truncated_gradient_is_the_sum_of_the_pieces_gradients(case, k, activation):
    p, x, h, R = case
    _, _, tapes = elman.forward(p, x, h, activation)
    dx, dh0, cut = elman.backward(p, R, tapes, activation=activation, truncate=k)
    total, dxs, starts = {name: 0 for name in p}, [], []
    for t in range(0, T, k):
        piece = slice(t, t + k)
        # each from a constant first state
        _, h, tapes = elman.forward(p, x[:, piece], h, activation)
        dx_piece, dh_piece, grads = elman.backward(p, R[:, piece], tapes, activation=activation)
        dxs.append(dx_piece)
        starts.append(dh_piece)
        total = {name: total[name] + grads[name] for name in p}
    assert close(cut, total)
    assert np.abs(dx - np.concatenate(dxs, axis=1)).max() < 1e-12
    assert np.abs(dh0 - starts[0]).max() < 1e-12


def test_truncation_changes_the_gradient(case):
    p, x, h, R = case
    _, _, tapes = elman.forward(p, x, h)
    _, _, full = elman.backward(p, R, tapes)
    _, _, cut = elman.backward(p, R, tapes, truncate=3)
    assert gradcheck.relative_error(cut["W_h"], full["W_h"]) > 0.01


@pytest.mark.parametrize("every", [1, 3, 4, 11, 20])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_recomputation_gives_the_same_gradient(case, every, activation):
    p, x, h, R = case
    y, _, tapes = elman.forward(p, x, h, activation)
    dx, dh0, grads = elman.backward(p, 2 * R * y, tapes, activation=activation)
    found = recompute.gradients(
        p, x, lambda t, y: 2 * R[:, t : t + y.shape[1]] * y, every, h, activation
    )
    assert np.abs(found[0] - dx).max() < 1e-12 and np.abs(found[1] - dh0).max() < 1e-12
    assert close(found[2], grads)


def test_recomputation_starts_from_zeros_by_default(case):
    p, x, _, R = case
    first = recompute.gradients(p, x, lambda t, y: R[:, t : t + y.shape[1]], 4)
    second = recompute.gradients(p, x, lambda t, y: R[:, t : t + y.shape[1]], 4, np.zeros((B, H)))
    assert close(first[2], second[2])


def test_recomputation_holds_less():
    rng = np.random.default_rng(1)
    p = {"W_x": rng.normal(size=(1, 64)), "W_h": rng.normal(size=(64, 64)) / 16, "b": np.zeros(64)}
    x = rng.normal(size=(4, 400, 1))

    def peak(every):
        tracemalloc.start()
        recompute.gradients(p, x, lambda t, y: y, every)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20) < peak(400) / 5


def test_recomputation_refuses_a_piece_of_no_steps(case):
    p, x, _, _ = case
    with pytest.raises(ValueError, match="every"):
        recompute.gradients(p, x, lambda t, y: y, 0)
