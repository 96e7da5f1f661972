"""Gradients derived by hand, against the loop under autograd, which other tests hold against the reference."""

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

from backends import FRAMEWORKS, framework, parts, random_params, run
from rnnlib.batch import Batches

B, T, D, H = 3, 5, 2, 4
CELLS = {
    "elman": lambda rnn, **o: rnn.ElmanCell(o.pop("D", D), H, **o),
    "elman relu": lambda rnn, **o: rnn.ElmanCell(o.pop("D", D), H, "relu", **o),
    "lstm": lambda rnn, **o: rnn.LSTMCell(o.pop("D", D), H, **o),
    "gru": lambda rnn, **o: rnn.GRUCell(o.pop("D", D), H, **o),
    "sru": lambda rnn, **o: rnn.SRUCell(o.pop("D", D), H, **o),
    "sru square": lambda rnn, **o: rnn.SRUCell(o.pop("D", H), H, **o),  # x itself on the highway
    "mingru": lambda rnn, **o: rnn.MinGRUCell(o.pop("D", D), H, **o),
    "minlstm": lambda rnn, **o: rnn.MinLSTMCell(o.pop("D", D), H, **o),
}


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch, name):
    """Blocks of two steps, so that T = 5 is two of them and a rest."""
    monkeypatch.setattr(import_module(f"rnnlib.{name}.recurrences"), "BLOCK", 2)


def pair(rnn, kind, **options):
    """The derived layer and the loop, with the same random weights."""
    layers = [make(CELLS[kind](rnn, **options)) for make in (rnn.Derived, rnn.Recurrent)]
    p = random_params(rnn, layers[0])
    for layer in layers:
        rnn.load(layer, p)
    return layers


def draw(layer, B=B, T=T, state=True, seed=0):
    """x, gradient from above, first state, gradient of the final state."""
    rng, D = np.random.default_rng(seed), layer.cell.input_size
    two = type(layer.cell).__name__ == "LSTMCell"
    h, dh = ((rng.normal(size=(B, H)), rng.normal(size=(B, H))) for _ in range(2))
    first, last = (h, dh) if two else (h[0], dh[0])
    return rng.normal(size=(B, T, D)), rng.normal(size=(B, T, H)), first if state else None, last


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("lengths", [None, [5, 1, 3]], ids=["full", "lengths"])
@pytest.mark.parametrize("state", [True, False], ids=["state", "zeros"])
def test_derived_is_the_loop(name, kind, lengths, state):
    same(name, kind, lengths and np.array(lengths), state=state)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("sizes", [{"T": 1}, {"B": 1}, {"B": 1, "T": 1}], ids=["T=1", "B=1", "both"])
def test_derived_is_the_loop_at_its_ends(name, kind, sizes):
    same(name, kind, None, **sizes)


def same(name, kind, lengths, **sizes):
    """Outputs, final state, dx, gradients of the first state and of all parameters, to 1e-10."""
    derived, loop = pair(framework(name), kind, dtype="float64")
    x, dy, first, dlast = draw(derived, **sizes)
    got, want = (run(name, layer, x, dy, first, dlast, lengths) for layer in (derived, loop))
    for one, other in zip(got[:-1], want[:-1], strict=True):
        for a, b in zip(parts(one), parts(other), strict=True):
            assert_allclose(a, b, rtol=1e-10, atol=1e-10)
    assert got[-1].keys() == want[-1].keys()
    for key, grad in want[-1].items():
        assert_allclose(got[-1][key], grad, rtol=1e-10, atol=1e-10, err_msg=key)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
