"""The tasks of the study `choosing`: their examples, how an answer is scored, and what to score
without a network.

Made tasks give fresh examples for each update. The three real sets are fixed: a seed changes
weights and order, not the data. They come through `rnnlib.data.datasets`, or from a file that
`prepare` wrote where those packages and downloads are there.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnlib.data import datasets, synthetic
from rnnlib.data.batches import Batches
from rnnlib.experiments.study import Study
from rnnlib.forecasting import one_step, scaling, splits, windows
from rnnlib.metrics import language, regression
from rnnlib.text import ngram
from rnnlib.text.lm_windows import make_lm_windows
from rnnlib.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Task:
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
    cells: tuple[str, ...] = ("elman", "lstm", "gru", "sru", "mingru", "minlstm", "tcn")


def all_tasks() -> dict[str, Task]:
    """The seven tasks, and the side studies: would patience have helped, or one layer?"""
    five = (5000, 600)  # weights, updates
    mse: dict[str, Any] = {"higher_is_better": False, "loss": "mse"}
    found = {
        "adding": Task("ForecastNet", 2, 1, 40, *five, "mean squared error", **mse),
        "copy": Task("Tagger", 6, 5, 20, *five, "symbols right", True, vocab_size=6),
        "brackets": Task("Tagger", 4, 3, 30, *five, "brackets right", True, vocab_size=4),
        "parity": Task("Tagger", 1, 2, 20, *five, "bits right", True),
        "sunspots": Task("ForecastNet", 1, 1, 30, 1000, 240, "RMSE in sunspots", epochs=80, **mse),
        "text": Task(
            "Tagger", 12, 96, 32, 10000, 1200, "bits per character", False, batch=32, vocab_size=96
        ),
        "ecg": Task("Classifier", 1, 2, 48, 2000, 240, "beats right", True, batch=35, epochs=120),
    }
    unsolved = {
        "copy": ("lstm", "sru", "mingru", "minlstm"),
        "parity": ("sru", "mingru", "minlstm", "tcn"),
    }
    for name, cells in unsolved.items():
        task = found[name]
        found[f"{name}, 4 x updates"] = replace(task, updates=4 * task.updates, cells=cells)
    copy = found["copy"]
    found["copy, one layer"] = replace(copy, layers=1, cells=copy.cells[:-1])
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Tasks(Study):
    """The settings of the tasks, and their examples.

    real  in what follows: the sets that `real_sets` gives, which made tasks do not need
    """

    tasks: dict[str, Task] = field(default_factory=all_tasks)
    seven: tuple[str, ...] = ("adding", "copy", "brackets", "parity", "sunspots", "text", "ecg")
    made_tasks: tuple[str, ...] = ("adding", "copy", "brackets", "parity")
    parts: tuple[str, ...] = ("train", "valid", "test", "long")  # their places are seeds
    held_out_examples: int = 2000  # of a made task in each part that is measured on
    length: int = 4  # of the delayed copy
    symbols: int = 4  # of the delayed copy
    kinds: int = 2  # of brackets
    valid_characters: int = 40_000
    test_characters: int = 60_000

    def made(self, name: str) -> bool:
        """Whether it is a task without data of the world."""
        return name.split(",")[0] in self.made_tasks

    def examples(self, name: str, part: str, seed: int = 0, real: dict | None = None) -> tuple:
        """x, y and what of y counts: a mask of the shape of y, or None for all.

        `seed` matters to the training part of made tasks.
        """
        if not self.made(name):
            return *given(real, name)[part], None
        task = self.tasks[name]
        train = part == "train"
        if train:
            n = task.updates * task.batch
        else:
            n = self.held_out_examples
        rng = [self.parts.index(part), seed if train else 0]
        T = task.steps * (2 if part == "long" else 1)
        makers = {
            "adding": self._adding,
            "copy": self._copy,
            "brackets": self._brackets,
            "parity": self._parity,
        }
        return makers[name.split(",")[0]](n, T, rng)

    def _adding(self, n, T, rng):
        return *synthetic.adding(n, T, rng), None

    def _copy(self, n, T, rng):
        x, y = synthetic.delayed_copy(n, T - 2 * self.length, self.length, self.symbols, rng)
        return x, y, y > 0

    def _brackets(self, n, T, rng):
        x, y = synthetic.brackets(n, T, self.kinds, rng=rng)
        # closed one, and another is open: the answer stands further back
        return x, y, (x >= self.kinds) & (y > 0) & second_half(T)

    def _parity(self, n, T, rng):
        x, y = synthetic.parity(n, T, rng)
        return x, y, np.broadcast_to(second_half(T), y.shape)

    def batches(
        self, name: str, seed: int = 0, real: dict | None = None, updates: int | None = None
    ) -> Batches:
        """The training part as Batches; of a made task the first `updates` batches."""
        task = self.tasks[name]
        x, y, _ = self.examples(name, "train", seed, real)
        if self.made(name):
            n = (updates or task.updates) * task.batch
            return Batches((x[:n], y[:n]), task.batch)
        return Batches((x, y), task.batch, rng=seed)

    def score(
        self,
        name: str,
        answers: np.ndarray,
        y: np.ndarray,
        counted: np.ndarray | None,
        real: dict | None = None,
    ) -> dict:
        """The task's metric for answers (numbers, or logits along the last axis).

        And each answer, where a seed's spread is not all.
        """
        if name == "adding":
            return {"score": float(np.mean((answers - y) ** 2))}
        if name == "sunspots":
            errors = ((answers - y) * given(real, "sunspots")["scale"]).ravel()
            rounded = [round(float(error), 2) for error in errors]
            return {"score": float(np.sqrt(np.mean(errors**2))), "errors": rounded}
        if name == "text":
            logits = answers.astype("float64") - answers.max(axis=-1, keepdims=True)
            of_y = np.take_along_axis(logits, y[..., None], -1)[..., 0]
            nats = np.log(np.exp(logits).sum(axis=-1)) - of_y
            return {"score": language.bits_per_character(nats.sum(), nats.size)}
        right = answers.argmax(axis=-1) == y
        found: dict[str, Any] = {
            "score": float(np.mean(right if counted is None else right[counted]))
        }
        if name == "ecg":
            found["right"] = "".join("01"[int(r)] for r in right)
        return found

    def baseline(self, name: str) -> float:
        """What a made task gives to a model that has understood nothing but the frequencies of the
        answers.
        """
        shares = {"adding": 6, "copy": self.symbols, "brackets": self.kinds, "parity": 2}
        return 1 / shares[name]

    def window_score(self, span: int, part: str = "test") -> float:
        """Brackets right of the best rule that sees the last `span` symbols: it knows what it has
        seen opened, else it guesses.
        """
        x, _, counted = self.examples("brackets", part)
        depth = np.cumsum(np.where(x < self.kinds, 1, -1), axis=1)
        known = np.zeros_like(counted)
        for t in range(x.shape[1]):
            # was the bracket that is innermost after step t opened at step t - back?
            for back in range(1, min(span, t + 1)):
                opened = (depth[:, t - back] == depth[:, t]) & (x[:, t - back] < self.kinds)
                still = (depth[:, t - back : t + 1] >= depth[:, [t]]).all(axis=1)
                known[:, t] |= opened & still
        return float(np.mean(np.where(known, 1, 1 / self.kinds)[counted]))

    # ---- the real sets

    def real_sets(self, path: Path | None = None) -> dict:
        """The real sets as {task: {part: (x, y)}}, and a dict "reference" of rivals without a
        network.

        path  a file that holds what `prepare` gives; without it the sets are made here
        """
        if path is None:
            arrays = self.prepare()
        else:
            arrays = dict(np.load(path))
        names = ("sunspots", "text", "ecg", "reference")
        real: dict[str, dict] = {name: {} for name in names}
        for key, value in arrays.items():
            name, part, *which = key.split("/")
            if which:
                real[name].setdefault(part, {})[which[0]] = value
            else:
                real[name][part] = float(value)
        for name in ("sunspots", "text", "ecg"):
            parts = {p: (v["x"], v["y"]) for p, v in real[name].items() if isinstance(v, dict)}
            real[name] |= parts
        return real

    def prepare(self, names: tuple[str, ...] = ("sunspots", "text", "ecg")) -> dict:
        """The arrays of the real sets, {"task/part/x": array}, and the scores of their rivals,
        {"reference/rival of task": number}.
        """
        makers = {"sunspots": self._sunspots, "text": self._text, "ecg": ecg}
        arrays: dict[str, np.ndarray] = {}
        for name in names:
            arrays |= makers[name]()
        return arrays

    def _sunspots(self):
        """Windows of 30 years and the year after, standardised on the training years: 1700-1920,
        1921-1955, 1956-2008.
        """
        spots = datasets.load("sunspots")
        train, valid, test = splits.split(spots, at=(1921, 1956))
        scaler = scaling.Standardizer().fit(train)
        past = None
        parts = {}
        for part, piece in (("train", train), ("valid", valid), ("test", test)):
            z = scaler.transform(piece)
            cut = windows.sliding_windows(z, self.tasks["sunspots"].steps, history=past)
            if past is None:
                past = z
            else:
                past = np.concatenate([past, z])
            parts[part] = cut.x.astype("float32"), cut.y.astype("float32")
        before = np.concatenate([train, valid])
        models = [one_step.AutoRegression(p).fit(train) for p in range(1, 13)]
        ar = min(models, key=lambda model: regression.rmse(valid, model.predict(train, valid)))
        forecasts = ar.predict(before, test)
        again = one_step.persistence(before, test)
        return named("sunspots", parts) | {
            "sunspots/scale": float(scaler.scale_[0]),
            "sunspots/test/ar_errors": np.asarray(forecasts - test),
            "reference/last year again of sunspots": regression.rmse(test, again),
            f"reference/AR({ar.p}) of sunspots": regression.rmse(test, forecasts),
        }

    def _text(self):
        """Characters of docstrings: trained on statsmodels, chosen on scikit-learn, tested on
        NumPy; windows of 32.
        """
        task = self.tasks["text"]
        documents = datasets.load("docstrings")
        sizes = {
            "train": task.updates * task.batch * task.steps,
            "valid": self.valid_characters,
            "test": self.test_characters,
        }
        packages = {"train": "statsmodels", "valid": "scikit-learn", "test": "numpy"}
        letters = {}
        for part, package in packages.items():
            texts = [d["text"] for d in documents if d["package"] == package]
            shuffled = np.random.default_rng(0).permutation(len(texts))
            letters[part] = "\n".join(texts[i] for i in shuffled)[: sizes[part] + 1]
        vocabulary = Vocabulary(letters["train"], max_size=task.vocab_size, pad=None)
        ids = {part: vocabulary.encode(text) for part, text in letters.items()}
        parts = {}
        for part, stream in ids.items():
            parts[part] = tuple(
                array.astype("uint8") for array in make_lm_windows(stream, task.steps)
            )
        arrays: dict[str, Any] = named("text", parts)
        x, y = (array.astype("int64") for array in parts["test"])
        for order in (1, 3, 5):
            model = ngram.NGram(order, len(vocabulary)).fit(ids["train"])
            bits = [
                -model.log2_probabilities(np.r_[row, last])[1:].mean()
                for row, last in zip(x, y[:, -1], strict=True)
            ]
            arrays[f"reference/{order}-gram of text"] = float(np.mean(bits))
        return arrays


def given(real: dict | None, name: str) -> dict:
    """The arrays of a real set; ValueError where they were not given."""
    if real is None:
        raise ValueError(f"{name} needs data of the world: pass real=study.real_sets()")
    return real[name]


def second_half(T: int) -> np.ndarray:
    """Steps (T,) of the second half: at 2T those that no training example had."""
    return np.arange(T) >= T // 2


def named(name: str, parts: dict[str, tuple]) -> dict[str, np.ndarray]:
    """{part: (x, y)} -> {"name/part/x": x, "name/part/y": y}."""
    arrays = {}
    for part, (x, y) in parts.items():
        arrays[f"{name}/{part}/x"] = x
        arrays[f"{name}/{part}/y"] = y
    return arrays


def ecg() -> dict:
    """Single heartbeats, ischaemia 1 or not 0: 70 of the published training part to train, 30 to
    choose, its test part to test.

    Two neighbouring samples of the 96 are averaged to one.
    """
    from sklearn.neighbors import KNeighborsClassifier

    pairs = []
    for samples, sign in datasets.load("ecg200").values():
        halved = samples.reshape(len(samples), -1, 2).mean(axis=2)
        pairs.append((halved[:, :, None].astype("float32"), (sign < 0) * 1))
    (x, y), (x_test, y_test) = pairs
    order = np.random.default_rng(0).permutation(len(x))
    train = order[:70]
    valid = order[70:]
    nearest = KNeighborsClassifier(1).fit(x[train, :, 0], y[train])
    right = nearest.predict(x_test[:, :, 0]) == y_test
    parts = {"train": (x[train], y[train]), "valid": (x[valid], y[valid]), "test": (x_test, y_test)}
    return named("ecg", parts) | {
        "reference/always the commoner of ecg": float(np.mean(y_test == 0)),
        "reference/nearest neighbour of ecg": float(np.mean(right)),
    }
