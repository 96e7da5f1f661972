"""Whole training runs, equal in both frameworks: how equal, for how long, and why not further.

The rate is 1/8 or another number that float32 holds exactly, because Keras keeps the rate in
float32 even for float64 weights.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_less

from backends import both, framework
from rnnlib.data.batches import Batches

N, T, D, H, C, V = 80, 7, 3, 6, 4, 11  # 80 sequences in batches of 16: 5 updates an epoch

pytestmark = both


def run(optimizer, epochs=10, lengths=True, clip_norm=None, scale=1.0, ids=False, **options):
    """The same run in both frameworks, float64 -> histories and final weights."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, V, (N, T)) if ids else scale * rng.normal(size=(N, T, D))
    n, y = rng.integers(1, T + 1, N), rng.integers(0, C, N)
    histories, weights = [], []
    for rnn in (framework("pt"), framework("tf")):
        data = Batches((x, y, n) if lengths else (x, y), 16, rng=3)
        model = rnn.Classifier(
            D, H, C, vocab_size=V if ids else None, rng=1, dtype="float64", **options
        )
        histories.append(
            rnn.fit(
                model,
                data,
                loss="cross_entropy",
                optimizer=optimizer,
                epochs=epochs,
                clip_norm=clip_norm,
            )
        )
        weights.append(rnn.params(model))
    return histories, weights


def gaps(histories):
    """Relative difference of the losses, update by update."""
    one, other = (np.array(history.steps) for history in histories)
    return np.abs(one - other) / np.abs(one)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lengths": False},
        {"native": False},
        {"cell": "lstm"},
        {"cell": "gru"},
        {"cell": ("elman", {"activation": "relu"})},
    ],
    ids=["elman", "no lengths", "our loop", "lstm", "gru", "relu"],
)
def test_fifty_sgd_updates_are_equal(options):
    histories, (one, other) = run(("sgd", {"lr": 0.125}), **options)
    assert len(histories[0].steps) == 50
    assert histories[0].steps[-1] < 0.99 * histories[0].steps[0]  # it did train
    assert_array_less(gaps(histories), 1e-12)  # measured: 4e-16
    assert_allclose(histories[0].norms, histories[1].norms, rtol=1e-11)
    assert_allclose(histories[0].epochs, histories[1].epochs, rtol=1e-12)
    for name in one:
        assert_allclose(one[name], other[name], rtol=1e-10, atol=1e-13, err_msg=name)


def test_momentum_is_the_same_in_both():
    histories, _ = run(("sgd", {"lr": 0.125, "momentum": 0.5}))
    assert_array_less(gaps(histories), 1e-12)


def test_a_rate_that_float32_cannot_hold_parts_the_runs():
    """0.1 in float32 is 1.5e-8 off (relative), and Keras trains with that."""
    histories, _ = run(("sgd", {"lr": 0.1}))
    assert 1e-10 < gaps(histories).max() < 1e-7  # measured: 3e-9


def test_training_amplifies_the_last_bit():
    """A rate at which the loss jumps about: equal for the first updates, another run by the
    200th.
    """
    histories, _ = run(("sgd", {"lr": 1.0}), epochs=40, scale=3.0)
    gap = gaps(histories)
    assert gap[:20].max() < 1e-12
    assert gap[150:].max() > 1e-6  # measured: 0.4


def test_one_framework_parts_from_itself_as_fast():
    """The control: PyTorch against PyTorch with one weight changed in its last bit, at the rate of
    the test before.
    """
    rng = np.random.default_rng(0)
    x, y = 3 * rng.normal(size=(N, T, D)), rng.integers(0, C, N)
    rnn, histories = framework("pt"), []
    for nudge in (False, True):
        model = rnn.Classifier(D, H, C, rng=1, dtype="float64")
        p = rnn.params(model)
        p["rnn.cell.W_h"][0, 0] = np.nextafter(
            p["rnn.cell.W_h"][0, 0], 1 if nudge else p["rnn.cell.W_h"][0, 0]
        )
        rnn.load(model, p)
        data, sgd = Batches((x, y), 16, rng=3), ("sgd", {"lr": 1.0})
        histories.append(rnn.fit(model, data, loss="cross_entropy", optimizer=sgd, epochs=40))
    gap = gaps(histories)
    assert gap[:20].max() < 1e-12
    assert gap[150:].max() > 1e-6


