"""Gradients derived by hand, beside what test_check_cell.py asks of every cell:
graphs, training, doors.
"""

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

from backends import FRAMEWORKS, framework, parts, random_params
from rnnlib.core import cells
from rnnlib.data.batches import Batches

B, T, D, H = 3, 5, 2, 4
CELLS = {  # each row of the table that has one; SRU with D = H, too, where x itself is the highway
    " ".join([row.kind, *map(str, options.values())]): ((row.kind, options), D)
    for row in cells.ROWS
    for options in row.variants()
    if cells.fused((row.kind, options))
} | {"sru square": ("sru", H)}


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch, name):
    """Blocks of two steps, so that T = 5 is two of them and a rest."""
    monkeypatch.setattr(import_module(f"rnnlib.{name}.fused.functions"), "BLOCK", 2)


def pair(rnn, kind, **options):
    """The derived layer and the loop, with the same random weights."""
    cell, size = CELLS[kind]
    layers = [make(rnn.make_cell(cell, size, H, **options)) for make in (rnn.FusedRNN, rnn.RNN)]
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


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
@pytest.mark.parametrize("kind", CELLS)
def test_gradients_and_their_gradients_are_the_slopes_in_pytorch(name, kind):
    import torch

    rnn = framework(name)
    derived, _ = pair(rnn, kind, dtype="float64")
    x, _, first, _ = draw(derived, seed=2, T=3)
    x, *first = (rnn.tensor(v).requires_grad_() for v in (x, *parts(first)))

    def outputs(x, *first):
        y, last = derived(x, tuple(first) if len(first) > 1 else first[0])
        return y, *parts(last)

    assert torch.autograd.gradcheck(outputs, (x, *first))
    assert torch.autograd.gradgradcheck(outputs, (x, *first))
    y = outputs(x, *first)[0].square().sum()
    once, again = (torch.autograd.grad(y, (x, *first), retain_graph=True) for _ in range(2))
    # nothing kept was overwritten
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def penalty_pt(rnn, layer, x, lengths):
    """The square of all gradients of a loss, and its gradients with respect to x and all
    parameters.
    """
    import torch

    x = rnn.tensor(x).requires_grad_()
    asked = [x, *layer.parameters()]
    y, last = layer(x, lengths=lengths)
    loss = (y**2).sum() + sum(leaf.sum() for leaf in parts(last))
    slopes = torch.autograd.grad(loss, asked, create_graph=True)
    penalty = sum((slope**2).sum() for slope in slopes)
    return penalty.item(), [rnn.array(slope) for slope in torch.autograd.grad(penalty, asked)]


def penalty_tf(rnn, layer, x, lengths):
    """The square of all gradients of a loss, and its gradients with respect to x and all
    parameters.
    """
    import tensorflow as tf

    x = rnn.tensor(x)
    asked = [x, *(variable.value for variable in layer.cell.weights)]
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, last = layer(x, lengths=lengths)
            loss = tf.reduce_sum(y**2) + sum(tf.reduce_sum(leaf) for leaf in parts(last))
        slopes = tape.gradient(loss, asked)
        penalty = sum(tf.reduce_sum(slope**2) for slope in slopes)
    return float(penalty), [rnn.array(slope) for slope in outer.gradient(penalty, asked)]


