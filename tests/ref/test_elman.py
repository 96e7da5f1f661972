"""Elman: the reference against central differences, the frameworks against the reference, the
native layers against both.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, framework, random_params, run
from rnnlib.ref.cells import elman
from rnnlib.ref.gradcheck import central_differences, relative_error

B, T, D, H = 3, 5, 2, 4  # all different, so that a swapped axis cannot pass
TOLERANCE = 1e-10


def make(activation="tanh", lengths=None, T=T, seed=0):
    """Random parameters, input, first state and the gradients that come in from above."""
    rng = np.random.default_rng(seed)
    p = {"W_x": rng.normal(size=(D, H)), "W_h": rng.normal(size=(H, H)), "b": rng.normal(size=H)}
    x, h, dy, dh = (rng.normal(size=s) for s in ((B, T, D), (B, H), (B, T, H), (B, H)))
    return p, x, h, dy, dh


LENGTHS = [None, np.array([5, 1, 3])]


def reference(p, x, h, dy, dh, activation, lengths):
    y, last, tapes = elman.forward(p, x, h, activation, lengths)
    dx, dh0, grads = elman.backward(p, dy, tapes, dh, activation)
    return y, last, dx, dh0, grads


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "lengths"])
def test_reference_gradient_is_the_slope(activation, lengths):
    p, x, h, dy, dh = make()
    *_, dx, dh0, grads = reference(p, x, h, dy, dh, activation, lengths)

    def loss():
        y, last, _ = elman.forward(p, x, h, activation, lengths)
        return (y * dy).sum() + (last * dh).sum()

    slopes = central_differences(loss, {**p, "x": x, "h": h})
    for name, got in {**grads, "x": dx, "h": dh0}.items():
        assert relative_error(got, slopes[name]) < 1e-7, name


def test_reference_by_hand():
    """Numbers worked out on paper: h1 = tanh(0.5 * 1 + 0.25 * 0 - 0.5) = 0, h2 = tanh(1.5 - 0.5),
    h3 = tanh(h2 / 4).
    """
    p = {"W_x": np.array([[0.5]]), "W_h": np.array([[0.25]]), "b": np.array([-0.5])}
    y, last, _ = elman.forward(p, np.array([[[1.0], [3.0], [1.0]]]))
    assert_allclose(y[0, :, 0], [0, math.tanh(1), math.tanh(math.tanh(1) / 4)], atol=1e-15)
    assert last[0, 0] == y[0, -1, 0]


def test_truncation_forgets_the_way_back():
    p, x, h, dy, dh = make(T=6)
    _, _, tapes = elman.forward(p, x, h)
    cut = elman.backward(p, dy, tapes, dh, truncate=2)
    halves = {name: np.zeros_like(value) for name, value in p.items()}
    for start in (0, 2, 4):  # three runs of two steps, the state handed on as a constant
        last = elman.forward(p, x[:, :start], h)[1] if start else h
        _, _, part = elman.forward(p, x[:, start : start + 2], last)
        *_, grads = elman.backward(p, dy[:, start : start + 2], part, dh if start == 4 else None)
        for name in halves:
            halves[name] += grads[name]
    for name in halves:
        assert_allclose(cut[2][name], halves[name], rtol=1e-12, err_msg=name)
    full = elman.backward(p, dy, tapes, dh)
    assert relative_error(cut[2]["W_h"], full[2]["W_h"]) > 1e-3
    assert_array_equal(elman.backward(p, dy, tapes, dh, truncate=6)[2]["W_h"], full[2]["W_h"])


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "lengths"])
@pytest.mark.parametrize("kind", ["loop", "native"])
@pytest.mark.parametrize("steps", [T, 1])
def test_framework_matches_reference(name, activation, lengths, kind, steps):
    rnn = framework(name)
    lengths = lengths if lengths is None or steps == T else np.ones(B, int)
    p, x, h, dy, dh = make(T=steps)
    if kind == "loop":
        layer = rnn.RNN(rnn.ElmanCell(D, H, activation, dtype="float64"))
    else:
        layer = rnn.NativeRNN(("elman", {"activation": activation}), D, H, dtype="float64")
    rnn.load(layer, {f"cell.{key}": value for key, value in p.items()})
    y, last, dx, dh0, grads = run(name, layer, x, dy, h, dh, lengths)
    y2, last2, dx2, dh02, grads2 = reference(p, x, h, dy, dh, activation, lengths)
    for got, want in ((y, y2), (last, last2), (dx, dx2), (dh0, dh02)):
        assert_allclose(got, want, rtol=TOLERANCE, atol=TOLERANCE)
    assert grads.keys() == {f"cell.{key}" for key in grads2}
    for key, want in grads2.items():
        assert_allclose(grads[f"cell.{key}"], want, rtol=TOLERANCE, atol=TOLERANCE, err_msg=key)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_one_sequence_and_no_state_given(name):
    """A batch of one; the first state is zero, y is 0 after the end and the state is the last
    valid one.
    """
    rnn = framework(name)
    layer = rnn.RNN(rnn.ElmanCell(D, H, dtype="float64", rng=3))
    x = np.random.default_rng(4).normal(size=(1, T, D))
    short, last = layer(rnn.tensor(x), lengths=rnn.tensor([3]))
    p = {key.removeprefix("cell."): value for key, value in rnn.params(layer).items()}
    want, want_last, _ = elman.forward(p, x[:, :3])
    assert_allclose(rnn.array(short)[:, :3], want, atol=TOLERANCE)
    assert_allclose(rnn.array(last), want_last, atol=TOLERANCE)
    assert_array_equal(rnn.array(short)[:, 3:], 0)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_long_run_equals_two_halves(name):
    rnn = framework(name)
    layer = rnn.NativeRNN("elman", D, H, dtype="float64", rng=3)
    rnn.load(layer, random_params(rnn, layer))
    x = rnn.tensor(np.random.default_rng(5).normal(size=(B, T, D)))
    y, last = layer(x)
    first, state = layer(x[:, :2])
    second, state = layer(x[:, 2:], state)
    assert_allclose(
        np.concatenate([rnn.array(first), rnn.array(second)], axis=1), rnn.array(y), atol=1e-14
    )
    assert_allclose(rnn.array(state), rnn.array(last), atol=1e-14)
