"""The tasks of the study `choosing`: their examples, how an answer is scored, and what to score without a network.

Made tasks give fresh examples for each update.  The three real sets are fixed: a seed changes weights and order, not the data.  They
come through `rnnlib.datasets`, or from a file that `prepare` wrote where those packages and downloads are there.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from rnnlib import baselines, metrics, series, tasks
from rnnlib.batch import Batches
from rnnlib.text import Vocabulary, windows

HELD_OUT = 2000  # examples of a made task in each part that is measured on
PARTS = {"train": 0, "valid": 1, "test": 2, "long": 3}
CELLS = ("elman", "lstm", "gru", "sru", "mingru", "minlstm", "tcn")
LENGTH, SYMBOLS, KINDS = 4, 4, 2  # of the delayed copy; kinds of brackets


class Task(NamedTuple):
    """What is the same for all cells."""

    model: str  # the class in rnnlib.pt and rnnlib.tf
    input_size: int
    outputs: int
    steps: int  # T of training; made tasks are measured at 2T too
    weights: int  # at most so many numbers to train
    updates: int  # in all
    metric: str
    higher_is_better: bool
    loss: str = "cross_entropy"
    batch: int = 64
    epochs: int = 1  # more than one: the weights of the best epoch on the validation part are kept
    vocab_size: int | None = None
    layers: int = 2  # of the recurrent models
    cells: tuple = CELLS


TASKS = {
    "adding": Task("Forecaster", 2, 1, 40, 5000, 600, "mean squared error", False, loss="mse"),
    "copy": Task("Tagger", 6, SYMBOLS + 1, 20, 5000, 600, "symbols right", True, vocab_size=SYMBOLS + 2),
    "brackets": Task("Tagger", 4, KINDS + 1, 30, 5000, 600, "brackets right", True, vocab_size=2 * KINDS),
    "parity": Task("Tagger", 1, 2, 20, 5000, 600, "bits right", True),
    "sunspots": Task("Forecaster", 1, 1, 30, 1000, 240, "RMSE in sunspots", False, loss="mse", epochs=80),
    "text": Task("Tagger", 12, 96, 32, 10000, 1200, "bits per character", False, batch=32, vocab_size=96),
    "ecg": Task("Classifier", 1, 2, 48, 2000, 240, "beats right", True, batch=35, epochs=120),
}
SEVEN = tuple(TASKS)
MADE = ("adding", "copy", "brackets", "parity")
UNSOLVED = {"copy": ("lstm", "sru", "mingru", "minlstm"), "parity": ("sru", "mingru", "minlstm", "tcn")}
for name, cells in UNSOLVED.items():  # would patience have helped?
    TASKS[f"{name}, 4 x updates"] = TASKS[name]._replace(updates=4 * TASKS[name].updates, cells=cells)
TASKS["copy, one layer"] = TASKS["copy"]._replace(layers=1, cells=CELLS[:-1])


def made(name):
    """Is it a task without data of the world?"""
    return name.split(",")[0] in MADE


def examples(name, part, seed=0, real=None):
    """x, y and what of y counts: a mask of the shape of y, or None for all.  `seed` matters to the training part of made tasks."""
    task = TASKS[name]
    if not made(name):
        return *real[name][part], None
    name = name.split(",")[0]
    n = task.updates * task.batch if part == "train" else HELD_OUT
    rng = [PARTS[part], seed if part == "train" else 0]
    T = task.steps * (2 if part == "long" else 1)
    new = np.arange(T) >= T // 2  # the second half: at 2T the steps that no training example had
    if name == "adding":
        return *tasks.adding(n, T, rng), None
    if name == "copy":
        x, y = tasks.delayed_copy(n, T - 2 * LENGTH, LENGTH, SYMBOLS, rng)
        return x, y, y > 0
    if name == "brackets":
        x, y = tasks.brackets(n, T, KINDS, rng=rng)
        return (
            x,
            y,
            (x >= KINDS) & (y > 0) & new,
        )  # closed one, and another is open: the answer stands further back
    x, y = tasks.parity(n, T, rng)
    return x, y, np.broadcast_to(new, y.shape)


def batches(name, seed=0, real=None, updates=None):
    """The training part as Batches; of a made task the first `updates` batches."""
    task, (x, y, _) = TASKS[name], examples(name, "train", seed, real)
    if made(name):
        n = (updates or task.updates) * task.batch
        return Batches((x[:n], y[:n]), task.batch)
    return Batches((x, y), task.batch, rng=seed)


def score(name, answers, y, counted, real=None):
    """The task's metric for answers (numbers, or logits along the last axis); and each answer, where a seed's spread is not all."""
    if name == "adding":
        return {"score": float(np.mean((answers - y) ** 2))}
    if name == "sunspots":
        errors = ((answers - y) * real["sunspots"]["scale"]).ravel()
        return {"score": float(np.sqrt(np.mean(errors**2))), "errors": [round(float(e), 2) for e in errors]}
    if name == "text":
        logits = answers.astype("float64") - answers.max(axis=-1, keepdims=True)
        nats = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(logits, y[..., None], -1)[..., 0]
        return {"score": metrics.bits_per_character(nats.sum(), nats.size)}
    right = answers.argmax(axis=-1) == y
    found = {"score": float(np.mean(right if counted is None else right[counted]))}
    return found | ({"right": "".join("01"[int(r)] for r in right)} if name == "ecg" else {})


def baseline(name):
    """What a made task gives to a model that has understood nothing but the frequencies of the answers."""
    return {"adding": 1 / 6, "copy": 1 / SYMBOLS, "brackets": 1 / KINDS, "parity": 1 / 2}[name]


def window_score(span, part="test"):
    """Brackets right of the best rule that sees the last `span` symbols: it knows what it has seen opened, else it guesses."""
    x, y, counted = examples("brackets", part)
    depth = np.cumsum(np.where(x < KINDS, 1, -1), axis=1)
    known = np.zeros_like(counted)
    for t in range(x.shape[1]):  # was the bracket that is innermost after step t opened at step t - back?
        for back in range(1, min(span, t + 1)):
            opened = (depth[:, t - back] == depth[:, t]) & (x[:, t - back] < KINDS)
            still = (depth[:, t - back : t + 1] >= depth[:, [t]]).all(axis=1)
            known[:, t] |= opened & still
    return float(np.mean(np.where(known, 1, 1 / KINDS)[counted]))


# ---- the real sets


@lru_cache(maxsize=1)
def load(path=None):
    """The real sets as {task: {part: (x, y)}}, and a dict "reference" of rivals without a network; `path`: of that file."""
    arrays = prepare() if path is None else dict(np.load(path))
    real = {name: {} for name in ("sunspots", "text", "ecg", "reference")}
    for key, value in arrays.items():
        name, part, *which = key.split("/")
        if which:
            real[name].setdefault(part, {})[which[0]] = value
        else:
            real[name][part] = float(value)
    for name in ("sunspots", "text", "ecg"):
        real[name] |= {p: (v["x"], v["y"]) for p, v in real[name].items() if isinstance(v, dict)}
    return real


def prepare(names=("sunspots", "text", "ecg")):
    """The arrays of the real sets, {"task/part/x": array}, with the scores of their rivals, {"reference/rival of task": number}."""
    return {key: value for name in names for key, value in globals()[f"_{name}"]().items()}


def _named(name, parts):
    return {
        f"{name}/{part}/{which}": a
        for part, pair in parts.items()
        for which, a in zip("xy", pair, strict=True)
    }


def _sunspots():
    """Windows of 30 years and the year after, standardised on the training years: 1700-1920, 1921-1955, 1956-2008."""
    from rnnlib import datasets

    spots = datasets.load("sunspots")
    pieces = dict(zip(("train", "valid", "test"), series.split(spots, at=(1921, 1956)), strict=True))
    scaler, past, parts = series.Standardizer().fit(pieces["train"]), None, {}
    for part, piece in pieces.items():
        z = scaler.transform(piece)
        found = series.windows(z, TASKS["sunspots"].steps, history=past)
        past = z if past is None else np.concatenate([past, z])
        parts[part] = found.x.astype("float32"), found.y.astype("float32")

    def rmse(forecasts, part):
        return metrics.rmse(pieces[part], forecasts)

    before = {"valid": pieces["train"], "test": np.concatenate([pieces["train"], pieces["valid"]])}
    models = [baselines.AutoRegression(p).fit(pieces["train"]) for p in range(1, 13)]
    ar = min(models, key=lambda model: rmse(model.predict(before["valid"], pieces["valid"]), "valid"))
    forecasts = ar.predict(before["test"], pieces["test"])
    return _named("sunspots", parts) | {
        "sunspots/scale": float(scaler.scale_[0]),
        "sunspots/test/ar_errors": np.asarray(forecasts - pieces["test"]),
        "reference/last year again of sunspots": rmse(
            baselines.persistence(before["test"], pieces["test"]), "test"
        ),
        f"reference/AR({ar.p}) of sunspots": rmse(forecasts, "test"),
    }


def _text():
    """Characters of docstrings: trained on statsmodels, chosen on scikit-learn, tested on NumPy; windows of 32."""
    from rnnlib import datasets

    task, documents, ids = TASKS["text"], datasets.load("docstrings"), {}
    sizes = {"train": task.updates * task.batch * task.steps, "valid": 40_000, "test": 60_000}
    vocabulary = None
    for part, package in zip(sizes, ("statsmodels", "scikit-learn", "numpy"), strict=True):
        found = [d["text"] for d in documents if d["package"] == package]
        order = np.random.default_rng(0).permutation(len(found))
        letters = "\n".join(found[i] for i in order)[: sizes[part] + 1]
        vocabulary = vocabulary or Vocabulary(letters, max_size=task.vocab_size, pad=None)
        ids[part] = vocabulary.encode(letters)
    parts = {part: tuple(a.astype("uint8") for a in windows(i, task.steps)) for part, i in ids.items()}
    found = _named("text", parts)
    x, y = (a.astype("int64") for a in parts["test"])
    for order in (1, 3, 5):
        model = baselines.NGram(order, len(vocabulary)).fit(ids["train"])
        bits = [
            -model.log2_probabilities(np.r_[row, last])[1:].mean()
            for row, last in zip(x, y[:, -1], strict=True)
        ]
        found[f"reference/{order}-gram of text"] = float(np.mean(bits))
    return found


def _ecg():
    """Single heartbeats, ischaemia 1 or not 0: 70 of the published training part to train, 30 to choose, its test part to test.

    Two neighbouring samples of the 96 are averaged to one.
    """
    from sklearn.neighbors import KNeighborsClassifier

    from rnnlib import datasets

    heart = datasets.load("ecg200")
    (x, y), (x_test, y_test) = (
        (x.reshape(len(x), -1, 2).mean(axis=2)[:, :, None].astype("float32"), (y < 0) * 1)
        for x, y in heart.values()
    )
    order = np.random.default_rng(0).permutation(len(x))
    train, valid = order[:70], order[70:]
    nearest = KNeighborsClassifier(1).fit(x[train, :, 0], y[train])
    right = nearest.predict(x_test[:, :, 0]) == y_test
    parts = {"train": (x[train], y[train]), "valid": (x[valid], y[valid]), "test": (x_test, y_test)}
    return _named("ecg", parts) | {
        "reference/always the commoner of ecg": float(np.mean(y_test == 0)),
        "reference/nearest neighbour of ecg": float(np.mean(right)),
    }
