"""Calls that fail, what their messages say must be done, and the same calls with that done.

A row is `Row(id, call, wrong, remedied, error, code, words)`: `call(world, wrong)` raises `error`
with this code, its message contains the words of the remedy, and `call(world, remedied)` passes.
`NEUTRAL` holds the rows of doors without a framework, `NETWORKS` those of rnn.*, whose `world.rnn`
is one framework after the other.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import data_server
import numpy as np
import pandas as pd

from rnnlib import data, display, forecasting, metrics, ref, speech, text
from rnnlib.core import errors, from_torch
from rnnlib.data import Batches

N, T, D, H, C = 6, 5, 3, 4, 3  # examples, steps, features, units, classes
CODE = re.compile(
    r"\w=|\w\(|\w\.\w|[A-Z]{3}_|['\"(]|choose one of|its options|==|\[|must be at least|T = \d"
)


class Row(NamedTuple):
    """One remedy."""

    id: str
    call: Callable
    wrong: object
    remedied: object
    error: type[BaseException]
    code: str | None  # None: a class without codes
    words: str
    only: str = ""  # the framework that this row is of


@dataclass
class World:
    """What a call may use: a framework, a folder of its own, and the error that it met first."""

    rnn: object
    name: str
    folder: Path
    monkeypatch: object
    error: BaseException | None = None
    kept: dict = field(default_factory=dict)


# ---- rnn.fit, evaluate, predict


def examples(per_step=False):
    """x (N, T, D), classes y (N,) or (N, T), lengths (N,)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, T, D)).astype("float32")
    y = rng.integers(0, C, (N, T) if per_step else N)
    return x, y, np.array([5, 1, 2, 3, 4, 5])


def batches(**options):
    return Batches(examples(), **{"batch_size": 3, "rng": 0, **options})


def classifier(world, **options):
    return world.rnn.Classifier(D, H, C, rng=1, **options)


def fit(world, **options):
    """A run of one epoch with these options."""
    model = options.pop("model", None) or classifier(world)
    run = {"loss": "cross_entropy", "optimizer": "sgd", "epochs": 1, **options}
    return world.rnn.fit(model, run.pop("batches", None) or batches(), **run)


def option(name):
    """The call of `fit` with one option."""
    return lambda world, value: fit(world, **{name: value})


def options(world, value):
    """The call of `fit` with several."""
    return fit(world, **value)


def resumed(world, value):
    """A run of two epochs in a file, then one that goes on."""
    path = world.folder / "run.safetensors"
    fit(world, checkpoint=path, epochs=2, optimizer=("sgd", {"lr": 0.25}))
    return fit(
        world, **{"checkpoint": path, "optimizer": ("sgd", {"lr": 0.25}), "epochs": 2, **value}
    )


def from_weights(world, method):
    """Weights of `save`, taken up as if they were a run, or restored."""
    path = world.folder / "weights.safetensors"
    model = classifier(world)
    world.rnn.save(path, model)
    if method == "resume":
        fit(world, model=model, checkpoint=path, resume=True)
    else:
        world.rnn.restore(path, model)


def to_new_folder(world, makes_it):
    folder = world.folder / "new"
    if makes_it:
        folder.mkdir()
    fit(world, checkpoint=folder / "run.safetensors")


def tagged(world, options):
    model = world.rnn.Tagger(D, H, C)
    fit(world, model=model, batches=Batches(examples(per_step=True), 3, **options))


def carried(world, options):
    stream = data.streams((examples()[0].reshape(-1, D), np.arange(N * T) % C), 2, 5)
    fit(world, model=world.rnn.Tagger(D, H, C, **options), batches=stream)


def carried_by(world, kind):
    stream = data.streams((examples()[0].reshape(-1, D), np.arange(N * T) % C), 2, 5)
    fit(world, model=getattr(world.rnn, kind)(D, H, C), batches=stream)


def gone_on(world, value):
    history = fit(world)
    return fit(world, history=history, epochs=2, **value)


def regression(world, value):
    """A run on targets that are large, so that large steps run away."""
    x, _, _ = examples()
    model = world.rnn.ForecastNet(D, H, 1, rng=1)
    large = Batches((x, 100 * x[:, 0, :1]), N)
    run = {"optimizer": ("sgd", {"lr": 3.0}), "loss": "mse", "epochs": 300, **value}
    return fit(world, model=model, batches=large, **run)


def stopped(world, goes_on):
    """Ctrl-C after the first epoch; then the History that the error holds."""
    if goes_on:
        return fit(world, history=world.error.history, epochs=2)

    def press(epoch, history, model):
        raise KeyboardInterrupt

    return fit(world, callback=press, epochs=2)


def uncomparable(world, quiet):
    """A loss that holds what no file can describe."""
    generator = np.random.default_rng(0)

    def loss(prediction, y, lengths=None):
        generator.random()
        return world.rnn.losses.cross_entropy(prediction, y, lengths)

    path = world.folder / "run.safetensors"
    fit(world, loss=loss, checkpoint=path)
    with warnings.catch_warnings():
        if quiet:
            warnings.simplefilter("ignore", errors.CannotCompare)
        fit(world, loss=loss, checkpoint=path, resume=True, epochs=2)


def predicted(world, value):
    made, lengths = value
    return world.rnn.predict(classifier(world), made(), lengths)


def evaluated(world, sizes):
    x, _, _ = examples()
    model = world.rnn.Classifier(D, H, **sizes)
    return world.rnn.evaluate(model, Batches((x, np.arange(N)), 3), "cross_entropy")


def scored(world, y):
    return world.rnn.evaluate(
        classifier(world), Batches((examples()[0], y), 3), ("cross_entropy", {"ignore": -100})
    )


def ignoring(world, choice):
    y = np.array([-100, 1, 2, 0, 1, 2])
    model = classifier(world)
    return world.rnn.evaluate(model, Batches((examples()[0], y), 3), ("cross_entropy", choice))


