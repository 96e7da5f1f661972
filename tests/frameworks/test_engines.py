"""Three engines, one function over weights held once: which one runs, and that nothing else depends
on it.
"""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, both, framework, parts, random_params, run
from rnnlib.core import engines
from rnnlib.data.batches import Batches

B, T, D, H, K = 3, 5, 2, 4, 3
CELLS = ["elman", ("elman", {"activation": "relu"}), "lstm", "gru", "sru", "mingru", "minlstm"]
CELLS += [("lstm", {"peepholes": True}), ("gru", {"reset_after": False})]
SHORT = np.array([5, 1, 3])
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(24, T, D)), rng.integers(0, K, 24)
LENGTHS = rng.integers(1, T + 1, 24)


def layers(rnn, cell, dtype="float64"):
    """{engine: a layer of it}, for each that the cell has, with equal random weights."""
    found = {"auto": rnn.Classifier(D, H, K, cell=cell, pool="mean", dtype=dtype, rng=2).rnn}
    for name in engines.ENGINES:
        try:
            model = rnn.Classifier(D, H, K, cell=cell, pool="mean", native=name, dtype=dtype, rng=2)
        except ValueError as error:
            assert name != "loop"
            assert any(why in str(error) for why in ("leave native= out", "no gradient is derived"))
        else:
            found[name] = model.rnn
    weights = random_params(rnn, found["loop"])
    for layer in found.values():
        rnn.load(layer, weights)
    return found


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lengths", [None, SHORT], ids=["full", "lengths"])
def test_engines_are_one_function(name, cell, lengths):
    """Outputs, final state, dx, gradients of the first state and of all weights; NaN in the padding
    changes nothing.
    """
    rnn = framework(name)
    draw = np.random.default_rng(1)
    x, dy, h, c = (draw.normal(size=s) for s in ((B, T, D), (B, T, H), (B, H), (B, H)))
    if lengths is not None:
        x[np.arange(T) >= lengths[:, None]] = np.nan
    first = (h, c) if str(cell).find("lstm") in (0, 2) else h
    found = layers(rnn, cell)
    assert len({tuple(rnn.params(layer)) for layer in found.values()}) == 1
    want = run(name, found.pop("loop"), x, dy, first, first, lengths)
    assert np.isfinite(want[2]).all()
    for engine, layer in found.items():
        got = run(name, layer, x, dy, first, first, lengths)
        for one, other in zip(got[:-1], want[:-1], strict=True):
            for a, b in zip(parts(one), parts(other), strict=True):
                assert_allclose(a, b, rtol=1e-10, atol=1e-10, err_msg=engine)
        for key, grad in want[-1].items():
            assert_allclose(got[-1][key], grad, rtol=1e-10, atol=1e-10, err_msg=f"{engine} {key}")


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "sru"])
def test_engines_train_one_model(name, cell):
    """The same losses, in float32 to 1e-6, and the same weights: whatever ran, and whatever runs
    next.
    """
    rnn, trained = framework(name), {}
    data = Batches((X.astype("float32"), Y, LENGTHS), 7, rng=1)
    for engine in (None, *engines.ENGINES):
        if engine == "native" and cell == "sru":
            continue
        model = rnn.Classifier(D, H, K, cell=cell, native=engine, rng=2)
        rnn.fit(model, data, loss="cross_entropy", optimizer=("sgd", {"lr": 0.5}), epochs=3)
        trained[engine] = (rnn.params(model), rnn.predict(model, X.astype("float32"), LENGTHS))
    weights, answers = trained.pop("loop")
    for engine, (p, found) in trained.items():
        assert_allclose(found, answers, atol=1e-6 * np.abs(answers).max(), err_msg=engine)
        for key, value in weights.items():
            assert_allclose(p[key], value, atol=2e-6, err_msg=f"{engine} {key}")


def freeze(name, part, trainable=False):
    """A model's part frozen, or free again, as each framework does it."""
    if name == "tf":
        part.trainable = trainable
    else:
        part.requires_grad_(trainable)


def plain_loop(name, model, steps=2):
    """A few updates by the framework's own means, without rnnlib."""
    if name == "tf":
        model.compile("sgd", "mse", jit_compile=False)
        model.fit(X.astype("float32"), np.eye(K)[Y].astype("float32"), epochs=steps, verbose=0)
        return
    import torch

    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.tensor(X, dtype=torch.float32)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("native", [None, True, "fused", False])
