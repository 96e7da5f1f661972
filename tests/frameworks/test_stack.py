"""Directions, depth, dropout, normalisation, causal convolutions:
identities that hold for them, in both frameworks.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, both, framework, random_params, run
from rnnlib.core import layouts
from rnnlib.ref import loop
from rnnlib.ref.cells import lstm

B, T, D, H = 3, 5, 2, 4
SHORT = np.array([5, 1, 3])
some_lengths = pytest.mark.parametrize("lengths", [None, SHORT], ids=["full", "lengths"])
X = np.random.default_rng(0).normal(size=(B, T, D))


def random(rnn, module, seed=1):
    rnn.load(module, random_params(rnn, module, seed))
    return module


def tensor_or_none(rnn, lengths):
    return None if lengths is None else rnn.tensor(lengths)


def bidirectional(rnn, kind="lstm", native=False, size=D):
    if native:
        return rnn.Bidirectional(
            *(rnn.NativeRNN(kind, size, H, dtype="float64", rng=s) for s in (0, 1))
        )
    cell = {"lstm": rnn.LSTMCell, "gru": rnn.GRUCell}[kind]
    return rnn.Bidirectional(*(rnn.RNN(cell(size, H, dtype="float64", rng=s)) for s in (0, 1)))


@pytest.mark.parametrize("name", FRAMEWORKS)
@some_lengths
def test_bidirectional_is_forward_and_reversed_forward(name, lengths):
    """By the reference, sequence by sequence: the backward half reads each sequence alone, from
    its own end.
    """
    rnn = framework(name)
    layer = random(rnn, bidirectional(rnn))
    y, (one, other) = layer(rnn.tensor(X), lengths=tensor_or_none(rnn, lengths))
    p = rnn.params(layer)
    for row in range(B):
        n = T if lengths is None else lengths[row]
        for half, (prefix, step, state) in enumerate((("fwd.", 1, one), ("bwd.", -1, other))):
            cell = layouts.below_prefix(p, f"{prefix}cell.")
            want, (h, c), _ = loop.forward(lstm, cell, X[row : row + 1, :n][:, ::step])
            got = rnn.array(y)[row, :, half * H : (half + 1) * H]
            assert_allclose(got[:n][::step], want[0], atol=1e-12)
            assert_array_equal(got[n:], 0)
            assert_allclose(rnn.array(state[0])[row], h[0], atol=1e-12)
            assert_allclose(rnn.array(state[1])[row], c[0], atol=1e-12)


def shapes(name, kind, num_layers, two):
    """The framework's own deep layer, bare, and ours of the same weights."""
    rnn = framework(name)
    level = [
        bidirectional(rnn, kind, True, D if k == 0 else 2 * H)
        if two
        else rnn.NativeRNN(kind, D if k == 0 else H, H, dtype="float64")
        for k in range(num_layers)
    ]
    return rnn, random(rnn, level[0] if num_layers == 1 else rnn.Stacked(level))


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
@pytest.mark.parametrize(("num_layers", "two"), [(1, True), (2, False), (2, True)])
@some_lengths
def test_deep_layers_of_pytorch_are_ours(kind, num_layers, two, lengths):
    """nn.RNN, nn.LSTM, nn.GRU with num_layers and bidirectional, weights moved by core.to_torch,
    packed by lengths.
    """
    torch = pytest.importorskip("torch")
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    rnn, ours = shapes("pt", kind, num_layers, two)
    bare = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](
        D, H, num_layers, batch_first=True, bidirectional=two, dtype=torch.float64
    )
    for key, value in layouts.to_torch(kind, rnn.params(ours), num_layers, two).items():
        getattr(bare, key).data.copy_(torch.as_tensor(value.copy()))
    x = rnn.tensor(X)
    if lengths is None:
        want, _ = bare(x)
    else:
        packed, _ = bare(
            pack_padded_sequence(
                x, torch.as_tensor(lengths), batch_first=True, enforce_sorted=False
            )
        )
        want, _ = pad_packed_sequence(packed, batch_first=True, total_length=T)
    got, _ = ours(x, lengths=tensor_or_none(rnn, lengths))
    assert_allclose(rnn.array(got), rnn.array(want), atol=1e-12)


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
@pytest.mark.parametrize(("num_layers", "two"), [(1, True), (2, False), (2, True)])
@some_lengths
def test_deep_layers_of_keras_are_ours(kind, num_layers, two, lengths):
    """Layers and Bidirectional of Keras, one after the other, weights moved by core.to_keras;
    valid steps compared.
    """
    keras = pytest.importorskip("keras")
    tf = pytest.importorskip("tensorflow")
    rnn, ours = shapes("tf", kind, num_layers, two)
    cls = {"elman": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[
        kind
    ]
    arrays = layouts.to_keras(kind, rnn.params(ours), num_layers, two)
    x, mask = rnn.tensor(X), None
    valid = np.ones((B, T), bool) if lengths is None else np.arange(T) < lengths[:, None]
    if lengths is not None:
        mask = tf.constant(valid)
    per = len(arrays) // num_layers
    for k in range(num_layers):
        layer = cls(H, return_sequences=True, dtype="float64")
        layer = keras.layers.Bidirectional(layer, dtype="float64") if two else layer
        layer.build(x.shape)
        layer.set_weights(arrays[k * per : (k + 1) * per])
        x = layer(x, mask=mask)
    got, _ = ours(rnn.tensor(X), lengths=tensor_or_none(rnn, lengths))
    assert_allclose(rnn.array(got)[valid], rnn.array(x)[valid], atol=1e-12)
    assert_array_equal(rnn.array(got)[~valid], 0)


STACKS = {
    "plain": {},
    "residual": {"residual": True},
    "norm": {"layer_norm": True},
    "both": {"residual": True, "layer_norm": True},
}


def stack(rnn, **options):
    cells = [rnn.LSTMCell(D, H, dtype="float64", rng=0), rnn.GRUCell(H, H, dtype="float64", rng=1)]
    return rnn.Stacked([rnn.RNN(cell) for cell in cells], **options)


@both
@pytest.mark.parametrize("options", STACKS)
@some_lengths
def test_twins_of_a_stack_agree(options, lengths):
    """Outputs, final states, dx and all gradients, with a first state given."""
    rng = np.random.default_rng(3)
    dy = rng.normal(size=(B, T, H))
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        layer = random(rnn, stack(rnn, **STACKS[options]))
        found.append(run(name, layer, X, dy, lengths=lengths))
    (y, _, dx, _, grads), (y2, _, dx2, _, grads2) = found
    assert_allclose(y, y2, atol=1e-10)
    assert_allclose(dx, dx2, atol=1e-10)
    assert grads.keys() == grads2.keys() and len(grads) > 6
    for key in grads:
        assert_allclose(grads[key], grads2[key], atol=1e-10, err_msg=key)
    if lengths is not None:
        assert (y[np.arange(T) >= lengths[:, None]] == 0).all()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_stack_by_its_definition(name):
    rnn = framework(name)
    layer = random(rnn, stack(rnn, residual=True, layer_norm=True))
    p = rnn.params(layer)
    x = rnn.tensor(X)
    first, _ = layer.layers[0](x)
    first = normalised(rnn.array(first), p, 0)  # D != H: nothing to add
    second, _ = layer.layers[1](rnn.tensor(first))
    want = first + normalised(rnn.array(second), p, 1)
    y, states = layer(x)
    assert_allclose(rnn.array(y), want, atol=1e-12)
    assert len(states) == 2 and len(states[0]) == 2
    again, _ = layer(x[:, 2:], layer(x[:, :2])[1])  # states go out and come in
    assert_allclose(rnn.array(again), want[:, 2:], atol=1e-12)


def normalised(y, p, k):
    z = (y - y.mean(axis=-1, keepdims=True)) / np.sqrt(y.var(axis=-1, keepdims=True) + 1e-5)
    return z * p[f"norms.{k}.g"] + p[f"norms.{k}.b"]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_layer_norm_equals_the_frameworks_own(name):
    rnn = framework(name)
    x = rnn.tensor(np.random.default_rng(1).normal(size=(2, 3, 7)))
    if name == "pt":
        import torch

        own = torch.nn.LayerNorm(7, eps=1e-5, dtype=torch.float64)
    else:
        import keras

        own = keras.layers.LayerNormalization(epsilon=1e-5, dtype="float64")
    assert_allclose(rnn.array(rnn.LayerNorm(7, dtype="float64")(x)), rnn.array(own(x)), atol=1e-12)


def dropped(name, layer, x):
    """A layer's answer in training mode."""
    rnn = framework(name)
    return rnn.array(
        layer.train()(rnn.tensor(x)) if name == "pt" else layer(rnn.tensor(x), training=True)
    )


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("variational", [False, True])
def test_dropout_follows_its_law(name, variational):
    """Share of zeros within 5 standard errors of p, what is left is scaled, masks differ by draw,
    example and (or not) by step.
    """
    rnn = framework(name)
    p, x = 0.3, np.ones((40, 25, 16))
    layer = rnn.Dropout(p, variational, rng=5)
    y, again = dropped(name, layer, x), dropped(name, layer, x)
    assert np.unique(y).round(12).tolist() == [0, round(1 / (1 - p), 12)]
    free = 40 * 16 * (1 if variational else 25)  # independent draws
    assert abs((y == 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / free)
    assert (y != again).any() and (y[0] != y[1]).any()
    assert (y == y[:, :1]).all() == variational
    fresh = rnn.Dropout(p, variational, rng=5)
    assert_array_equal(dropped(name, fresh, x), y)  # a function of the seed
    assert_array_equal(
        rnn.array(fresh.eval()(rnn.tensor(x)) if name == "pt" else fresh(rnn.tensor(x))), x
    )


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_model_drops_in_training_only(name):
    rnn = framework(name)
    options = dict(cell="gru", num_layers=2, vocab_size=7, dropout=0.5, rng=1, dtype="float64")
    model, sober = (rnn.Classifier(D, H, 3, **{**options, "dropout": p}) for p in (0.5, 0.0))
    ids = rnn.tensor(np.random.default_rng(0).integers(0, 7, size=(B, T)))
    for key, value in rnn.params(model).items():
        assert_array_equal(rnn.params(sober)[key], value)
    assert_allclose(
        rnn.predict(model, rnn.array(ids)), rnn.predict(sober, rnn.array(ids)), atol=1e-14
    )
    one, two = (
        rnn.array(model.train()(ids) if name == "pt" else model(ids, training=True))
        for _ in range(2)
    )
    assert np.abs(one - two).max() > 1e-3


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_deep_models_read_the_whole_sequence(name):
    """The classifier's answer comes from the last valid step of the forward half and the first
    step of the backward half.
    """
    rnn = framework(name)
    model = random(
        rnn, rnn.Classifier(D, H, 3, cell="gru", num_layers=2, bidirectional=True, dtype="float64")
    )
    got = rnn.array(model(rnn.tensor(X), rnn.tensor(SHORT)))
    y = rnn.array(model.rnn(rnn.tensor(X), lengths=rnn.tensor(SHORT))[0])
    p = rnn.params(model)
    for row, n in enumerate(SHORT):
        h = np.concatenate([y[row, n - 1, :H], y[row, 0, H:]])
        assert_allclose(got[row], h @ p["head.W"] + p["head.b"], atol=1e-12)
        alone = rnn.array(model(rnn.tensor(X[row : row + 1, :n])))
        assert_allclose(got[row], alone[0], atol=1e-12)


@both
@pytest.mark.parametrize("native", [None, False])
def test_twins_of_a_deep_model_agree(native):
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        options = dict(
            num_layers=2, bidirectional=True, residual=True, layer_norm=True, native=native
        )
        model = random(rnn, rnn.Tagger(D, H, 3, cell="lstm", dtype="float64", **options))
        found.append(rnn.array(model(rnn.tensor(X), rnn.tensor(SHORT))))
    assert_allclose(*found, atol=1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_convolution_is_causal_and_reaches_as_far_as_it_says(name):
    rnn = framework(name)
    layer = random(rnn, rnn.TCN(D, H, kernel_size=3, num_layers=3, dtype="float64"))
    assert layer.reach == 1 + 2 * 7
    x = np.random.default_rng(0).normal(size=(1, 40, D))
    y = rnn.array(layer(rnn.tensor(x))[0])
    moved = x.copy()
    moved[0, 12] += 1
    changed = np.abs(rnn.array(layer(rnn.tensor(moved))[0]) - y).max(axis=-1)[0] > 0
    assert np.flatnonzero(changed).min() == 12
    assert np.flatnonzero(changed).max() == 12 + layer.reach - 1


@both
@some_lengths
def test_twins_of_a_convolution_agree_and_so_does_its_definition(lengths):
    dy = np.random.default_rng(3).normal(size=(B, T, H))
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        layer = random(rnn, rnn.TCN(D, H, kernel_size=2, num_layers=2, dtype="float64"))
        found.append(run(name, layer, X, dy, lengths=lengths))
    p = rnn.params(layer)
    y = X @ p["bring.W"] + p["bring.b"]
    for k in range(2):
        old = np.pad(y, ((0, 0), (2**k, 0), (0, 0)))[:, :T]
        W = p[f"layers.{k}.W"]
        y = y + np.maximum(old @ W[0] + y @ W[1] + p[f"layers.{k}.b"], 0)
    if lengths is not None:
        y[np.arange(T) >= lengths[:, None]] = 0
    (one, _, dx, _, grads), (two, _, dx2, _, grads2) = found
    assert_allclose(one, y, atol=1e-10)
    assert_allclose(two, y, atol=1e-10)
    assert_allclose(dx, dx2, atol=1e-10)
    for key in grads:
        assert_allclose(grads[key], grads2[key], atol=1e-10, err_msg=key)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_doors(name):
    rnn = framework(name)
    x = rnn.tensor(np.zeros((B, T, D), "float32"))
    two = rnn.Bidirectional(rnn.NativeRNN("lstm", D, H), rnn.NativeRNN("lstm", D, H))
    for error, says, call in [
        (ValueError, "at least one layer", lambda: rnn.Stacked([])),
        (TypeError, "a list of 1 states", lambda: rnn.Stacked([two])(x, x)),
        (TypeError, r"a pair of states, \(forward, backward\)", lambda: two(x, x)),
        (ValueError, "dropout must be at least 0 and below 1, got 1.5", lambda: rnn.Dropout(1.5)),
        (TypeError, "dropout must be a number, got '0.1'", lambda: rnn.Dropout("0.1")),
        (TypeError, "variational is True or False", lambda: rnn.Dropout(0.1, variational=1)),
        (ValueError, "a convolution has no state", lambda: rnn.TCN(D, H)(x, x)),
        (ValueError, "kernel_size must be at least 1", lambda: rnn.TCN(D, H, kernel_size=0)),
        (TypeError, "works on a model", lambda: rnn.Bidirectional(rnn.LSTMCell, rnn.LSTMCell)),
    ]:
        with pytest.raises(error, match=says):
            call()