ARGUMENT = errors.ArgumentError
KIND = errors.ArgumentTypeError
CE = "cross_entropy"
FIT = [
    Row(
        "loss",
        option("loss"),
        "crossentropy",
        CE,
        ARGUMENT,
        "argument.unknown",
        "choose one of cross_entropy",
    ),
    Row(
        "loss option",
        option("loss"),
        (CE, {"weight": 1}),
        (CE, {"per": "token"}),
        ARGUMENT,
        "argument.option",
        "its options: class_weights, ignore, label_smoothing, per",
    ),
    Row(
        "loss of no kind",
        option("loss"),
        3,
        CE,
        KIND,
        "loss",
        "loss is a name, (name, options) or a function",
    ),
    Row(
        "class weights",
        option("loss"),
        (CE, {"class_weights": [0, 0, 0]}),
        (CE, {"class_weights": [1, 1, 2]}),
        ARGUMENT,
        "loss.class_weights",
        "such as (1.0, 2.0)",
    ),
    Row(
        "optimizer",
        option("optimizer"),
        "adagrad",
        "sgd",
        ARGUMENT,
        "argument.unknown",
        "choose one of adam, adamw, sgd",
    ),
    Row(
        "lr",
        option("optimizer"),
        ("sgd", {"lr": 0}),
        ("sgd", {"lr": 0.1}),
        ARGUMENT,
        "optimizer.lr",
        'for instance ("sgd", {"lr": 0.1})',
    ),
    Row(
        "epochs", option("epochs"), 0, 1, ARGUMENT, "argument.positive", "epochs must be at least 1"
    ),
    Row("clip_norm", option("clip_norm"), 0, 1.0, ARGUMENT, "fit.clip_norm", "clip_norm=1.0"),
    Row(
        "patience",
        options,
        {"patience": 2},
        {"patience": 2, "valid": batches(rng=None)},
        ARGUMENT,
        "fit.patience",
        "pass valid=Batches(...)",
    ),
    Row(
        "keep",
        option("keep"),
        "first",
        "best",
        ARGUMENT,
        "argument.unknown",
        "choose one of best, last",
    ),
    Row(
        "callback",
        option("callback"),
        3,
        lambda epoch, history, model: None,
        KIND,
        "fit.callback",
        "a function (epoch, history, model)",
    ),
    Row(
        "resume",
        lambda world, value: fit(
            world, resume=True, **({"checkpoint": world.folder / "run.st"} if value else {})
        ),
        False,
        True,
        ARGUMENT,
        "fit.resume",
        "pass checkpoint=PATH",
    ),
    Row(
        "checkpoint",
        lambda world, name: fit(world, checkpoint=world.folder / name),
        "",
        "run.safetensors",
        ARGUMENT,
        "fit.checkpoint",
        "a path such as run.safetensors",
    ),
    Row(
        "checkpoint folder",
        to_new_folder,
        False,
        True,
        FileNotFoundError,
        None,
        "make it first, os.makedirs('",
    ),
    Row(
        "other run",
        resumed,
        {"resume": True, "clip_norm": 2.0},
        {"resume": False, "clip_norm": 2.0},
        errors.OtherRun,
        "resume.other_run",
        "or resume=False",
    ),
    Row(
        "fewer epochs",
        resumed,
        {"resume": True, "epochs": 1},
        {"resume": True, "epochs": 2},
        ARGUMENT,
        "resume.epochs",
        "give epochs=2",
    ),
    Row(
        "weights for a run",
        from_weights,
        "resume",
        "restore",
        ARGUMENT,
        "resume.no_checkpoint",
        "rnn.restore(path, model)",
    ),
    Row("device", option("device"), "gpu:7", "cpu", ARGUMENT, "fit.device", "use device='cpu'"),
    Row(
        "arrays for batches",
        lambda world, wrap: world.rnn.fit(
            classifier(world),
            Batches(examples()[:2], batch_size=32, rng=0) if wrap else examples()[:2],
            loss=CE,
            optimizer="sgd",
            epochs=1,
        ),
        False,
        True,
        KIND,
        "fit.batches",
        "Batches((x, y), batch_size=32, rng=0)",
    ),
    Row(
        "per step",
        tagged,
        {},
        {"per_step": True},
        ARGUMENT,
        "loss.unsaid_steps",
        "Batches(..., per_step=True)",
    ),
    Row(
        "history",
        option("history"),
        [1.0],
        None,
        KIND,
        "fit.history",
        "history = rnn.fit(...)",
    ),
    Row(
        "history and resume",
        lambda world, value: gone_on(world, {"checkpoint": world.folder / "run.st", **value}),
        {"resume": True},
        {"resume": False},
        ARGUMENT,
        "fit.history",
        "leave out history= or resume=",
    ),
    Row(
        "history of other batches",
        gone_on,
        {"batches": batches(batch_size=2)},
        {"batches": batches()},
        ARGUMENT,
        "fit.history",
        "the same data and batch size, or without history=",
    ),
    Row(
        "history without validation",
        gone_on,
        {"valid": batches(rng=None)},
        {},
        ARGUMENT,
        "fit.history",
        "pass valid= in all pieces of a run or in none",
    ),
    Row(
        "schedule",
        option("schedule"),
        "triangle",
        "cosine",
        ARGUMENT,
        "argument.unknown",
        "choose one of constant, cosine",
    ),
    Row(
        "schedule option",
        option("schedule"),
        ("cosine", {"every": 2}),
        ("cosine", {"warmup": 2}),
        ARGUMENT,
        "argument.option",
        "its options: end, warmup",
    ),
    Row(
        "warmup",
        option("schedule"),
        ("linear", {"warmup": -1}),
        ("linear", {"warmup": 0}),
        ARGUMENT,
        "schedule.warmup",
        '("linear", {"warmup": 100})',
    ),
    Row(
        "schedule of one's own",
        option("schedule"),
        lambda update: -1.0,
        lambda update: 0.0,
        ARGUMENT,
        "schedule.factor",
        "max(factor, 0.0)",
    ),
    Row(
        "diverged, lr",
        regression,
        {},
        {"optimizer": ("sgd", {"lr": 0.3})},
        errors.Diverged,
        "fit.diverged",
        'optimizer=("sgd", {"lr": 0.3})',
    ),
    Row(
        "diverged, clip_norm",
        regression,
        {},
        {"clip_norm": 1.0},
        errors.Diverged,
        "fit.diverged",
        "clip_norm=1.0",
    ),
    Row(
        "interrupted",
        stopped,
        False,
        True,
        errors.Interrupted,
        "fit.interrupted",
        "rnn.fit(..., history=error.history)",
    ),
    Row(
        "cannot compare",
        uncomparable,
        False,
        True,
        errors.CannotCompare,
        "resume.cannot_compare",
        "warnings.simplefilter('ignore', core.CannotCompare)",
    ),
    Row(
        "carried by a classifier",
        carried_by,
        "Classifier",
        "Tagger",
        KIND,
        "fit.carry",
        "a Tagger has one; or leave out carry=True",
    ),
    Row(
        "carried both ways",
        carried,
        {"bidirectional": True},
        {"bidirectional": False},
        ValueError,
        None,
        "bidirectional=False",
    ),
    Row(
        "lengths beside batches",
        predicted,
        (batches, [5] * N),
        (batches, None),
        ARGUMENT,
        "predict.lengths",
        "leave out lengths=",
    ),
    Row(
        "classes",
        evaluated,
        {"num_classes": 5},
        {"num_classes": 6},
        ARGUMENT,
        "argument.ids",
        "num_classes=6",
    ),
    Row(
        "class to leave out",
        ignoring,
        {},
        {"ignore": -100},
        ARGUMENT,
        "argument.ids",
        '{"ignore": -100}',
    ),
    Row(
        "classes as floats",
        scored,
        np.ones(N),
        np.ones(N).astype("int64"),
        KIND,
        "argument.ids",
        "astype('int64')",
    ),
]


