"""Three studies of the LSTM: their settings, one run of each, and what the stored runs found.

`python -m rnnlib.experiments.lstm.run` makes the runs, the chapter `lstm` reads them and repeats a
part.  Every update of `first_bit` and `intervals` sees fresh examples.

first_bit   for how many steps can a bit be kept, from different first biases of the forget gate?
intervals   do peepholes help to tell an interval of n steps from one of n + 1?
text        characters of documentation, LSTM against Elman network, with equally many weights
"""

from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnlib.core import errors, validation
from rnnlib.data import datasets
from rnnlib.data.batches import Batches
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study
from rnnlib.text.lm_windows import make_lm_windows
from rnnlib.text.vocabulary import Vocabulary
from rnnlib.training.history import History


@dataclass(frozen=True)
class FirstBit:
    """The task `first_bit`: lengths T, one size, one rate, and a second rate that is tried at one
    length.
    """

    lengths: tuple[int, ...] = (10, 20, 50, 100, 200)
    hidden_size: int = 16
    updates: int = 200
    rate: float = 0.01
    other_rate: float = 0.003
    other_length: int = 50
    starts: tuple[str, ...] = (
        "Elman, orthogonal",
        "LSTM, uniform",
        "forget bias 0",
        "forget bias 1",
        "forget bias 3",
        "chrono",
    )
    very_long: int = 1000
    patient_starts: tuple[str, ...] = ("forget bias 3", "chrono")  # also tried at `very_long`


@dataclass(frozen=True)
class Intervals:
    """The task `intervals`: lengths n of the shorter interval."""

    lengths: tuple[int, ...] = (10, 20)
    rates: tuple[float, ...] = (0.02, 0.005)
    hidden_size: int = 4
    forget_bias: float = 3.0
    updates: int = 300
    engines: tuple[str, ...] = ("loop",)