PENALTY = {"pt": penalty_pt, "tf": penalty_tf}


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("kind", CELLS)
def test_a_penalty_on_gradients_has_the_right_gradient(name, kind):
    """Against central differences along a direction of x and all parameters at once, and against
    the loop.
    """
    rnn = framework(name)
    derived, plain = pair(rnn, kind, dtype="float64")
    x = draw(derived, seed=3, T=3)[0]
    lengths = rnn.tensor(np.array([3, 1, 2]))
    p, rng = rnn.params(derived), np.random.default_rng(4)
    _, slopes = PENALTY[name](rnn, derived, x, lengths)
    for got, want in zip(slopes, PENALTY[name](rnn, plain, x, lengths)[1], strict=True):
        assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    step = {key: rng.normal(size=value.shape) for key, value in {"x": x, **p}.items()}
    ends = []
    for eps in (1e-6, -1e-6):
        rnn.load(derived, {key: value + eps * step[key] for key, value in p.items()})
        ends.append(PENALTY[name](rnn, derived, x + eps * step["x"], lengths)[0])
    slope = sum((way * got).sum() for way, got in zip(step.values(), slopes, strict=True))
    assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_an_input_that_is_made_from_another_counts_for_itself_in_pytorch(name):
    """A first state from x and W_x: its way back to them is counted once, by the graph outside."""
    import torch

    rnn = framework(name)
    slopes = []
    for layer in pair(rnn, "elman tanh", dtype="float64"):
        x = rnn.tensor(draw(layer, seed=6, T=3)[0]).requires_grad_()
        y, _ = layer(x, torch.tanh(x[:, 0] @ layer.cell.W_x))
        found = torch.autograd.grad((y**2).sum(), [x, *layer.parameters()], create_graph=True)
        slopes.append(torch.autograd.grad(sum((slope**2).sum() for slope in found), x)[0])
        slopes.append(found[0])
    assert torch.allclose(slopes[0], slopes[2], atol=1e-10)
    assert torch.allclose(slopes[1], slopes[3], atol=1e-10)


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
def test_a_penalty_inside_a_graph(name):
    """Once, since TensorFlow takes long to trace the second way back."""
    import tensorflow as tf

    rnn = framework(name)
    derived, _ = pair(rnn, "mingru", dtype="float64")
    x = draw(derived, seed=3, T=3)[0]
    value, slopes = PENALTY[name](rnn, derived, x, None)

    @tf.function
    def inside(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y, last = derived(x)
                loss = tf.reduce_sum(y**2) + tf.reduce_sum(last)
            slope = tape.gradient(loss, [x, *(v.value for v in derived.cell.weights)])
            penalty = sum(tf.reduce_sum(part**2) for part in slope)
        return penalty, outer.gradient(penalty, x)

    penalty, slope = inside(rnn.tensor(x))
    assert_allclose(penalty, value)
    assert_allclose(slope, slopes[0], atol=1e-9)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # PyTorch's own jvp uses it
def test_what_looks_into_the_operations_sees_them_in_pytorch(name, kind):
    """torch.func, dual numbers: the loop's own answers."""
    import torch
    from torch.autograd import forward_ad

    rnn = framework(name)
    derived, plain = pair(rnn, kind, dtype="float64")
    x = rnn.tensor(draw(derived, seed=5, T=3)[0])
    way = torch.ones_like(x)
    calls = {
        "jacrev": lambda layer: torch.func.jacrev(lambda x: layer(x)[0])(x),
        "jacfwd": lambda layer: torch.func.jacfwd(lambda x: layer(x)[0])(x[:1]),
        "hessian": lambda layer: torch.func.hessian(lambda x: layer(x)[0].sum())(x[:1, :2]),
        "jvp": lambda layer: torch.func.jvp(lambda x: layer(x)[0], (x,), (way,))[1],
        "vmap": lambda layer: torch.func.vmap(lambda row: layer(row[None])[0][0])(x),
    }
    for what, call in calls.items():
        assert torch.allclose(call(derived), call(plain), atol=1e-12), what
    with forward_ad.dual_level():
        tangents = [
            forward_ad.unpack_dual(layer(forward_ad.make_dual(x, way))[0]).tangent
            for layer in (derived, plain)
        ]
    assert torch.allclose(*tangents, atol=1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
@pytest.mark.parametrize("kind", CELLS)
def test_one_graph_for_all_sizes_in_tensorflow(name, kind):
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


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("kind", [row.kind for row in cells.ROWS if row.fused])
def test_it_trains_like_the_loop(name, kind):
    """Twelve updates of a classifier, the derived layer in place of the loop:
    equal losses, and lower than at the start.
    """
    rnn, rng = framework(name), np.random.default_rng(0)
    data = Batches(
        (rng.normal(size=(48, T, D)), rng.integers(0, 3, 48), rng.integers(1, T + 1, 48)), 16, rng=1
    )
    losses = []
    for make in (rnn.FusedRNN, rnn.RNN):
        model = rnn.Classifier(D, H, 3, cell=kind, native=False, dtype="float64", rng=2)
        model.rnn = make(model.rnn.cell)
        history = rnn.fit(
            model, data, loss="cross_entropy", optimizer=("sgd", {"lr": 0.5}), epochs=4
        )
        losses.append(history.steps)
    assert_allclose(*losses, rtol=1e-9)
    assert np.mean(losses[0][-3:]) < np.mean(losses[0][:3])


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
@pytest.mark.parametrize("make", ["FusedRNN", "RNN"])
def test_keras_own_fit_leaves_xla_out(name, make):
    """Keras compiles a model with XLA if all of its layers say that they can;
    ours say no, since XLA would fail.
    """
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
    layer = rnn.FusedRNN(rnn.LSTMCell(D, H))
    x, h = rnn.tensor(np.zeros((B, T, D), "float32")), rnn.tensor(np.zeros((B, H), "float32"))
    says = "use rnn.RNN.*there is one for ElmanCell, LSTMCell without peepholes"
    for error, match, call in [
        (
            ValueError,
            f"LSTMCell with peepholes, {says}",
            lambda: rnn.FusedRNN(rnn.LSTMCell(D, H, peepholes=True)),
        ),
        (
            ValueError,
            f"GRUCell with reset_after=False, {says}",
            lambda: rnn.FusedRNN(rnn.GRUCell(D, H, False)),
        ),
        (ValueError, f"Linear, {says}", lambda: rnn.FusedRNN(rnn.Linear(D, H))),
        (TypeError, "works on a model that is a .*, got str", lambda: rnn.FusedRNN("lstm")),
        (ValueError, "2 features, this layer takes 4", lambda: rnn.FusedRNN(rnn.SRUCell(H, H))(x)),
        (TypeError, "state must be a tuple of 2 tensors", lambda: layer(x, h)),
        (
            ValueError,
            r"lengths\[1\] is 6, but .* T = 5",
            lambda: layer(x, lengths=rnn.tensor([5, 6, 1])),
        ),
    ]:
        with pytest.raises(error, match=match):
            call()