# ---- models and layers


def built(kind):
    """The call that builds a model of this kind with options."""
    return lambda world, value: getattr(world.rnn, kind)(D, H, C, **value)


def answered(world, value):
    """A model asked about x of shape (2, 5, 3)."""
    shape, dtype, given = value
    x = np.zeros(shape, dtype)
    return world.rnn.Classifier(**{"input_size": D, "hidden_size": H, "num_classes": C, **given})(
        world.rnn.tensor(x)
    )


def run_layer(world, value):
    """A layer over x, from a state."""
    cell, state, *wraps = value
    layer = world.rnn.RNN(world.rnn.make_cell(cell, D, H))
    if wraps:
        layer = world.rnn.Stacked([layer])
    made = map_arrays(state, world.rnn.tensor)
    return layer(world.rnn.tensor(np.zeros((2, T, D), "float32")), made)


def map_arrays(value, call):
    if isinstance(value, (list, tuple)):
        return type(value)(map_arrays(part, call) for part in value)
    return call(value)


def first_state(shape=(2, H), dtype="float32"):
    return np.zeros(shape, dtype)


def embedded(world, size):
    model = world.rnn.Classifier(D, H, C, vocab_size=size)
    return model(world.rnn.tensor(np.array([[0, 1, 8]])))


def plain_input(world, convert):
    layer = world.rnn.RNN(world.rnn.ElmanCell(D, H))
    x = np.zeros((2, T, D), "float32")
    return layer(world.rnn.tensor(x) if convert else x)


def plain_state(world, convert):
    layer = world.rnn.RNN(world.rnn.ElmanCell(D, H))
    x = world.rnn.tensor(np.zeros((2, T, D), "float32"))
    return layer(x, world.rnn.tensor(first_state()) if convert else first_state())


def traced(world, engine):
    import torch

    model = world.rnn.Classifier(D, H, C, cell="gru", native=engine).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(model, (world.rnn.tensor(examples()[0]),), check_trace=False)


def exported(world, dynamic):
    import torch

    model = world.rnn.Classifier(D, H, C, cell="gru").eval()
    shapes = {0: torch.export.Dim("B", min=2, max=64)}
    if dynamic == "steps":
        shapes[1] = torch.export.Dim("T", min=2, max=64)
    torch.export.export(model, (world.rnn.tensor(examples()[0]),), dynamic_shapes=(shapes,))


def fused(world, layer):
    cell = world.rnn.LSTMCell(D, H, peepholes=True)
    return getattr(world.rnn, layer)(cell)


