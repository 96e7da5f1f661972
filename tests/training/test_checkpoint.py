"""Files of weights and of runs: what is in them, who may read them, what is refused."""

import json
import os
import struct

import numpy as np
import pytest

from backends import FRAMEWORKS, both, framework
from rnnlib.core import weight_files
from rnnlib.data.batches import Batches
from rnnlib.training import checkpoint_format

N, T, D, H, C = 20, 5, 3, 4, 2
each = pytest.mark.parametrize("name", FRAMEWORKS)
RNG = np.random.default_rng(0)
X, Y, L = RNG.normal(size=(N, T, D)), RNG.integers(0, C, N), RNG.integers(1, T + 1, N)


def classifier(rnn, rng=1, **options):
    return rnn.Classifier(
        D, options.pop("hidden", H), C, rng=rng, **{"dtype": "float64", **options}
    )


def settings(**changed):
    """The arguments of the run that `finished` makes, some of them changed."""
    data = {"arrays": (X, Y, L), "batch_size": 8, "rng": 0, **changed.pop("batches", {})}
    valid = changed.pop("valid", (X[:8], 1 - Y[:8], L[:8]))  # at odds: the first epoch is the best
    return {
        "batches": Batches(**data),
        "valid": valid and Batches(valid, 8),
        "loss": "cross_entropy",
        "optimizer": ("adam", {"lr": 0.01}),
        "epochs": 2,
        "clip_norm": 1.0,
        "keep": "last",
        **changed,
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two epochs in each framework -> {name:
    (file, model, history)}, made when first asked for.
    """
    runs = {}

    def run(name):
        if name not in runs:
            rnn, path = framework(name), tmp_path_factory.mktemp(name) / "run.safetensors"
            model = classifier(rnn)
            runs[name] = path, model, rnn.fit(model, checkpoint=path, **settings())
        return runs[name]

    return run


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


@each
@pytest.mark.parametrize("native", [True, False])
def test_weights_come_back_bit_for_bit_with_what_was_said_about_them(name, native, tmp_path):
    rnn, path = framework(name), tmp_path / "weights.safetensors"
    model, other = classifier(rnn, native=native), classifier(rnn, rng=2, native=not native)
    rnn.save(path, model, data="made up", score=0.5, classes=["a", "b"])
    assert rnn.restore(path, other) == {"data": "made up", "score": 0.5, "classes": ["a", "b"]}
    assert same(rnn.params(model), rnn.params(other))
    assert os.listdir(tmp_path) == ["weights.safetensors"]
    with open(path, "rb") as file:  # any reader of safetensors finds our names and a JSON
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    about = json.loads(header.pop("__metadata__")["about"])
    assert set(header) == set(rnn.params(model))
    assert (about["kind"], about["framework"], about["format"]) == ("weights", name, 2)
    assert {"rnnlib", {"pt": "torch", "tf": "tensorflow"}[name]} <= set(about["versions"])


@each
def test_whole_numbers_of_numpy_stay_whole(name, tmp_path):
    rnn = framework(name)
    model = rnn.Linear(2, 3)
    rnn.save(tmp_path / "w.st", model, size=np.int64(7), rate=np.float64(0.5), right=np.bool_(True))
    about = rnn.restore(tmp_path / "w.st", model)
    assert about == {"size": 7, "rate": 0.5, "right": True}
    assert [type(value) for value in about.values()] == [int, float, bool]


@each
def test_save_refuses_what_a_header_cannot_hold(name, tmp_path):
    rnn = framework(name)
    with pytest.raises(TypeError, match="text, numbers, lists and dicts"):
        rnn.save(tmp_path / "w.safetensors", classifier(rnn), model=object())
    with pytest.raises(OSError, match="could not write"):
        rnn.save(tmp_path / "no" / "w.safetensors", classifier(rnn))
    assert os.listdir(tmp_path) == []


@both
@pytest.mark.parametrize(("writer", "reader"), [("pt", "tf"), ("tf", "pt")])
def test_either_framework_reads_the_others_weights(writer, reader, tmp_path, finished):
    one, other = framework(writer), framework(reader)
    model = classifier(one)
    one.save(tmp_path / "w.safetensors", model)
    for path, expected in (
        (tmp_path / "w.safetensors", one.params(model)),
        (finished(writer)[0], checkpoint_format.weights_of(finished(writer)[0])[0]),
    ):
        twin = classifier(other, rng=5)
        other.restore(path, twin)
        assert same(other.params(twin), expected)
    with pytest.raises(ValueError, match=f"written by rnnlib.{writer}.*rnn.restore"):
        other.fit(classifier(other), checkpoint=finished(writer)[0], resume=True, **settings())


@each
def test_a_checkpoint_holds_the_run(name, finished):
    rnn, (path, model, history) = framework(name), finished(name)
    arrays, about = checkpoint_format.read(path)
    assert about["kind"] == "checkpoint"
    assert (
        about["history"]["epochs"] == history.epochs and about["history"]["steps"] == history.steps
    )
    assert same(checkpoint_format.section(arrays, "model"), rnn.params(model))
    moments = [
        value
        for value in checkpoint_format.section(arrays, "optimizer").values()
        if value.shape == (D, H)
    ]
    assert name == "pt" or len(moments) == 2
    assert all(np.abs(value).max() > 0 for value in moments)
    assert any(
        value.shape == () and value == 6
        for value in checkpoint_format.section(arrays, "optimizer").values()
    )
    twin = classifier(rnn, rng=7)
    assert rnn.restore(path, twin)["epochs"] == 2
    assert same(rnn.params(twin), checkpoint_format.section(arrays, "best"))
    assert history.best_epoch == 0 and not same(rnn.params(twin), rnn.params(model))


OTHER_RUN = {
    "loss": (
        dict(loss=("cross_entropy", {"per": "batch"})),
        "loss is .*token.* there, .*batch.* here",
    ),
    "rate": (
        dict(optimizer=("adam", {"lr": 0.02})),
        r"optimizer.options.* is .*0\.0.* there, .*0\.0",
    ),
    "optimizer": (dict(optimizer="sgd"), "optimizer.kind is Adam there, SGD here"),
    "clip": (dict(clip_norm=None), "clip_norm is 1.0 there, None here"),
    "batch size": (dict(batches={"batch_size": 5}), "batches.batch_size is 8 there, 5 here"),
    "seed": (dict(batches={"rng": 3}), "batches.rng is entropy 0"),
    "data": (dict(batches={"arrays": (X + 1e-9, Y, L)}), "batches.x is float64"),
    "targets": (dict(batches={"arrays": (X, 1 - Y, L)}), "batches.y is int64"),
    "lengths": (dict(batches={"arrays": (X, Y)}), "batches.lengths is .* there, None here"),
    "bucket": (dict(batches={"bucket": True}), "batches.bucket is False there, True here"),
    "validation": (dict(valid=(X[:4], Y[:4], L[:4])), "valid.x is"),
    "no validation": (dict(valid=None), "valid is"),
    "fewer epochs": (dict(epochs=1), "has 2 epochs done, and epochs=1"),
}
OTHER_MODEL = {
    "size": (dict(hidden=H + 1), r"another model: .*W_x has shape \(3, 4\), needs \(3, 5\)"),
    "cell": (dict(cell="lstm"), r"another model: .*W_h has shape \(4, 4\), needs \(4, 16\)"),
    "activation": (
        dict(cell=("elman", {"activation": "relu"})),
        "model is Classifier of .*tanh.* there, .*relu.* here",
    ),
    "dtype": (dict(dtype="float32"), "as float64, the model as float32"),
}


@each
@pytest.mark.parametrize("case", [*OTHER_RUN, *OTHER_MODEL])
def test_a_run_goes_on_only_from_its_own_checkpoint(name, case, finished):
    rnn, (path, _, _) = framework(name), finished(name)
    changed, message = {**OTHER_RUN, **OTHER_MODEL}[case]
    model = classifier(rnn, rng=9, **(changed if case in OTHER_MODEL else {}))
    before, content = rnn.params(model), path.read_bytes()
    with pytest.raises(ValueError, match=message):
        rnn.fit(
            model,
            checkpoint=path,
            resume=True,
            **settings(**(changed if case in OTHER_RUN else {})),
        )
    assert same(before, rnn.params(model)) and path.read_bytes() == content


@each
def test_cut_off_and_foreign_files(name, finished, tmp_path):
    rnn, (whole, _, _) = framework(name), finished(name)
    content, path = whole.read_bytes(), tmp_path / "run.safetensors"
    for size in (0, 5, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        model = classifier(rnn, rng=9)
        before = rnn.params(model)
        with pytest.raises(ValueError, match=f"{size} bytes.*not a whole safetensors file"):
            rnn.fit(model, checkpoint=path, resume=True, **settings())
        with pytest.raises(ValueError, match=f"{size} bytes"):
            rnn.restore(path, model)
        assert same(before, rnn.params(model))
    rnn.save(path, model)
    with pytest.raises(ValueError, match="no checkpoint of fit.*rnn.restore"):
        rnn.fit(model, checkpoint=path, resume=True, **settings())
    with pytest.raises(FileNotFoundError, match="nowhere"):
        rnn.restore(tmp_path / "nowhere", model)
    with pytest.raises(ValueError, match=r"not the parameters of this Classifier.*needs \(4, 2\)"):
        rnn.save(path, classifier(rnn, hidden=6))
        rnn.restore(path, model)
    assert same(before, rnn.params(model))
    weight_files.write_weights(path, rnn.params(model), {"format": 3})
    with pytest.raises(ValueError, match="has format 3, this rnnlib reads up to 2"):
        rnn.restore(path, model)


@each
def test_a_fault_while_writing_leaves_the_last_checkpoint_whole(
    name, tmp_path, monkeypatch, finished
):
    rnn, path = framework(name), tmp_path / "run.safetensors"
    _, _, history = finished(name)
    rename, calls = os.replace, []

    def full(part, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        rename(part, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="could not write .*run.safetensors.*No space left"):
        rnn.fit(classifier(rnn), checkpoint=path, **settings())
    assert os.listdir(tmp_path) == ["run.safetensors"]
    assert checkpoint_format.read(path)[1]["history"]["epochs"] == history.epochs[:1]


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
def test_a_model_whose_parameters_have_no_names_is_not_kept(name, tmp_path):
    """A checkpoint that misses a layer would resume to another model without a word.

    (In PyTorch all have names.)
    """
    import keras

    class Hidden(keras.Model):
        def __init__(self, rnn):
            super().__init__()
            self.inner = classifier(rnn)
            self.kept = {"out": keras.layers.Dense(2, dtype="float64")}
            self.kept["out"].build((None, 2))

        def call(self, x, lengths=None):
            return self.kept["out"](self.inner(x, lengths))

    rnn = framework(name)
    with pytest.raises(ValueError, match=r"trains 48 numbers, but rnn.params finds 42"):
        rnn.fit(Hidden(rnn), checkpoint=tmp_path / "run.safetensors", **settings())
