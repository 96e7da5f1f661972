"""Layers over time: native LSTM twins, lengths, the doors; properties over shapes and lengths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, INSTALLED, both, framework, random_params, run

B, T, D, H = 3, 5, 2, 4
SHORT = np.array([5, 1, 3])


@both
@pytest.mark.parametrize("lengths", [None, SHORT], ids=["full", "lengths"])
def test_native_lstm_is_one_function_in_both(lengths):
    rng = np.random.default_rng(0)
    x, dy, h, c, dh, dc = (rng.normal(size=s) for s in ((B, T, D), (B, T, H), *[(B, H)] * 4))
    found = {}
    for name in ("pt", "tf"):
        rnn = framework(name)
        layer = rnn.NativeRNN("lstm", D, H, dtype="float64")
        rnn.load(layer, random_params(rnn, layer))
        found[name] = run(name, layer, x, dy, (h, c), (dh, dc), lengths)
    for one, other in zip(found["pt"][:-1], found["tf"][:-1], strict=True):
        for a, b in zip(
            *(part if isinstance(part, tuple) else (part,) for part in (one, other)), strict=True
        ):
            assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    for key, grad in found["pt"][-1].items():
        assert_allclose(grad, found["tf"][-1][key], rtol=1e-10, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_native_lstm_by_its_definition(name):
    """The gates i, f, g, o written out in NumPy: the order of the blocks is checked, not
    assumed.
    """
    rnn = framework(name)
    layer = rnn.NativeRNN("lstm", D, H, dtype="float64")
    p = random_params(rnn, layer)
    rnn.load(layer, p)
    x = np.random.default_rng(2).normal(size=(B, T, D))
    y, (h_last, c_last) = layer(rnn.tensor(x))
    h = c = np.zeros((B, H))
    for t in range(T):
        i, f, g, o = np.split(x[:, t] @ p["cell.W_x"] + h @ p["cell.W_h"] + p["cell.b"], 4, axis=1)
        i, f, g, o = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), np.tanh(g), 1 / (1 + np.exp(-o))
        c = f * c + i * g
        h = o * np.tanh(c)
        assert_allclose(rnn.array(y)[:, t], h, atol=1e-12)
    assert_allclose(rnn.array(h_last), h, atol=1e-12)
    assert_allclose(rnn.array(c_last), c, atol=1e-12)


@both
@pytest.mark.parametrize(
    "build",
    [
        lambda rnn: rnn.ElmanCell(D, H, rng=7),
        lambda rnn: rnn.NativeRNN("lstm", D, H, rng=7),
        lambda rnn: rnn.Linear(D, H, rng=7),
        lambda rnn: rnn.Embedding(6, H, rng=7),
    ],
)
def test_equal_arguments_make_equal_weights(build):
    one, other = (framework(name) for name in ("pt", "tf"))
    p, q = one.params(build(one)), other.params(build(other))
    assert list(p) == list(q)
    for key in p:
        assert p[key].dtype == q[key].dtype == np.float32
        assert_array_equal(p[key], q[key])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_native_lstm_starts_with_forget_bias_one(name):
    b = framework(name).params(framework(name).NativeRNN("lstm", D, H))["cell.b"]
    assert_array_equal(b, np.repeat([0, 1, 0, 0], H))


@pytest.mark.parametrize("name", FRAMEWORKS)
@settings(max_examples=25, deadline=None)
@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 6)), data=st.data())
def test_padding_never_matters(name, shape, data):
    """Whatever stands in the padding, outputs and final state are those of each sequence alone."""
    rnn = framework(name)
    b, t = shape
    lengths = np.array(data.draw(st.lists(st.integers(1, t), min_size=b, max_size=b)))
    layer = LAYERS.setdefault(name, rnn.RNN(rnn.ElmanCell(D, H, dtype="float64", rng=1)))
    rng = np.random.default_rng(3)
    x = rng.normal(size=(b, t, D))
    x[np.arange(t) >= lengths[:, None]] = 1e6
    y, last = layer(rnn.tensor(x), lengths=rnn.tensor(lengths))
    for row, n in enumerate(lengths):
        alone, state = layer(rnn.tensor(x[row : row + 1, :n]))
        assert_allclose(rnn.array(y)[row, :n], rnn.array(alone)[0], atol=1e-13)
        assert_allclose(rnn.array(last)[row], rnn.array(state)[0], atol=1e-13)
        assert (rnn.array(y)[row, n:] == 0).all()


LAYERS = {}  # one layer for all examples of a property: building is the slow part


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("native", [True, False])
def test_doors(name, native):
    rnn = framework(name)
    layer = rnn.NativeRNN("elman", D, H) if native else rnn.RNN(rnn.ElmanCell(D, H))
    before = rnn.params(layer)

    def x(*shape, dtype="float32"):
        return rnn.tensor(np.zeros(shape, dtype))

    for error, says, call in [
        (ValueError, r"x must have shape \(B, T, D\), got \(3, 5\)", lambda: layer(x(3, 5))),
        (ValueError, "3 features, this layer takes 2", lambda: layer(x(3, 5, 3))),
        (ValueError, "empty along T", lambda: layer(x(3, 0, 2))),
        (ValueError, "empty along B", lambda: layer(x(0, 5, 2))),
        (TypeError, "float64", lambda: layer(x(3, 5, 2, dtype="float64"))),
        (
            ValueError,
            r"state must have shape \(3, 4\), got \(1, 4\)",
            lambda: layer(x(3, 5, 2), x(1, 4)),
        ),
        (
            ValueError,
            r"lengths\[1\] is 6, but .* T = 5",
            lambda: layer(x(3, 5, 2), lengths=rnn.tensor([5, 6, 1])),
        ),
        (
            ValueError,
            r"lengths\[2\] is 0",
            lambda: layer(x(3, 5, 2), lengths=rnn.tensor([5, 1, 0])),
        ),
        (
            ValueError,
            r"lengths must have shape \(3,\)",
            lambda: layer(x(3, 5, 2), lengths=rnn.tensor([5, 1])),
        ),
        (
            TypeError,
            "whole numbers",
            lambda: layer(x(3, 5, 2), lengths=rnn.tensor([5.0, 1.0, 2.0])),
        ),
    ]:
        with pytest.raises(error, match=says):
            call()
    for key, value in rnn.params(layer).items():
        assert_array_equal(value, before[key])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_state_of_the_wrong_kind_is_named(name):
    rnn = framework(name)
    x, h = rnn.tensor(np.zeros((B, T, D), "float32")), rnn.tensor(np.zeros((B, H), "float32"))
    wide = rnn.tensor(np.zeros((B, H)))
    elman, lstm, loop = (
        rnn.NativeRNN("elman", D, H),
        rnn.NativeRNN("lstm", D, H),
        rnn.RNN(rnn.ElmanCell(D, H)),
    )
    for call, says in [
        (lambda: elman(x, (h, h)), "state must be one tensor, got a tuple of 2"),
        (lambda: lstm(x, h), "state must be a tuple of 2 tensors, got a"),
        (lambda: lstm(x, (h,)), "state must be a tuple of 2 tensors, got a tuple of 1"),
        (lambda: lstm(x, (h, h, h)), "state must be a tuple of 2 tensors, got a tuple of 3"),
        (lambda: elman(x, wide), "state is .*float64, x is .*float32"),
        (lambda: loop(x, wide), "state is .*float64, x is .*float32"),
        (lambda: loop(x, (h, h)), "state must be one tensor, got a tuple of 2"),
        (lambda: rnn.RNN("elman"), "works on a model that is a .*, got str"),
        (lambda: rnn.RNN(rnn.ElmanCell), "got the class .*ElmanCell itself"),
        (lambda: lstm(x, (h, wide)), "state is .*float64, x is .*float32"),
    ]:
        with pytest.raises(TypeError, match=says):
            call()


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_an_array_is_no_tensor(name):
    """In PyTorch; Keras makes tensors of arrays at its door."""
    rnn, x = framework(name), np.zeros((B, T, D), "float32")
    for layer in (rnn.NativeRNN("lstm", D, H), rnn.RNN(rnn.ElmanCell(D, H))):
        with pytest.raises(
            TypeError, match=r"x must be a tensor, got ndarray: rnn.tensor\(x\) makes one"
        ):
            layer(x)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_tensors_of_odd_arrays(name):
    rnn, a = framework(name), np.arange(6.0).reshape(2, 3)
    for odd in (a[:, ::-1], a.T, a.astype(">f8"), a.tolist()):
        assert_array_equal(rnn.array(rnn.tensor(odd)), odd)
    kept = rnn.tensor(a)
    a[:] = -1
    assert rnn.array(kept).min() == 0  # a copy
    with pytest.raises(TypeError, match="array must hold numbers, got <U1"):
        rnn.tensor(["a"])
    with pytest.raises(ValueError, match="rows of different lengths"):
        rnn.tensor([[1], [2, 3]])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_constructor_doors(name):
    rnn = framework(name)
    with pytest.raises(ValueError, match="unknown cell 'gruu': choose one of elman, gru, lstm, "):
        rnn.NativeRNN("gruu", D, H)
    with pytest.raises(
        ValueError, match="no option 'peephole'; its options: forget_bias, peepholes"
    ):
        rnn.NativeRNN(("lstm", {"peephole": True}), D, H)
    with pytest.raises(ValueError, match="unknown activation 'sine': choose one of tanh, relu"):
        rnn.ElmanCell(D, H, activation="sine")
    with pytest.raises(ValueError, match="hidden_size must be at least 1, got 0"):
        rnn.ElmanCell(D, 0)
    with pytest.raises(TypeError, match="hidden_size must be a whole number, got 4.0"):
        rnn.ElmanCell(D, 4.0)
    with pytest.raises(
        TypeError, match="rng is a whole number or a numpy SeedSequence, got Generator"
    ):
        rnn.ElmanCell(D, H, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="unknown dtype dtype\\('float64'\\)"):
        rnn.Linear(D, H, dtype=np.dtype("float64"))
    with pytest.raises(ValueError, match="unknown dtype 'float16'"):
        rnn.ElmanCell(D, H, dtype="float16")


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_embedding_looks_up_and_refuses(name):
    rnn = framework(name)
    embed = rnn.Embedding(6, H, rng=2)
    ids = np.array([[0, 5, 2], [1, 1, 3]])
    assert_array_equal(rnn.array(embed(rnn.tensor(ids))), rnn.params(embed)["W"][ids])
    with pytest.raises(ValueError, match=r"ids\[0, 1\] is 6, outside 0 .. 5"):
        embed(rnn.tensor(ids + 1))
    with pytest.raises(TypeError, match="ids must be whole numbers"):
        embed(rnn.tensor(ids * 1.0))


@pytest.mark.skipif("tf" not in INSTALLED, reason="TensorFlow not installed")
@pytest.mark.parametrize("make", ["native", "default"])
def test_a_graph_that_has_run_takes_another_layer(make):
    """The framework's layer makes its variables with ours, and not in somebody's graph."""
    import tensorflow as tf

    rnn = framework("tf")

    @tf.function(reduce_retracing=True)
    def turn(layer, x):
        return layer(x)

    x = rnn.tensor(np.ones((2, 3, 4), "float32"))
    turn(rnn.FusedRNN(rnn.SRUCell(4, 5)), x)
    size = {"native": 7, "default": 9}[make]  # sizes that no other test has built
    if make == "native":
        layer = rnn.NativeRNN("lstm", 4, size)
    else:
        layer = rnn.Classifier(4, size, 2, cell="lstm", native=None)
    turn(layer, x)
