"""Whole models: native = loop, PyTorch = TensorFlow, shapes, names, doors."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, both, framework, random_params
from rnnlib.core import cells

B, T, D, H, K, V = 3, 5, 2, 4, 6, 7
rng = np.random.default_rng(0)
X, IDS, LENGTHS = rng.normal(size=(B, T, D)), rng.integers(0, V, size=(B, T)), np.array([5, 1, 3])
SHAPES = {"Classifier": (B, K), "Tagger": (B, T, K), "ForecastNet": (B, K)}
CELLS = [
    (row.kind, options) if options else row.kind for row in cells.ROWS for options in row.variants()
]
CELLS += [("tcn", {"kernel_size": 2, "num_layers": 2})]
NAMES = ["rnn.cell.W_x", "rnn.cell.W_h", "rnn.cell.b", "head.W", "head.b"]


def build(rnn, kind, **options):
    return getattr(rnn, kind)(D, H, K, rng=3, dtype="float64", **options)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("cell", ["elman", ("elman", {"activation": "relu"}), "lstm", "gru"])
def test_native_and_loop_are_one_model(name, kind, cell):
    rnn = framework(name)
    native, loop = (build(rnn, kind, cell=cell, native=native) for native in (True, False))
    names = NAMES[:3] + ["rnn.cell.b_n"] * (cell == "gru") + NAMES[3:]
    assert list(rnn.params(native)) == list(rnn.params(loop)) == names
    for key, value in rnn.params(native).items():
        assert_array_equal(rnn.params(loop)[key], value)
    for lengths in (None, rnn.tensor(LENGTHS)):
        y = rnn.array(native(rnn.tensor(X), lengths))
        assert y.shape == SHAPES[kind]
        assert_allclose(rnn.array(loop(rnn.tensor(X), lengths)), y, atol=1e-13)


@both
@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("ids", [False, True])
def test_both_frameworks_are_one_model(kind, cell, ids):
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        model = build(rnn, kind, cell=cell, vocab_size=V if ids else None)
        if cells.named(cell) == cells.named("lstm"):
            assert list(rnn.params(model)) == ["embed.W"] * ids + NAMES
        rnn.load(model, random_params(rnn, model))
        found.append(rnn.array(model(rnn.tensor(IDS if ids else X), rnn.tensor(LENGTHS))))
    assert_allclose(*found, atol=1e-12)


@both
def test_parts_of_a_model_are_drawn_apart():
    """embedding, recurrent layer and head have seeds of their own, and so have two models."""
    rnn = framework("pt")
    one, other = (rnn.params(rnn.Classifier(H, H, H, vocab_size=H, rng=seed)) for seed in (0, 1))
    drawn = [one["embed.W"], one["rnn.cell.W_x"], one["rnn.cell.W_h"], one["head.W"]]
    drawn += [other["embed.W"], other["rnn.cell.W_x"], other["rnn.cell.W_h"], other["head.W"]]
    assert len({value.tobytes() for value in drawn}) == 8


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_load_is_all_or_nothing(name):
    rnn = framework(name)
    model = build(rnn, "Classifier")
    before = rnn.params(model)
    other = {key: value + 1 for key, value in before.items()}
    for says, wrong in [
        (
            r"head.b \(6,\) is missing",
            {key: value for key, value in other.items() if key != "head.b"},
        ),
        (r"extra \(\) is not wanted", {**other, "extra": np.array(1.0)}),
        (r"head.W has shape \(6, 4\), needs \(4, 6\)", {**other, "head.W": other["head.W"].T}),
        ("head.b has 6 values that are NaN", {**other, "head.b": np.full(K, np.nan)}),
    ]:
        with pytest.raises(ValueError, match=says):
            rnn.load(model, wrong)
        for key, value in rnn.params(model).items():
            assert_array_equal(value, before[key])
    rnn.load(model, other)
    assert_array_equal(rnn.params(model)["rnn.cell.W_h"], before["rnn.cell.W_h"] + 1)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_doors(name):
    rnn = framework(name)
    with pytest.raises(
        ValueError, match="unknown cell 'transformer': choose one of elman, gru, lstm, "
    ):
        build(rnn, "Classifier", cell="transformer")
    with pytest.raises(ValueError, match="has no layer for 'sru': leave native= out"):
        build(rnn, "Classifier", cell="sru", native=True)
    with pytest.raises(ValueError, match="a tcn has layers of its own"):
        build(rnn, "Classifier", cell="tcn", num_layers=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'layers'"):
        build(rnn, "Classifier", layers=2)
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1, got 1.0"):
        build(rnn, "Classifier", dropout=1.0)
    with pytest.raises(ValueError, match="vocab_size must be at least 1, got 0"):
        build(rnn, "Classifier", vocab_size=0)
    with pytest.raises(ValueError, match=r"ids\[0, 0\] is 7, outside 0 .. 6"):
        build(rnn, "Classifier", vocab_size=V)(rnn.tensor(np.full((B, T), V)))


@both
@pytest.mark.parametrize(
    ("head", "outputs"), [(("quantile", {"outputs": 5}), 5), ("quantile", 3), ("gaussian", 2)]
)
def test_heads_of_a_forecaster(head, outputs):
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        model = build(rnn, "ForecastNet", cell="gru", head=head)
        plain = rnn.ForecastNet(D, H, K * outputs, cell="gru", rng=3, dtype="float64")
        y = rnn.array(model(rnn.tensor(X), rnn.tensor(LENGTHS)))
        assert y.shape == (B, K, outputs)
        assert_allclose(
            y.reshape(B, -1), rnn.array(plain(rnn.tensor(X), rnn.tensor(LENGTHS))), atol=1e-13
        )
        assert model.about != plain.about
        found.append(y)
    assert_allclose(*found, atol=1e-12)
    with pytest.raises(
        ValueError, match="unknown head 'box': choose one of gaussian, point, quantile"
    ):
        build(framework("pt"), "ForecastNet", head="box")
    with pytest.raises(ValueError, match="outputs of the head must be at least 1"):
        build(framework("pt"), "ForecastNet", head=("quantile", {"outputs": 0}))


@both
@pytest.mark.parametrize("cell", ["lstm", "sru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pool", ["mean", "max"])
def test_pools_of_a_classifier(pool, cell, bidirectional):
    """Over valid steps alone, whatever stands in the padding;
    the same in both frameworks, gradients too.
    """
    found, options = [], dict(cell=cell, pool=pool, bidirectional=bidirectional)
    for name in ("pt", "tf"):
        rnn = framework(name)
        model = build(rnn, "Classifier", **options)
        rnn.load(model, random_params(rnn, model))
        x, lengths = rnn.tensor(X), rnn.tensor(LENGTHS)
        logits = rnn.array(model(x, lengths))
        y, p = rnn.array(model.encode(x, lengths)), rnn.params(model)
        own = [getattr(row[:n], pool)(axis=0) for row, n in zip(y, LENGTHS, strict=True)]
        assert_allclose(logits, np.array(own) @ p["head.W"] + p["head.b"], atol=1e-12)
        alone = [rnn.array(model(rnn.tensor(X[i : i + 1, :n]))) for i, n in enumerate(LENGTHS)]
        assert_allclose(logits, np.concatenate(alone), atol=1e-12)
        classes = rnn.tensor(np.array([0, 5, 2]))
        loss = partial(
            lambda f, m, x, n, y: f(m(x, n), y, None), rnn.losses.cross_entropy, model, x, lengths
        )
        _, grads = rnn.value_and_grads(model, partial(loss, classes))
        found.append([logits, *grads.values()])
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_pools_are_told_apart(name):
    rnn = framework(name)
    models = {pool: build(rnn, "Classifier", pool=pool) for pool in ("last", "mean", "max")}
    assert len({model.about for model in models.values()}) == 3
    answers = [rnn.array(model(rnn.tensor(X))) for model in models.values()]
    assert not np.allclose(answers[0], answers[1]) and not np.allclose(answers[1], answers[2])
    with pytest.raises(ValueError, match="unknown pool 'sum': choose one of last, mean, max"):
        build(rnn, "Classifier", pool="sum")
    with pytest.raises(TypeError):
        build(rnn, "Tagger", pool="mean")