@dataclass(frozen=True)
class Text:
    """The task `text`; "text, long" has four times the updates, with rates chosen anew."""

    seq_len: int = 64
    embedding_size: int = 32
    cells: dict[str, tuple[str, int]] = field(  # cell, units: 36,472 and 36,328 weights
        default_factory=lambda: {"LSTM": ("lstm", 64), "Elman": ("elman", 119)}
    )
    rates: tuple[float, ...] = (0.1, 0.03, 0.01, 0.003)
    train_characters: int = 1_000_000
    held_out_characters: int = 200_000
    updates: dict[str, int] = field(default_factory=lambda: {"text": 600, "text, long": 2400})
    tuning_seeds: tuple[int, ...] = (0,)
    reported_seeds: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {"text": (1, 2, 3, 4, 5), "text, long": (1, 2, 3)}
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Lstm(Study):
    """Settings of the three studies, one run of each, choices by the stored runs."""

    test_fields: ClassVar[tuple[str, ...]] = ("bits.test",)

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    optimizer: str = "adam"
    batch: int = 32
    clip: float = 1.0
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)  # of `first_bit` and `intervals`
    held_out_examples: int = 1000
    every: int = 20  # updates in one point of a stored curve
    first_bit: FirstBit = FirstBit()
    intervals: Intervals = Intervals()
    text: Text = Text()

    # ---- one run

    def build(self, rnn: ModuleType, start: str, T: int, seed: int):
        """A classifier for `first_bit`.

        "uniform": all of the cell within 1/sqrt(H), as PyTorch draws it; "chrono": for lags up to
        T.
        """
        H = self.first_bit.hidden_size
        rng = np.random.default_rng([seed, 1])
        if start.startswith("Elman"):
            engine = self.engine(rnn, "elman")
            return rnn.Classifier(2, H, 2, cell="elman", rng=seed, **engine)
        if start.startswith("forget"):
            bias = float(start.split()[-1])
        else:
            bias = 0.0
        cell = ("lstm", {"forget_bias": bias})
        model = rnn.Classifier(2, H, 2, cell=cell, rng=seed, **self.engine(rnn, cell))
        p = rnn.params(model)
        if start == "chrono":
            p["rnn.cell.b"] = chrono(p["rnn.cell.b"], T, rng)
        if start == "LSTM, uniform":
            draw_uniform(p, H, rng)
        rnn.load(model, p)
        return model

    def train(self, rnn: ModuleType, model, data: tuple, rate: float, updates: int) -> History:
        """One pass over the first examples of `data` (N, ...) -> History, cut short where it
        diverged.
        """
        used = tuple(part[: updates * self.batch] for part in data)
        options = {"epochs": 1, "clip_norm": self.clip, "optimizer": (self.optimizer, {"lr": rate})}
        try:
            return rnn.fit(model, Batches(used, self.batch), loss="cross_entropy", **options)
        except errors.Diverged as problem:
            return problem.history

    def run_first_bit(
        self,
        rnn: ModuleType,
        start: str,
        T: int,
        rate: float,
        seed: int,
        updates: int | None = None,
    ) -> tuple:
        """One run -> model, History, accuracy on held-out examples (chance: one half); fewer
        `updates`: its beginning.
        """
        model = self.build(rnn, start, T, seed)
        all_updates = self.first_bit.updates
        data = first_bit(all_updates * self.batch, T, [seed, T, 0])
        history = self.train(rnn, model, data, rate, updates or all_updates)
        x, y = first_bit(self.held_out_examples, T, [seed, T, 1])
        return model, history, float(np.mean(rnn.predict(model, x).argmax(axis=1) == y))

    def run_intervals(
        self,
        rnn: ModuleType,
        peepholes: bool,
        n: int,
        rate: float,
        seed: int,
        updates: int | None = None,
    ) -> tuple:
        """One run -> model, History, accuracy on held-out examples (chance: one half); fewer
        `updates`: its beginning.
        """
        task = self.intervals
        cell = ("lstm", {"peepholes": peepholes, "forget_bias": task.forget_bias})
        engine = engines.options(rnn, cell, task.engines)
        model = rnn.Classifier(1, task.hidden_size, 2, cell=cell, rng=seed, **engine)
        data = intervals(task.updates * self.batch, n, [seed, n, 0])
        history = self.train(rnn, model, data, rate, updates or task.updates)
        x, y, lengths = intervals(self.held_out_examples, n, [seed, n, 1])
        return model, history, float(np.mean(rnn.predict(model, x, lengths).argmax(axis=1) == y))

    @cached_property
    def streams(self) -> tuple[dict[str, np.ndarray], Vocabulary]:
        """The documentation text of chapter `sequence-data` as ids, {train, valid, test}, and the
        vocabulary.
        """
        documents = datasets.load("docstrings")
        parts = {}
        packages = {"train": "statsmodels", "valid": "scikit-learn", "test": "numpy"}
        for part, package in packages.items():
            texts = [document["text"] for document in documents if document["package"] == package]
            order = np.random.default_rng(0).permutation(len(texts))
            parts[part] = [texts[i] for i in order]
        letters = Vocabulary("".join(parts["train"]))
        sizes = dict.fromkeys(parts, self.text.held_out_characters)
        sizes["train"] = self.text.train_characters
        ids = {part: letters.encode("\n\n\n".join(parts[part])[: sizes[part]]) for part in parts}
        return ids, letters

    def run_text(
        self,
        rnn: ModuleType,
        cell: str,
        rate: float,
        seed: int,
        ids: dict[str, np.ndarray],
        vocab_size: int,
        updates: int,
    ) -> tuple:
        """One run on windows of `ids["train"]` -> model, History, bits a character {valid,
        test}.
        """
        kind, hidden_size = self.text.cells[cell]
        sizes = (self.text.embedding_size, hidden_size, vocab_size)
        model = rnn.Tagger(
            *sizes, cell=kind, vocab_size=vocab_size, rng=seed, **self.engine(rnn, kind)
        )
        cut = make_lm_windows(ids["train"], self.text.seq_len)
        order = np.random.default_rng(seed).permutation(len(cut.x))
        rows = np.resize(order, updates * self.batch)  # over and over, in the same order
        history = self.train(rnn, model, (cut.x[rows], cut.y[rows]), rate, updates)
        bits = {}
        for part in ("valid", "test"):
            held_out = Batches(tuple(make_lm_windows(ids[part], self.text.seq_len)), 256)
            bits[part] = rnn.evaluate(model, held_out, "cross_entropy") / np.log(2)
        return model, history, bits

    # ---- what the stored runs found

    def chosen_rate(self, results: dict, cell: str, kind: str = "text") -> float:
        """The rate of "text" or "text, long" with the lowest mean validation bits over the tuning
        seeds.
        """
        records = self.select(results, study=kind, cell=cell)
        rates = self.text.rates
        seeds = self.text.tuning_seeds
        return self.choose(records, lambda run: run["bits"]["valid"], rates, seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The rate of each cell and each number of updates."""
        return {
            (cell, kind): self.chosen_rate(results, cell, kind)
            for cell in self.text.cells
            for kind in self.text.updates
        }

    def reports(self, runs: str, record: Record) -> bool:
        """All but the tuning runs of the text."""
        return "cell" not in record or record["seed"] not in self.text.tuning_seeds

    def reported_bits(self, results: dict, cell: str, kind: str = "text") -> np.ndarray:
        """Test bits of a cell's runs at its chosen rate, seeds of the choice left out."""
        rate = self.chosen_rate(results, cell, kind)
        seeds = self.text.reported_seeds[kind]
        records = self.select(results, study=kind, cell=cell, rate=rate, seed=seeds)
        return np.array([record["bits"]["test"] for record in records])


def first_bit(num_examples: int, T: int, rng=0) -> tuple[np.ndarray, np.ndarray]:
    """A bit, then noise: x (N, T, 2), y (N,) int64, the bit.

    Channel 1 says the bit at the first step, as -1 or 1, and nothing (0) after it; channel 0 is
    standard normal at every step.
    """
    validation.positive(num_examples, "num_examples")
    rng = np.random.default_rng(rng)
    x = np.zeros((num_examples, validation.positive(T, "T"), 2), "float32")
    x[:, :, 0] = rng.normal(size=(num_examples, T))
    y = rng.integers(0, 2, num_examples)
    x[:, 0, 1] = 2 * y - 1
    return x, y


def intervals(num_examples: int, n: int, rng=0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two spikes n (class 0) or n + 1 (class 1) steps apart: x (N, 2n, 1), y (N,) int64, lengths
    (N,).

    A length goes up to the second spike.
    """
    validation.positive(num_examples, "num_examples")
    if validation.positive(n, "n") < 2:
        raise ValueError(f"the first spike needs room to move: n must be at least 2, got {n}")
    rng = np.random.default_rng(rng)
    rows = np.arange(num_examples)
    y = rng.integers(0, 2, num_examples)
    first = rng.integers(0, n - 1, num_examples)
    second = first + n + y
    x = np.zeros((num_examples, 2 * n, 1), "float32")
    x[rows, first] = 1
    x[rows, second] = 1
    return x, y, second + 1


def chrono(b: np.ndarray, T: int, rng: np.random.Generator) -> np.ndarray:
    """The bias b (4H,) with forget gates for memories of 1 to T - 1 steps, input gates the other
    way round.

    Source: Tallec & Ollivier 2018, "chrono initialization": b_f = log u, u uniform in [1, T - 1],
    b_i = -b_f.
    """
    H = len(b) // 4
    b = b.copy()
    b[H : 2 * H] = np.log(rng.uniform(1, T - 1, H))
    b[:H] = -b[H : 2 * H]
    return b


def draw_uniform(p: dict[str, np.ndarray], hidden_size: int, rng: np.random.Generator) -> None:
    """Draws the cell's parameters in `p` anew, all within 1/sqrt(H); the bias is a sum of two, as
    PyTorch adds them.
    """
    bound = hidden_size**-0.5
    for name in ("rnn.cell.W_x", "rnn.cell.W_h", "rnn.cell.b"):
        p[name] = rng.uniform(-bound, bound, p[name].shape)
        if name.endswith("b"):
            p[name] += rng.uniform(-bound, bound, p[name].shape)


STUDY = Lstm()
