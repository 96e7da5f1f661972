"""Cells against numbers worked out on paper, and their doors.

What every cell promises: test_check_cell.py.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, framework
from rnnlib.core import rounding
from rnnlib.ref import loop
from rnnlib.ref.cells import gru, lstm, mingru, minlstm, sru

B, T, D, H = 3, 5, 2, 4

# Numbers worked out on paper, so that a shared misreading of an equation cannot pass.  s is the
# logistic function.


def s(a):
    return 1 / (1 + math.exp(-a))


@pytest.mark.parametrize("name", ["ref", *FRAMEWORKS])
def test_peephole_lstm_by_hand(name):
    """One unit, two steps; W_x = (1, 2, 3, -1), W_h = (0.5, -1, 1, 2), b = (0, 1, 0, 0), p_i = 2,
    p_f = -1, p_o = 0.5, x = 1, 0.
    """
    p = {
        "W_x": [[1, 2, 3, -1]],
        "W_h": [[0.5, -1, 1, 2]],
        "b": [0, 1, 0, 0],
        "p_i": [2],
        "p_f": [-1],
        "p_o": [0.5],
    }
    c1 = s(1) * math.tanh(3)  # no old cell, no old output
    h1 = s(-1 + 0.5 * c1) * math.tanh(c1)  # the output gate sees the new cell
    i, f, g = s(0.5 * h1 + 2 * c1), s(1 - h1 - c1), math.tanh(h1)  # the other two see the old one
    c2 = f * c1 + i * g
    h2 = s(2 * h1 + 0.5 * c2) * math.tanh(c2)
    y, (h, c) = forward(name, lstm, "LSTMCell", {"peepholes": True}, p, [1, 0])
    assert_allclose(y[0, :, 0], [h1, h2], atol=1e-14)
    assert_allclose([h.item(), c.item()], [h2, c2], atol=1e-14)


@pytest.mark.parametrize("name", ["ref", *FRAMEWORKS])
@pytest.mark.parametrize("after", [True, False])
def test_both_grus_by_hand(name, after):
    """Two units; the reset gate of the second is shut, so what the first candidate hears of it
    tells the two versions apart.

    W_x = 0 but for the candidates (1, 1), W_n = [[0, 1], [1, 0]], other recurrent weights 0, b_r =
    (0, -50), b_z = (0, 1). From h = (1, 2), with x = 1: after the product each candidate's own
    reset gate weighs what it hears; before it, the gate of the unit that is heard.
    """
    W_h = np.zeros((2, 6))
    W_h[0, 5] = W_h[1, 4] = 1
    p = {"W_x": [[0, 0, 0, 0, 1, 1]], "W_h": W_h, "b": [0, -50, 0, 1, 0, 0]}
    if after:
        p["b_n"] = [0.5, 0]
    heard = (0.5 * (2 + 0.5), 0.0) if after else (0.0, 0.5 * 1)
    n = [math.tanh(1 + one) for one in heard]
    want = [0.5 * n[0] + 0.5 * 1, (1 - s(1)) * n[1] + s(1) * 2]
    y, _ = forward(name, gru, "GRUCell", {"reset_after": after}, p, [1], first=[1, 2])
    assert_allclose(y[0, 0], want, atol=1e-14)


@pytest.mark.parametrize("name", ["ref", *FRAMEWORKS])
def test_sru_by_hand(name):
    """One unit, two steps: both gates see the old c, the highway carries x;
    W = (2, 0, 0), v = (1, -1), b = (0, 1), x = 1, 3.
    """
    p = {"W_x": [[2, 0, 0]], "b": [0, 1], "v_f": [1], "v_r": [-1]}
    c1 = 0.5 * 2
    h1 = s(1) * c1 + (1 - s(1)) * 1
    f, r = s(c1), s(-c1 + 1)
    c2 = f * c1 + (1 - f) * 6
    h2 = r * c2 + (1 - r) * 3
    y, c = forward(name, sru, "SRUCell", {}, p, [1, 3])
    assert_allclose(y[0, :, 0], [h1, h2], atol=1e-14)
    assert_allclose(c.item(), c2, atol=1e-14)


@pytest.mark.parametrize("name", ["ref", *FRAMEWORKS])
def test_min_cells_by_hand(name):
    """minGRU: z = s(x), n = 2 x + 1; minLSTM: gates s(x), s(-x), which are x's and 1 - x's:
    their sum is 1. x = 1, -1.
    """
    p = {"W_x": [[1, 2]], "b": [0, 1]}
    h1 = s(1) * 3
    y, _ = forward(name, mingru, "MinGRUCell", {}, p, [1, -1])
    assert_allclose(y[0, :, 0], [h1, (1 - s(-1)) * h1 + s(-1) * -1], atol=1e-14)
    p = {"W_x": [[1, -1, 2]], "b": [0, 0, 1]}
    y, _ = forward(name, minlstm, "MinLSTMCell", {}, p, [1, -1])
    assert_allclose(y[0, :, 0], [h1, s(1) * h1 + s(-1) * -1], atol=1e-14)


def forward(name, reference, cls, options, p, x, first=None):
    """One sequence x of one number a step -> y, final state, as arrays."""
    p = {key: np.array(value, float) for key, value in p.items()}
    x = np.array(x, float).reshape(1, -1, 1)
    first = None if first is None else np.array([first], float)
    if name == "ref":
        return loop.forward(reference, p, x, first)[:2]
    rnn = framework(name)
    H = len(p["b_n"]) if "b_n" in p else len(p["W_h"]) if "W_h" in p else 1
    cell = getattr(rnn, cls)(1, H, **options, dtype="float64")
    rnn.load(cell, p)
    y, last = rnn.RNN(cell)(rnn.tensor(x), None if first is None else rnn.tensor(first))
    return rnn.array(y), tuple(map(rnn.array, last)) if isinstance(last, tuple) else rnn.array(last)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_min_lstm_survives_gates_that_are_shut(name):
    """Both gates far below float32's smallest number: their quotient is still a share."""
    rnn = framework(name)
    layer = rnn.RNN(rnn.MinLSTMCell(1, 1))
    rnn.load(layer, {"cell.W_x": np.array([[1.0, 1, 0]]), "cell.b": np.array([-200.0, -201, 1])})
    y, _ = layer(rnn.tensor(np.zeros((1, 3, 1), "float32")))
    keep = s(-1)
    assert rounding.same(rnn.array(y)[0, :, 0], 1 - keep ** np.arange(1, 4))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_forget_bias(name):
    rnn = framework(name)
    b = rnn.params(rnn.LSTMCell(D, H, forget_bias=2.5))["b"]
    assert_array_equal(b, np.repeat([0, 2.5, 0, 0], H).astype("float32"))
    b = rnn.params(rnn.NativeRNN(("lstm", {"forget_bias": -1.0}), D, H))["cell.b"]
    assert_array_equal(b, np.repeat([0, -1, 0, 0], H).astype("float32"))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_doors(name):
    rnn = framework(name)
    own = {"pt": "PyTorch", "tf": "Keras"}[name]

    def zeros(*shape):
        return rnn.tensor(np.zeros(shape, "float32"))

    after, before = rnn.GRUCell(D, H), rnn.GRUCell(D, H, reset_after=False)
    for error, says, call in [
        (ValueError, r"hidden_size must be at least 1, got 0", lambda: rnn.LSTMCell(D, 0)),
        (TypeError, "peepholes is True or False, got 1", lambda: rnn.LSTMCell(D, H, peepholes=1)),
        (
            TypeError,
            "reset_after is True or False, got 'yes'",
            lambda: rnn.GRUCell(D, H, reset_after="yes"),
        ),
        (
            ValueError,
            "forget_bias must be finite, got nan",
            lambda: rnn.LSTMCell(D, H, forget_bias=math.nan),
        ),
        (TypeError, "unexpected keyword argument 'reset'", lambda: rnn.GRUCell(D, H, reset=True)),
        (
            ValueError,
            r"b_n \(4,\) is not wanted; the cell 'gru' has b_n with reset_after=True",
            lambda: rnn.load(before, rnn.params(after)),
        ),
        (
            ValueError,
            r"b_n \(4,\) is missing; the cell 'gru' has b_n with reset_after=True",
            lambda: rnn.load(after, rnn.params(before)),
        ),
        (
            ValueError,
            "p_o .* is not wanted; the cell 'lstm' has p_f, p_i, p_o with peepholes=True",
            lambda: rnn.load(rnn.LSTMCell(D, H), rnn.params(rnn.LSTMCell(D, H, peepholes=True))),
        ),
        (
            ValueError,
            f"{own} has no layer for 'sru': leave native= out",
            lambda: rnn.NativeRNN("sru", D, H),
        ),
        (
            ValueError,
            f"{own}'s? LSTM has no peepholes",
            lambda: rnn.NativeRNN(("lstm", {"peepholes": True}), D, H),
        ),
        (
            ValueError,
            "has no option 'reset'; its options: reset_after",
            lambda: rnn.NativeRNN(("gru", {"reset": 1}), D, H),
        ),
        (
            TypeError,
            "state must be a tuple of 2 tensors",
            lambda: rnn.RNN(rnn.LSTMCell(D, H))(zeros(B, T, D), zeros(B, H)),
        ),
    ]:
        with pytest.raises(error, match=says):
            call()
    if name == "pt":
        with pytest.raises(
            ValueError, match="reset gate after the product, reset_after=False needs it before"
        ):
            rnn.NativeRNN(("gru", {"reset_after": False}), D, H)