@pytest.mark.parametrize("frozen", ["embed", "rnn", "head"])
def test_frozen_parts_are_called_filed_and_kept(name, native, frozen, tmp_path):
    """What is frozen has its name, goes into files, comes back, does not move;
    what is free does.
    """
    rnn = framework(name)
    ids = rng.integers(0, 7, size=(24, T))
    data = Batches((ids, Y), 8, rng=1)
    options = {"cell": "gru", "vocab_size": 7, "native": native}
    model, other = (rnn.Classifier(D, H, K, rng=seed, **options) for seed in (2, 3))
    names = list(rnn.params(model))
    freeze(name, getattr(model, frozen))
    before = rnn.params(model)
    assert list(before) == names
    path = tmp_path / "run.safetensors"
    how = {"loss": "cross_entropy", "optimizer": "adam", "checkpoint": path}
    rnn.fit(model, data, **how, epochs=1)
    rnn.fit(model, data, **how, epochs=2, resume=True)
    after = rnn.params(model)
    for key in names:
        assert (before[key] == after[key]).all() == key.startswith(f"{frozen}."), key
    rnn.save(tmp_path / "model.safetensors", model)
    for file in ("model.safetensors", "run.safetensors"):
        rnn.restore(tmp_path / file, other)
        for key, value in after.items():
            assert_array_equal(rnn.params(other)[key], value, err_msg=key)
    freeze(name, getattr(model, frozen), True)
    rnn.fit(model, data, loss="cross_entropy", optimizer="adam", epochs=1)
    assert all((rnn.params(model)[key] != after[key]).any() for key in names)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("native", [None, True, False])
def test_own_loops_and_copies_move_what_has_a_name_and_nothing_else(name, native):
    """A loop over the framework's own list of parameters, a copy, a pickled copy: the surplus
    biases stay zeros.
    """
    rnn = framework(name)
    model = rnn.Classifier(D, H, K, cell="gru", native=native, rng=2)
    sizes = sum(value.size for value in rnn.params(model).values())
    trained = model.parameters() if name == "pt" else model.trainable_variables
    assert sum(int(np.prod(p.shape)) for p in trained) == sizes
    freeze(name, model)
    freeze(name, model, True)
    plain_loop(name, model)
    loop = rnn.Classifier(D, H, K, cell="gru", native=False, rng=3)
    rnn.load(loop, rnn.params(model))
    x = rnn.tensor(X.astype("float32"))
    want = rnn.array(loop(x))
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for again in (model, *copies):
        assert_allclose(rnn.array(again(x)), want, atol=1e-6)
    plain_loop(name, copies[0])
    assert_allclose(rnn.array(model(x)), want, atol=1e-6)
    assert np.abs(rnn.array(copies[0](x)) - want).max() > 1e-4


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_shared_weights_have_one_name(name):
    rnn = framework(name)
    model = rnn.Tagger(H, H, 7, cell="gru", num_layers=2, rng=1)
    model.rnn.layers[1].cell.W_h = model.rnn.layers[0].cell.W_h
    names = list(rnn.params(model))
    assert "rnn.layers.0.cell.W_h" in names and "rnn.layers.1.cell.W_h" not in names
    rnn.load(model, {key: value + 1 for key, value in rnn.params(model).items()})


@both
def test_shared_weights_have_the_same_name_in_both():
    found = []
    for name in ("pt", "tf"):
        model = framework(name).Tagger(H, H, 7, cell="gru", num_layers=2, bidirectional=True)
        model.rnn.layers[0].bwd = model.rnn.layers[0].fwd
        found.append(list(framework(name).params(model)))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_model_says_which_engine_runs_and_why(name):
    rnn, x = framework(name), rnn_tensor(name, (B, T, D))
    lengths = rnn.tensor(SHORT)
    for cell, engine in [
        ("sru", "fused"),
        ("mingru", "fused"),
        (("lstm", {"peepholes": True}), "loop"),
        ("lstm", "native" if name == "pt" else "fused"),
    ]:
        model = rnn.Tagger(D, H, K, cell=cell)
        (key, choice), *more = rnn.engine_of(model, x, training=True).items()
        assert (key, choice.engine, more) == ("rnn", engine, []), cell
        assert choice.why and str(choice).startswith(f"{engine}: ")
    deep = rnn.Tagger(D, H, K, cell="gru", num_layers=2, bidirectional=True)
    names = [f"rnn.layers.{k}.{way}" for k in (0, 1) for way in ("fwd", "bwd")]
    assert list(rnn.engine_of(deep, x, lengths)) == names
    assert rnn.engine_of(rnn.Tagger(D, H, K, native="loop"), x) == {}