@pytest.mark.parametrize("kind", CELLS)
def test_gradcheck_and_no_second_derivative_in_pytorch(name, kind):
    import torch

    rnn = framework(name)
    derived, _ = pair(rnn, kind, dtype="float64")
    x, _, first, _ = draw(derived, seed=2)
    x, *first = (rnn.tensor(v).requires_grad_() for v in (x, *parts(first)))

    def outputs(x, *first):
        y, last = derived(x, tuple(first) if len(first) > 1 else first[0])
        return y, *parts(last)

    assert torch.autograd.gradcheck(outputs, (x, *first))
    y = outputs(x, *first)[0].square().sum()
    once, again = (torch.autograd.grad(y, (x, *first), retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))  # nothing kept was overwritten
    (dx,) = torch.autograd.grad(outputs(x, *first)[0].square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
@pytest.mark.parametrize("kind", CELLS)
def test_one_graph_for_all_sizes_and_no_second_derivative_in_tensorflow(name, kind):
    import tensorflow as tf

    rnn, traces = framework(name), []
    derived, loop = pair(rnn, kind, dtype="float64")

    def grads(layer, x, dy, lengths):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, _ = layer(x, lengths=lengths)
        return y, tape.gradient(y, [x, *(v.value for v in layer.trainable_variables)], dy)

    wide = [tf.TensorSpec([None, None, size], tf.float64) for size in (derived.cell.input_size, H)]

    @tf.function(input_signature=[*wide, tf.TensorSpec([None], tf.int64)])
    def inside(x, dy, lengths):
        traces.append(1)
        return grads(derived, x, dy, lengths)

    for b, t in [(B, T), (1, 1), (2, 9)]:
        x, dy, *_ = (rnn.tensor(v) for v in draw(derived, b, t)[:2])
        lengths = rnn.tensor(np.arange(t, t - b, -1))
        y, found = inside(x, dy, lengths)
        want, slopes = grads(loop, x, dy, lengths)
        for one, other in zip((y, *found), (want, *slopes), strict=True):
            assert_allclose(one, other, atol=1e-10)
    assert len(traces) == 1

    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(derived(x)[0] ** 2)
        dx = tape.gradient(loss, x)
    with pytest.raises(LookupError, match="derived by hand cannot be differentiated once more"):
        outer.gradient(dx, x)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("kind", ["elman", "lstm", "gru", "sru", "mingru", "minlstm"])
def test_it_trains_like_the_loop(name, kind):
    """Twelve updates of a classifier, the derived layer in place of the loop: equal losses, and lower than at the start."""
    rnn, rng = framework(name), np.random.default_rng(0)
    data = Batches(
        (rng.normal(size=(48, T, D)), rng.integers(0, 3, 48), rng.integers(1, T + 1, 48)), 16, rng=1
    )
    losses = []
    for make in (rnn.Derived, rnn.Recurrent):
        model = rnn.Classifier(D, H, 3, cell=kind, native=False, dtype="float64", rng=2)
        model.rnn = make(model.rnn.cell)
        history = rnn.fit(model, data, loss="cross_entropy", optimizer=("sgd", {"lr": 0.5}), epochs=4)
        losses.append(history.steps)
    assert_allclose(*losses, rtol=1e-9)
    assert np.mean(losses[0][-3:]) < np.mean(losses[0][:3])


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
@pytest.mark.parametrize("make", ["Derived", "Recurrent"])
def test_keras_own_fit_leaves_xla_out(name, make):
    """Keras compiles a model with XLA if all of its layers say that they can; ours say no, since XLA would fail."""
    rnn = framework(name)
    import keras

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = getattr(rnn, make)(rnn.LSTMCell(D, H)), keras.layers.Dense(1)

        def call(self, x):
            return self.head(self.rnn(x)[0])

    x, model = np.random.default_rng(0).normal(size=(8, T, D)).astype("float32"), Model()
    with pytest.warns(UserWarning, match="Model doesn't support `jit_compile=True`"):
        model.compile(optimizer="sgd", loss="mse", jit_compile=True)
    losses = model.fit(x, x[:, :, :1], epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_doors(name):
    rnn = framework(name)
    layer = rnn.Derived(rnn.LSTMCell(D, H))
    x, h = rnn.tensor(np.zeros((B, T, D), "float32")), rnn.tensor(np.zeros((B, H), "float32"))
    says = "use rnn.Recurrent.*there is one for ElmanCell, LSTMCell without peepholes"
    for error, match, call in [
        (
            ValueError,
            f"LSTMCell with peepholes, {says}",
            lambda: rnn.Derived(rnn.LSTMCell(D, H, peepholes=True)),
        ),
        (
            ValueError,
            f"GRUCell with reset_after=False, {says}",
            lambda: rnn.Derived(rnn.GRUCell(D, H, False)),
        ),
        (ValueError, f"Linear, {says}", lambda: rnn.Derived(rnn.Linear(D, H))),
        (TypeError, "works on a model that is a .*, got str", lambda: rnn.Derived("lstm")),
        (ValueError, "2 features, this layer takes 4", lambda: rnn.Derived(rnn.SRUCell(H, H))(x)),
        (TypeError, "state must be a tuple of 2 tensors", lambda: layer(x, h)),
        (ValueError, r"lengths\[1\] is 6, but .* T = 5", lambda: layer(x, lengths=rnn.tensor([5, 6, 1]))),
    ]:
        with pytest.raises(error, match=match):
            call()