def test_clipping_differs_by_a_millionth():
    """PyTorch scales by clip_norm / (norm + 1e-6), TensorFlow by clip_norm / norm;
    where nothing is clipped all is equal.
    """
    histories, _ = run(("sgd", {"lr": 0.125}), clip_norm=0.5)
    assert 0.2 < np.mean(np.array(histories[0].norms) > 0.5) < 0.9
    assert 1e-9 < gaps(histories).max() < 3e-6  # measured: 3e-7
    histories, _ = run(("sgd", {"lr": 0.125}), clip_norm=100.0)
    assert_array_less(gaps(histories), 1e-12)


def test_the_norm_of_an_embedding_counts_each_row_once():
    """TensorFlow gives an embedding's gradient as rows, repeated where an id repeats;
    the norm is that of their sum.
    """
    histories, _ = run(("sgd", {"lr": 0.125}), ids=True)
    assert_allclose(histories[0].norms, histories[1].norms, rtol=1e-11)
    assert_array_less(gaps(histories), 1e-12)


def test_fifty_adam_updates_with_clipping_and_the_causes_of_their_gap():
    """Keras puts epsilon outside the bias correction, and takes the betas through float32;
    without both, nothing is left.

    Measured: eps 1e-7: 1e-6; eps 1e-8: 4e-7; eps 1e-16: 3e-7; eps 1e-16 and betas that float32
    holds: 3e-16.
    """
    options = {"lr": 2.0**-10, "eps": 1e-7}
    as_it_is = gaps(run(("adam", options), clip_norm=0.5)[0]).max()
    assert 1e-8 < as_it_is < 1e-5
    tiny_eps = gaps(run(("adam", {**options, "eps": 1e-16}), clip_norm=0.5)[0]).max()
    assert 1e-8 < tiny_eps < 0.6 * as_it_is
    exact = {**options, "eps": 1e-16, "betas": (0.875, 0.9375)}
    assert gaps(run(("adam", exact))[0]).max() < 1e-12
    assert gaps(run(("adam", {**exact, "eps": 1e-7}))[0]).max() > 1e-8  # epsilon alone


def adam(gradients, keras, eps, lr=1e-3, betas=(0.9, 0.999), through=float):
    """A weight's path from 1 by the two formulas of Adam;
    `through` is what Keras takes the rates through.
    """
    w, m, v, path = 1.0, 0.0, 0.0, []
    (b1, b2), (c1, c2), lr = betas, (float(through(b)) for b in betas), float(through(lr))
    for t, g in enumerate(gradients, 1):
        m, v = m + (g - m) * (1 - b1), v + (g * g - v) * (1 - b2)
        if keras:
            w = w - lr * np.sqrt(1 - c2**t) / (1 - c1**t) * m / (np.sqrt(v) + eps)
        else:
            w = w - lr * (m / (1 - c1**t)) / (np.sqrt(v / (1 - c2**t)) + eps)
        path.append(w)
    return np.array(path)


def test_the_two_adams_are_two_formulas():
    """Each framework's Adam to the last digits, from gradients of all sizes:
    nothing but place of eps and float32 rates differs.
    """
    import keras
    import tensorflow as tf
    import torch

    rng = np.random.default_rng(0)
    gradients = 10.0 ** rng.uniform(-9, 1, 200) * rng.choice([-1, 1], 200)
    w, v = (
        torch.nn.Parameter(torch.ones(1, dtype=torch.float64)),
        keras.Variable([1.0], dtype="float64"),
    )
    one, other, paths = torch.optim.Adam([w]), keras.optimizers.Adam(), ([], [])
    for g in gradients:
        w.grad = torch.full_like(w, g)
        one.step()
        other.apply([tf.constant([g], tf.float64)], [v])
        paths[0].append(w.item())
        paths[1].append(v.numpy()[0])
    assert_allclose(paths[0], adam(gradients, False, 1e-8), rtol=0, atol=1e-15)
    assert_allclose(paths[1], adam(gradients, True, 1e-7, through=np.float32), rtol=0, atol=1e-15)
    assert np.abs(paths[1] - adam(gradients, True, 1e-7)).max() > 1e-9  # without the float32 rates
    elsewhere = adam(gradients, False, 1e-7, through=np.float32)  # eps in the other place
    assert np.abs(paths[1] - elsewhere).max() > 1e-6


def test_two_biases_take_two_steps():
    """Why PyTorch's second bias is frozen: trained, the sum of the two moves twice as far as one
    bias would.
    """
    import torch

    layer = torch.nn.LSTM(D, H, batch_first=True, dtype=torch.float64)
    x = torch.tensor(np.random.default_rng(0).normal(size=(N, T, D)))
    before = (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    layer(x)[0].sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.125).step()
    moved = before - (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    assert_allclose(moved, 2 * 0.125 * layer.bias_ih_l0.grad, rtol=1e-9)