MODELS = [
    Row(
        "cell",
        built("Classifier"),
        {"cell": "gruu"},
        {"cell": "gru"},
        ARGUMENT,
        "argument.unknown",
        "choose one of elman, gru",
    ),
    Row(
        "cell option",
        built("Tagger"),
        {"cell": ("lstm", {"peephole": True})},
        {"cell": ("lstm", {"peepholes": True})},
        ARGUMENT,
        "argument.option",
        "its options: forget_bias, peepholes",
    ),
    Row(
        "cell of no kind",
        built("Tagger"),
        {"cell": 3},
        {"cell": ("gru", {})},
        KIND,
        "argument.spec",
        "cell is a name or a pair (name, options)",
    ),
    Row(
        "native",
        built("Classifier"),
        {"cell": "mingru", "native": True},
        {"cell": "mingru"},
        ValueError,
        None,
        "leave native= out",
    ),
    Row(
        "engine",
        built("Classifier"),
        {"native": "cudnn"},
        {"native": "loop"},
        ValueError,
        None,
        "None, True, False or an engine's name",
    ),
    Row(
        "fused tcn",
        built("Tagger"),
        {"cell": "tcn", "native": "fused"},
        {"cell": "tcn"},
        ValueError,
        None,
        "leave native= out",
    ),
    Row(
        "layers of a tcn",
        built("Tagger"),
        {"cell": "tcn", "num_layers": 2},
        {"cell": ("tcn", {"num_layers": 2})},
        ValueError,
        None,
        'cell=("tcn", {"num_layers": 2})',
    ),
    Row(
        "pool",
        built("Classifier"),
        {"pool": "sum"},
        {"pool": "mean"},
        ARGUMENT,
        "argument.unknown",
        "choose one of last, mean, max",
    ),
    Row(
        "head",
        built("ForecastNet"),
        {"head": "normal"},
        {"head": "gaussian"},
        ARGUMENT,
        "argument.unknown",
        "choose one of gaussian, point",
    ),
    Row(
        "dtype",
        built("Classifier"),
        {"dtype": "float16"},
        {"dtype": "float32"},
        ARGUMENT,
        "argument.unknown",
        "choose one of float32, float64",
    ),
    Row(
        "rng",
        built("Classifier"),
        {"rng": "one"},
        {"rng": 1},
        TypeError,
        None,
        "give rng=0",
    ),
    Row(
        "layer for a cell",
        lambda world, kind: world.rnn.make_cell(kind, D, H),
        "tcn",
        "gru",
        ValueError,
        None,
        "choose one of elman, gru",
    ),
    Row("fused peepholes", fused, "FusedRNN", "RNN", ValueError, None, "use rnn.RNN(cell)"),
    Row(
        "rank of x",
        answered,
        ((2, D), "float32", {}),
        ((2, T, D), "float32", {}),
        ARGUMENT,
        "argument.shape",
        "x must have shape (B, T, D)",
    ),
    Row(
        "features of x",
        answered,
        ((2, T, 7), "float32", {}),
        ((2, T, 7), "float32", {"input_size": 7}),
        ValueError,
        None,
        "build it with input_size=7",
    ),
    Row(
        "dtype of x",
        answered,
        ((2, T, D), "float64", {}),
        ((2, T, D), "float64", {"dtype": "float64"}),
        TypeError,
        None,
        "dtype='float64'",
    ),
    Row("ids", embedded, 8, 9, ARGUMENT, "argument.ids", "vocab_size=9"),
    Row("array for x", plain_input, False, True, TypeError, None, "rnn.tensor(x)", "pt"),
    Row("array for state", plain_state, False, True, TypeError, None, "rnn.tensor(array)", "pt"),
    Row(
        "form of a state",
        run_layer,
        ("lstm", first_state()),
        ("lstm", (first_state(), first_state())),
        TypeError,
        None,
        "cell.initial_state(x) makes one",
    ),
    Row(
        "shape of a state",
        run_layer,
        ("gru", first_state((3, H))),
        ("gru", first_state((2, H))),
        ValueError,
        None,
        "state must have shape (2, 4)",
    ),
    Row(
        "state of a stack",
        run_layer,
        ("gru", first_state(), "stack"),
        ("gru", [first_state()], "stack"),
        TypeError,
        None,
        "[state, ...]",
    ),
    Row("traced", traced, "loop", None, errors.ExportError, "export", "native=None", "pt"),
    Row(
        "free steps",
        exported,
        "steps",
        "batch",
        errors.ExportError,
        "export",
        "dynamic_shapes={'x': {0: Dim('B')}, ...}",
        "pt",
    ),
]


# ---- weights and files


def restored(world, value):
    """Weights of an LSTM with peepholes, restored into another model."""
    path = world.folder / "weights.safetensors"
    world.rnn.save(path, classifier(world, cell=("lstm", {"peepholes": True})))
    world.rnn.restore(path, classifier(world, cell=("lstm", value)))


def saved(world, place):
    folder = world.folder / "models"
    if place == "made":
        folder.mkdir()
    world.rnn.save(folder / "weights.safetensors", classifier(world))


def saved_as(world, name):
    world.rnn.save(world.folder / name, classifier(world))


def damaged(world, method):
    """A file cut short, and the same written anew."""
    path = world.folder / "weights.safetensors"
    model = classifier(world)
    world.rnn.save(path, model)
    if method == "cut":
        path.write_bytes(path.read_bytes()[:40])
    if method == "foreign":
        path.write_text("epoch,loss\n0,1.25\n")
    if method == "absent":
        path.unlink()
    world.rnn.restore(path, model)


FILES = [
    Row(
        "other option",
        restored,
        {},
        {"peepholes": True},
        ValueError,
        None,
        "with peepholes=True",
    ),
    Row(
        "no folder",
        saved,
        "absent",
        "made",
        errors.FileError,
        "file.no_folder",
        "make it first, os.makedirs('",
    ),
    Row(
        "a folder",
        saved_as,
        "",
        "weights.safetensors",
        errors.FileError,
        "file.not_plain",
        "give another path, os.path.join('",
    ),
    Row("cut short", damaged, "cut", "whole", ValueError, None, "save(path, ...)"),
    Row("foreign", damaged, "foreign", "whole", ValueError, None, "save(path, ...)"),
    Row("absent", damaged, "absent", "whole", FileNotFoundError, None, "save(path, ...)"),
]

NETWORKS = FIT + MODELS + FILES


# ---- batches


def batched(world, value):
    arrays, given = value
    return Batches(arrays, 3, **given)


def stepwise(world, value):
    return Batches(examples(per_step=True)[:2], **{"batch_size": 4, **value})


def padded(world, value):
    return data.pad(*value)