def rnn_tensor(name, shape):
    return framework(name).tensor(np.zeros(shape, "float32"))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_engine_is_asked_for_by_name(name):
    rnn = framework(name)
    for native, kind in [
        (None, "AutoRNN"),
        (True, "NativeRNN"),
        ("native", "NativeRNN"),
        ("fused", "FusedRNN"),
        (False, "RNN"),
        ("loop", "RNN"),
    ]:
        assert type(rnn.Tagger(D, H, K, cell="gru", native=native).rnn).__name__ == kind
    for cell, native, says in [
        (
            "gru",
            "quick",
            "None, True, False or an engine's name .native, fused, loop., got 'quick'",
        ),
        ("sru", "native", "has no layer for 'sru'"),
        ("tcn", "fused", "no fused function"),
        (
            ("lstm", {"peepholes": True}),
            "fused",
            "no gradient is derived for LSTMCell with peepholes",
        ),
    ]:
        with pytest.raises(ValueError, match=says):
            rnn.Tagger(D, H, K, cell=cell, native=native)


def test_the_table_has_every_cell_and_every_call():
    """Each cell with a choice, in both frameworks, with lengths or not, one sequence or more,
    training or not.
    """
    keys = engines._rows().keys()
    for framework_name in ("pt", "tf"):
        for cell in ("elman", "lstm", "gru", "sru", "mingru", "minlstm"):
            for flags in np.ndindex(2, 2, 2):
                assert (framework_name, cell, *map(bool, flags)) in keys


def test_the_fastest_of_the_nearest_row(monkeypatch):
    rows = {
        ("pt", "gru", False, False, True): (
            ("pt", "gru", False, 16, True, 10, 64, 1.0, 2.0, 3.0),
            ("pt", "gru", False, 16, True, 1000, 64, 9.0, 2.0, None),
            ("pt", "gru", False, 16, True, 100, 512, 1.04, 1.0, 1.0),
        )
    }
    monkeypatch.setattr(engines, "_rows", lambda: rows)
    there = engines.ENGINES

    def engine(steps, hidden, batch=16, there=there):
        sizes = {"batch": batch, "steps": steps, "hidden": hidden}
        return engines.fastest("pt", "gru", there, lengths=False, training=True, **sizes).engine

    assert engine(8, 60) == "native"
    assert engine(900, 64) == "fused"
    assert engine(None, 600, None) == "native"  # 4 % slower only
    assert engine(8, 60, there=("fused", "loop")) == "fused"
    assert engine(8, 60, batch=1) == "native"  # not measured: the first
    assert engine(8, 60, batch=1, there=("fused", "loop")) == "fused"
    choice = engines.fastest(
        "pt", "gru", there, lengths=False, training=True, batch=16, steps=900, hidden=64
    )
    assert choice.why == (
        "the fastest in training without lengths at B = 16, T = 1000, H = 64: native 9 ms, fused "
        "2 ms"
    )


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "sru"])
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_models_of_low_precision(name, cell, kind, tmp_path):
    """They run in every engine, are filed, read and predicted with, near the model of float32 that
    they come from.
    """
    import torch

    rnn, x = framework(name), X.astype("float32")
    for engine in (None, "fused", "loop"):
        model, low = (rnn.Classifier(D, H, K, cell=cell, native=engine, rng=2) for _ in range(2))
        low.to(getattr(torch, kind))
        assert_allclose(rnn.predict(low, x, LENGTHS), rnn.predict(model, x, LENGTHS), atol=0.02)
        rnn.save(tmp_path / "low.safetensors", low)
        rnn.restore(tmp_path / "low.safetensors", model)
        for key, value in rnn.params(low).items():
            assert value.dtype == ("float32" if kind == "bfloat16" else kind)
            assert_array_equal(rnn.params(model)[key], value.astype("float32"))


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "sru"])
def test_autocast_runs_in_every_choice(name, cell):
    import torch

    rnn, x = framework(name), X.astype("float32")
    model = rnn.Classifier(D, H, K, cell=cell, rng=2)
    with torch.autocast("cpu", torch.bfloat16):
        got = model(rnn.tensor(x), rnn.tensor(LENGTHS))
        (choice,) = rnn.engine_of(model, rnn.tensor(x), rnn.tensor(LENGTHS)).values()
    assert choice.engine != "fused"
    assert_allclose(rnn.array(got.float()), rnn.predict(model, x, LENGTHS), atol=0.02)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_layers_are_safe_in_threads(name):
    """Nothing of a model is touched by a call: many at once answer as one alone."""
    from concurrent.futures import ThreadPoolExecutor

    rnn = framework(name)
    models = [rnn.Classifier(D, H, K, cell="gru", native="native", rng=seed) for seed in range(4)]
    x = rnn.tensor(X.astype("float32"))
    want = [rnn.array(model(x)) for model in models]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda k: rnn.array(models[k % 4](x)), range(64)))
    for k, answer in enumerate(got):
        assert_allclose(answer, want[k % 4], atol=1e-6)