DATA = [
    Row(
        "bucket",
        batched,
        (examples()[:2], {"bucket": True}),
        (examples(), {"bucket": True}),
        ARGUMENT,
        "batches.bucket",
        "Batches((x, y, lengths), ...)",
    ),
    Row(
        "carry in any order",
        stepwise,
        {"batch_size": 3, "carry": True, "rng": 0},
        {"batch_size": 3, "carry": True},
        ARGUMENT,
        "batches.carry",
        "leave out rng= and bucket=",
    ),
    Row(
        "carry of part of a batch",
        lambda world, cut: (
            data.streams((examples()[0].reshape(-1, D), np.arange(N * T)), 4, T)
            if cut
            else stepwise(world, {"carry": True})
        ),
        False,
        True,
        ARGUMENT,
        "batches.carry",
        "data.streams",
    ),
    Row(
        "examples of x and y",
        batched,
        ((examples()[0], np.zeros(4)), {}),
        ((examples()[0][:4], np.zeros(4)), {}),
        ARGUMENT,
        "batches.rows",
        "one row of y for each row of x",
    ),
    Row(
        "steps of y",
        batched,
        (examples()[:2], {"per_step": True}),
        (examples()[:2], {}),
        ARGUMENT,
        "batches.per_step",
        "or leave per_step= out",
    ),
    Row(
        "fields",
        batched,
        ([examples()[0]], {}),
        ({"x": examples()[0]}, {}),
        KIND,
        "batches.fields",
        "(x, y), (x, y, lengths) or a dict of named fields",
    ),
    Row(
        "lengths of no field",
        batched,
        ({"source": examples()[0], "lengths": examples()[2]}, {}),
        ({"source": examples()[0], "source_lengths": examples()[2]}, {}),
        ARGUMENT,
        "batches.fields",
        "FIELD_lengths",
    ),
    Row(
        "not a number",
        lambda world, x: Batches((x, np.zeros(2)), 2),
        np.array([[1.0, np.nan], [2.0, 3.0]]),
        np.array([[1.0, 0.0], [2.0, 3.0]]),
        ARGUMENT,
        "argument.finite",
        "fill or drop them, np.isfinite",
    ),
    Row(
        "rows of different lengths",
        lambda world, pads: Batches(
            (data.pad([[1, 2], [3]])[0] if pads else [[1, 2], [3]], np.zeros(2)), 2
        ),
        False,
        True,
        ARGUMENT,
        "argument.ragged",
        "data.pad",
    ),
    Row(
        "padding",
        padded,
        ([[1, 2], [3]], 0.5),
        ([[1.0, 2.0], [3.0]], 0.5),
        ValueError,
        None,
        "does not fit the sequences' dtype int64",
    ),
    Row(
        "empty sequence",
        padded,
        ([[1, 2], []],),
        ([[1, 2]],),
        ValueError,
        None,
        "[s for s in sequences if len(s)]",
    ),
    Row(
        "mask",
        lambda world, steps: data.mask([2, 4], steps),
        3,
        4,
        ARGUMENT,
        "argument.lengths",
        "pad them to T = 4",
    ),
    Row(
        "short stream",
        lambda world, steps: data.streams(np.arange(21), 4, steps),
        6,
        5,
        ARGUMENT,
        "streams.short",
        "a smaller steps= or batch_size=",
    ),
]


# ---- weights of other libraries, data sets


def two_layers():
    """Arrays of nn.LSTM with two layers, and ours of such a stack."""
    rng = np.random.default_rng(0)
    arrays = {}
    for k, size in enumerate((D, H)):
        arrays[f"weight_ih_l{k}"] = rng.normal(size=(4 * H, size))
        arrays[f"weight_hh_l{k}"] = rng.normal(size=(4 * H, H))
        arrays[f"bias_ih_l{k}"] = rng.normal(size=4 * H)
        arrays[f"bias_hh_l{k}"] = rng.normal(size=4 * H)
    return arrays


def without_network(world, place):
    """A data set of which neither the machine nor the network has a copy."""
    data_server.register(world.monkeypatch, None)
    world.monkeypatch.setenv("RNNLIB_CACHE", str(world.folder / "cache"))
    world.monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    world.monkeypatch.delenv("RNNLIB_DATA", raising=False)
    if place == "folder":
        file = world.folder / "data" / "toy" / "toy.txt"
        file.parent.mkdir(parents=True)
        file.write_bytes(data_server.TEXT)
        world.monkeypatch.setenv("RNNLIB_DATA", str(world.folder / "data"))
    return data.load("toy")


SETS = [
    Row(
        "layers of another library",
        lambda world, given: from_torch("lstm", two_layers(), **given),
        {"num_layers": 1},
        {},
        ValueError,
        None,
        "leave num_layers= out",
    ),
    Row(
        "data set",
        lambda world, name: data.describe(name),
        "tiny_shakespeare",
        "tinyshakespeare",
        ValueError,
        None,
        "did you mean 'tinyshakespeare'?",
    ),
    Row(
        "data set out of reach",
        without_network,
        "nowhere",
        "folder",
        data.DatasetUnavailable,
        None,
        "set RNNLIB_DATA to a folder that holds toy/toy.txt",
    ),
    Row(
        "delay",
        lambda world, delay: data.synthetic.delayed_xor(4, 5, delay=delay),
        5,
        4,
        ValueError,
        None,
        "give delay=4 at most",
    ),
]


# ---- texts

TEXTS = ["good film", "bad film", "a good book", "a bad book"]
LABELS = [1, 0, 1, 0]


def counts(**given):
    return text.WordCounts(**{"min_count": 1, "valid_share": 0.5, **given})


def counted(world, value):
    texts, labels = value
    return counts().fit(texts, labels)


def counted_by(world, given):
    return counts(**given)


def answered_by_counts(world, fits):
    model = counts()
    if fits:
        model.fit(TEXTS, LABELS)
    return model.predict(TEXTS)


def chained(kind):
    """The call that asks a model of ids before or after `fit`."""

    def call(world, fits):
        model = kind()
        if fits:
            model.fit(np.array([0, 1, 0, 1, 2, 0, 1]))
        return model.cross_entropy(np.array([0, 1, 2]))

    return call


def encoded(world, given):
    return text.Vocabulary(["a", "b"], **given).encode(["a", "c"])


def classified(world, value):
    given, valid = value
    small = {"embedding_size": 2, "hidden_size": 2, "epochs": 1, "min_count": 1}
    model = text.TextClassifier(world.rnn, **{**small, **given})
    return model.fit(TEXTS, LABELS, valid)


def classified_and_asked(world, fits):
    model = text.TextClassifier(world.rnn, 2, 2, epochs=1, min_count=1)
    if fits:
        model.fit(TEXTS, LABELS)
    return model.predict(TEXTS)


NOT_FITTED = errors.NotFittedError
TEXT = [
    Row(
        "counts not fitted",
        answered_by_counts,
        False,
        True,
        NOT_FITTED,
        "estimator.not_fitted",
        "call fit(texts, labels)",
    ),
    Row(
        "n-gram not fitted",
        chained(lambda: text.NGram(2, 3)),
        False,
        True,
        NOT_FITTED,
        "estimator.not_fitted",
        "call fit(train) first",
    ),
    Row(
        "chain not fitted",
        chained(lambda: text.MarkovChain(3)),
        False,
        True,
        NOT_FITTED,
        "estimator.not_fitted",
        "call fit(train) first",
    ),
    Row(
        "one class",
        counted,
        (TEXTS, [1, 1, 1, 1]),
        (TEXTS, LABELS),
        ValueError,
        None,
        "needs two classes",
    ),
    Row(
        "labels of another length",
        counted,
        (TEXTS, LABELS[:3]),
        (TEXTS[:4], LABELS),
        ValueError,
        None,
        "one label for each text",
    ),
    Row(
        "no texts",
        lambda world, texts: text.Encoder(texts),
        [],
        TEXTS,
        ValueError,
        None,
        "give at least one, ['a text']",
    ),
    Row(
        "one text",
        lambda world, texts: text.Encoder(texts),
        "good film",
        ["good film", "good book"],
        TypeError,
        None,
        "give [text]",
    ),
    Row(
        "missing label",
        counted,
        (TEXTS, [1, 0, None, 0]),
        (TEXTS, LABELS),
        KIND,
        "argument.labels",
        "none missing (of scores take the argmax)",
    ),
    Row(
        "tokenizer",
        lambda world, name: text.tokenize("good film", name),
        "word",
        "words",
        ARGUMENT,
        "argument.unknown",
        "choose one of characters, words",
    ),
    Row(
        "strings of a tokenizer",
        lambda world, places: text.tokenize(
            "good film",
            lambda whole: text.align_tokens(whole.split(), whole) if places else whole.split(),
        ),
        False,
        True,
        TypeError,
        None,
        "text.align_tokens(strings, text)",
    ),
    Row(
        "kind of counts",
        counted_by,
        {"kind": "svm"},
        {"kind": "bayes"},
        ARGUMENT,
        "argument.unknown",
        "choose one of logistic, bayes",
    ),
    Row(
        "share held out",
        counted_by,
        {"valid_share": 1},
        {"valid_share": 0.5},
        ARGUMENT,
        "text.valid_share",
        "for instance valid_share=0.2",
    ),
    Row(
        "word out of the vocabulary",
        encoded,
        {"unk": None},
        {"unk": None, "unknown": "skip"},
        ValueError,
        None,
        'unknown="skip"',
    ),
    Row(
        "entry for unknown words",
        encoded,
        {"unk": None, "unknown": "unk"},
        {"unk": "<unk>", "unknown": "unk"},
        ValueError,
        None,
        'unk="<unk>"',
    ),
    Row(
        "special entries",
        encoded,
        {"special": "<s>"},
        {"special": ("<s>",)},
        TypeError,
        None,
        "special=('<s>',)",
    ),
    Row(
        "ids of an n-gram",
        lambda world, size: text.NGram(2, size).fit(np.array([0, 1, 2, 3])),
        3,
        4,
        ValueError,
        None,
        "give vocab_size=4",
    ),
]
CLASSIFIERS = [
    Row(
        "classifier not fitted",
        classified_and_asked,
        False,
        True,
        NOT_FITTED,
        "estimator.not_fitted",
        "call fit(texts, labels)",
    ),
    Row(
        "patience of a classifier",
        classified,
        ({"patience": 2}, None),
        ({"patience": 2}, (TEXTS, LABELS)),
        ValueError,
        None,
        "fit(..., valid=(texts, labels))",
    ),
    Row(
        "rate of a classifier",
        classified,
        ({"lr": -1}, None),
        ({"lr": 0.001}, None),
        ARGUMENT,
        "optimizer.lr",
        "for instance lr=0.001",
    ),
    Row(
        "rate said twice",
        classified,
        ({"optimizer": ("adam", {"lr": 0.1})}, None),
        ({"optimizer": ("adam", {})}, None),
        ValueError,
        None,
        "optimizer=('adam', {})",
    ),
    Row(
        "classifier resumed",
        lambda world, value: classified(
            world,
            ({"resume": True, **({"checkpoint": world.folder / "run"} if value else {})}, None),
        ),
        False,
        True,
        ValueError,
        None,
        "give checkpoint=PATH",
    ),
    Row(
        "pair to validate on",
        classified,
        ({}, TEXTS),
        ({}, (TEXTS, LABELS)),
        TypeError,
        None,
        "valid is a pair (texts, labels)",
    ),
]


# ---- forecasting


def series(steps=60, freq="D"):
    """One series of `steps` days with a holiday column."""
    ds = pd.date_range("2024-01-01", periods=steps, freq=freq)
    t = np.arange(steps)
    y = np.sin(2 * np.pi * t / 7) + 0.01 * t
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": y, "holiday": (t % 9 == 0) * 1.0})


def gap():
    return series().drop(index=30).reset_index(drop=True)


def hole():
    table = series()
    table.loc[30, "y"] = np.nan
    return table


def naive(world, value):
    """A seasonal naive forecaster fitted on a table."""
    return forecasting.SeasonalNaive(m=7).fit(value())


def forecast(world, value):
    """A forecaster on windows: how it is built, fitted and asked."""
    given, asked = value
    model = forecasting.Ridge(**{"n_in": 7, "horizon": 2, "levels": (0.5,), **given})
    return model.fit(series()).predict(**asked)


def coming(steps=2):
    ds = pd.date_range("2024-03-01", periods=steps, freq="D")
    return pd.DataFrame({"unique_id": "a", "ds": ds, "holiday": 0.0})


def unfitted(world, fits):
    model = forecasting.SeasonalNaive(m=7)
    if fits:
        model.fit(series())
    return model.predict(3)


def standardized(world, fits):
    scaler = forecasting.Standardizer()
    x = np.arange(12.0).reshape(6, 2)
    if fits:
        scaler.fit(x)
    return scaler.transform(x)


def column(world, value):
    return forecasting.table(series().rename(columns={"y": "sales"}), **value)


def tested(world, given):
    return forecasting.backtest(
        forecasting.SeasonalNaive(m=7), series(), 3, **{"origins": 4, **given}
    )


def known_ahead(world, given):
    table = series().assign(tomorrow=lambda t: 2 * t["y"] + 1)
    return forecasting.Ridge(7, 2, levels=(0.5,), **given).fit(table)


SERIES = [
    Row(
        "forecaster not fitted",
        unfitted,
        False,
        True,
        NOT_FITTED,
        "estimator.not_fitted",
        "call fit(table) first",
    ),
    Row(
        "scaler not fitted",
        standardized,
        False,
        True,
        NOT_FITTED,
        "estimator.not_fitted",
        "call fit(train) first",
    ),
    Row(
        "gap",
        naive,
        gap,
        lambda: forecasting.regularize(gap(), freq="D", fill="last"),
        ValueError,
        None,
        "forecasting.regularize(table, freq=...)",
    ),
    Row(
        "missing number",
        lambda world, value: forecasting.ETS(m=7).fit(value()),
        hole,
        lambda: forecasting.regularize(hole(), "D", fill="last"),
        ValueError,
        None,
        "forecasting.regularize(table, freq, fill='last')",
    ),
    Row(
        "fill",
        lambda world, fill: forecasting.regularize(hole(), "D", fill=fill),
        "mean",
        "linear",
        ValueError,
        None,
        "choose None, 'last', 'linear' or a number",
    ),
    Row(
        "freq",
        lambda world, freq: forecasting.regularize(gap(), freq),
        1,
        "D",
        ValueError,
        None,
        "'h', 'D', 'W-SAT', 'MS'",
    ),
    Row(
        "order of time",
        naive,
        lambda: series().iloc[::-1],
        lambda: forecasting.table(series().iloc[::-1]),
        ValueError,
        None,
        "forecasting.table sorts",
    ),
    Row(
        "dates as text",
        naive,
        lambda: series().assign(ds=lambda t: t["ds"].astype(str)),
        lambda: forecasting.table(series().assign(ds=lambda t: t["ds"].astype(str))),
        TypeError,
        None,
        "use forecasting.table",
    ),
    Row(
        "array for a table",
        naive,
        lambda: series()["y"],
        lambda: forecasting.table(series().set_index("ds")["y"]),
        TypeError,
        None,
        "forecasting.table makes one",
    ),
    Row(
        "horizon",
        forecast,
        ({}, {"horizon": 3}),
        ({"horizon": 3}, {"horizon": 3}),
        ValueError,
        None,
        "build it with horizon=3",
    ),
    Row(
        "coming values",
        forecast,
        ({"known": ("holiday",)}, {"horizon": 2}),
        ({"known": ("holiday",)}, {"horizon": 2, "known": coming()}),
        ValueError,
        None,
        "predict(horizon, known=table of coming values)",
    ),
    Row(
        "column of coming values",
        forecast,
        ({"known": ("holiday",)}, {"horizon": 2, "known": coming().drop(columns="holiday")}),
        ({"known": ("holiday",)}, {"horizon": 2, "known": coming()}),
        ValueError,
        None,
        "must have all of known=('holiday',)",
    ),
    Row(
        "columns as one name",
        forecast,
        ({"past": "holiday"}, {"horizon": 2}),
        ({"past": ("holiday",)}, {"horizon": 2}),
        TypeError,
        None,
        "past=('holiday',)",
    ),
    Row("column", column, {}, {"y": "sales"}, ValueError, None, "table(data, y=NAME)"),
    Row(
        "levels",
        forecast,
        ({"levels": (0.9, 0.1)}, {"horizon": 1}),
        ({"levels": (0.05, 0.5, 0.95)}, {"horizon": 1}),
        ValueError,
        None,
        "such as (0.05, 0.5, 0.95)",
    ),
    Row(
        "penalties",
        forecast,
        ({"alphas": ()}, {"horizon": 1}),
        ({"alphas": (1.0,)}, {"horizon": 1}),
        ValueError,
        None,
        "such as alphas=(1.0,)",
    ),
    Row(
        "recursive",
        forecast,
        ({"strategy": "recursive", "past": ("holiday",)}, {"horizon": 2}),
        ({"strategy": "direct", "past": ("holiday",)}, {"horizon": 2}),
        ValueError,
        None,
        "use strategy='direct'",
    ),
    Row(
        "short series",
        forecast,
        ({"n_in": 59}, {"horizon": 2}),
        ({"n_in": 7}, {"horizon": 2}),
        ValueError,
        None,
        "a smaller n_in=",
    ),
    Row(
        "long season",
        lambda world, m: forecasting.SeasonalNaive(m=m).fit(series()),
        60,
        7,
        ValueError,
        None,
        "m=59 at most",
    ),
    Row(
        "target known ahead",
        known_ahead,
        {"known": ("tomorrow",)},
        {"past": ("tomorrow",)},
        forecasting.Leak,
        None,
        "list it in past=('tomorrow',)",
    ),
    Row(
        "parts that overlap",
        lambda world, parts: forecasting.check_parts(*parts),
        ([0, 1, 4], [2, 3]),
        forecasting.split(np.arange(5), (0.6, 0.4)),
        forecasting.Leak,
        None,
        "forecasting.split",
    ),
    Row(
        "how to split",
        lambda world, given: forecasting.split(series(), **given),
        {},
        {"fractions": (0.7, 0.15, 0.15)},
        ValueError,
        None,
        "fractions=(0.7, 0.15, 0.15)",
    ),
    Row(
        "many origins",
        tested,
        {"origins": 58},
        {"origins": 8},
        ValueError,
        None,
        "fewer origins=, a smaller step= or a shorter horizon",
    ),
    Row(
        "calendar of numbers",
        lambda world, numbers: forecasting.Ridge(7, 2, levels=(0.5,), calendar=("month",)).fit(
            series().assign(ds=np.arange(60)) if numbers else series()
        ),
        True,
        False,
        ValueError,
        None,
        "pd.to_datetime(ds)",
    ),
]
NETWORK_SERIES = [
    Row(
        "framework",
        lambda world, rnn: forecasting.RNNForecaster(rnn, 7, 2),
        "pt",
        "torch",
        TypeError,
        None,
        "give rnn='torch'",
    ),
    Row(
        "quantile head",
        lambda world, levels: forecasting.RNNForecaster(
            "torch", 7, 2, head="quantile", levels=levels
        ),
        (0.1, 0.9),
        (0.05, 0.5, 0.95),
        ValueError,
        None,
        "levels=(0.05, 0.5, 0.95)",
    ),
]


# ---- metrics, sound, sources

Y = np.array([1.0, 2.0, 3.0, 4.0])


def scaled(world, value):
    return metrics.mase(Y, Y + 1, **{"train": np.array([1.0, 2.0, 4.0, 5.0]), "m": 1, **value})


SCORES = [
    Row(
        "shapes",
        lambda world, prediction: metrics.mae(Y, prediction),
        Y[:, None],
        Y[:, None].reshape(Y.shape),
        ARGUMENT,
        "metrics.shape",
        "give prediction.reshape(y.shape)",
    ),
    Row(
        "NaN",
        lambda world, prediction: metrics.rmse(Y, prediction),
        np.array([1.0, np.nan, 3.0, 4.0]),
        np.array([1.0, 2.0, 3.0, 4.0]),
        ARGUMENT,
        "argument.finite",
        "fill or drop them, np.isfinite",
    ),
    Row("season", scaled, {"m": -1}, {"m": 1}, ARGUMENT, "argument.positive", "m must be at least"),
    Row("training part", scaled, {"m": 4}, {"m": 3}, ValueError, None, "a season of m=4"),
    Row(
        "probabilities",
        lambda world, p: metrics.brier([0, 1], p),
        [[2.0, 1.0], [0.0, 1.0]],
        [[0.75, 0.25], [0.25, 0.75]],
        ValueError,
        None,
        "scipy.special.softmax(logits, axis=1)",
    ),
    Row(
        "kinds of labels",
        lambda world, prediction: metrics.accuracy(["a", "b"], prediction),
        [0, 1],
        ["a", "a"],
        TypeError,
        None,
        "classes[number] is the label",
    ),
    Row(
        "right answers",
        lambda world, right: metrics.mcnemar(right, np.array([True, False])),
        np.array([0, 1]),
        np.array([0, 1]) == np.array([0, 0]),
        TypeError,
        None,
        "compare with the labels first, prediction == y",
    ),
    Row(
        "filters",
        lambda world, n_mels: speech.log_mel(speech.tone(440), 8000, n_mels=n_mels),
        120,
        20,
        ValueError,
        None,
        "fewer n_mels=",
    ),
    Row(
        "window",
        lambda world, window: speech.log_mel(speech.tone(440, 0.02), 8000, 10, window_ms=window),
        25,
        16,
        ValueError,
        None,
        "np.pad(signal, (0, 40))",
    ),
    Row(
        "source",
        lambda world, module: display.source(module, "step"),
        "elman",
        "rnnlib.ref.cells.elman",
        ValueError,
        None,
        "'rnnlib.ref.cells.elman'",
    ),
    Row(
        "twins",
        lambda world, alone: (
            display.source("rnnlib.forecasting.linear", "Ridge")
            if alone
            else display.twins("Ridge")
        ),
        False,
        True,
        ValueError,
        None,
        "source(module, 'Ridge')",
    ),
    Row(
        "central differences",
        lambda world, dtype: ref.gradcheck.central_differences(
            lambda: 0.0, {"W": np.zeros(2, dtype)}
        ),
        "float32",
        "float64",
        TypeError,
        None,
        "W.astype('float64')",
    ),
]

NEUTRAL = DATA + SETS + TEXT + SERIES + NETWORK_SERIES + SCORES
NETWORKS += CLASSIFIERS
BY_DATA = {  # rows whose remedy is other data, which no code can name
    "one class",
    "labels of another length",
    "examples of x and y",
}


def in_code(words: str) -> bool:
    """Does a remedy name what to write: an option, a call, a value, a list of names?"""
    return bool(CODE.search(words))
