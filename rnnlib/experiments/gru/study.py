"""The study of the GRU: its settings, one run of it, and what the stored runs found.

`python -m rnnlib.experiments.gru.run` makes the runs, the chapter `gru` reads them and repeats a
part in both frameworks. Two tasks: `copy`, symbols to repeat after a pause, where every update sees
fresh examples; and `sunspots`, next year's number, trained on 1700-1920, stopped by 1921-1955,
tested on 1956-2008.  For each task and variant the learning rate is chosen on the tuning seeds (the
lowest mean loss on held-out examples, or on the years 1921-1955), and the reported seeds are run
with it.
"""

from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from rnnlib.core import errors
from rnnlib.data import datasets, synthetic
from rnnlib.data.batches import Batches
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study
from rnnlib.forecasting import scaling, splits


@dataclass(frozen=True)
class Variant:
    """A cell, its units, first biases of its gates, and whether its reset gate is held open."""

    cell: str | tuple[str, dict]
    hidden_size: int
    biases: dict[str, float] = field(default_factory=dict)
    without_reset: bool = False


def variants() -> dict[str, dict[str, Variant]]:
    """What is compared, by task and name; a task's variants have equally many weights, up to 3
    %.
    """
    slow = {"z": 3.0}
    return {
        "copy": {
            "GRU": Variant("gru", 36),
            "GRU, z bias 1": Variant("gru", 36, {"z": 1.0}),
            "GRU, z bias 3": Variant("gru", 36, slow),
            "GRU, reset before": Variant(("gru", {"reset_after": False}), 36),
            # the same units, a third fewer weights in use
            "GRU, no reset gate": Variant("gru", 36, without_reset=True),
            "GRU, no reset gate, z bias 3": Variant("gru", 36, slow, without_reset=True),
            "LSTM": Variant("lstm", 31),  # its forget bias is 1
            "LSTM, forget bias 3": Variant(("lstm", {"forget_bias": 3.0}), 31),
        },
        "sunspots": {
            "Elman": Variant("elman", 29),
            "LSTM": Variant("lstm", 14),
            "GRU": Variant("gru", 16),
            "GRU, no reset gate": Variant("gru", 16, without_reset=True),
        },
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Gru(Study):
    """Settings, one run, choices by the stored runs."""

    test_fields: ClassVar[tuple[str, ...]] = ("forecast",)

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    optimizer: str = "adam"
    variants: dict[str, dict[str, Variant]] = field(default_factory=variants)
    rates: tuple[float, ...] = (4e-2, 2e-2, 1e-2)
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = (2, 3, 4, 5, 6)
    clip: float = 1.0
    gate_order: str = "rzn"
    open_bias: float = 50.0  # a bias that makes a gate 1 in float32, and its slope 0

    delay: int = 30
    length: int = 3
    symbols: int = 4
    embedding_size: int = 8
    batch: int = 32
    updates: int = 600
    held_out_examples: int = 1000
    every: int = 20  # updates in one point of a stored curve
    # does a cell that has not learned in `updates` only need more?
    long_variants: tuple[str, ...] = ("LSTM", "LSTM, forget bias 3")
    long_updates: int = 2400
    long_seeds: tuple[int, ...] = (2, 3, 4)

    years: int = 40  # sunspots: steps of a window
    cuts: tuple[int, int] = (1921, 1956)  # the first year of the validation and of the test part
    epochs: int = 300  # passes over all windows at most
    patience: int = 60

    # ---- one run

    def build(self, rnn: ModuleType, task: str, variant: str, seed: int):
        """A model for the task.

        Without the reset gate: r is 1 and stays so, since float32 gives its weights a gradient of
        0.
        """
        how = self.variants[task][variant]
        H = how.hidden_size
        options = {"cell": how.cell, "rng": seed, **self.engine(rnn, how.cell)}
        if task == "copy":
            sizes = (self.embedding_size, H, self.symbols + 1)
            model = rnn.Tagger(*sizes, vocab_size=self.symbols + 2, **options)
        else:
            model = rnn.Tagger(1, H, 1, **options)
        p = rnn.params(model)
        for gate, value in how.biases.items():
            k = self.gate_order.index(gate)
            p["rnn.cell.b"][k * H : (k + 1) * H] = value
        if how.without_reset:
            p["rnn.cell.W_x"][:, :H] = 0
            p["rnn.cell.W_h"][:, :H] = 0
            p["rnn.cell.b"][:H] = self.open_bias
        rnn.load(model, p)
        return model

    def copy_data(self, seed: int, updates: int | None = None) -> tuple[Batches, tuple]:
        """Batches of the first `updates` updates, each example seen once, and x, y to measure
        on.
        """
        task = (self.delay, self.length, self.symbols)
        n = (updates or self.updates) * self.batch
        first = synthetic.delayed_copy(n, *task, rng=[seed, 0])
        held_out = synthetic.delayed_copy(self.held_out_examples, *task, rng=[seed, 1])
        return Batches(first, self.batch), held_out

    def spots(self) -> tuple[Batches, Batches, np.ndarray, scaling.Standardizer, pd.Series]:
        """Sunspots: training batches, validation batches, inputs of the whole record (1, 308, 1),
        the scaler, the numbers by year.
        """
        values = datasets.load("sunspots")
        train, valid, _ = splits.split(values, at=self.cuts)
        scaler = scaling.Standardizer().fit(train)
        z = scaler.transform(values).astype("float32")
        cut = sliding_window_view(z[: len(train)], self.years + 1)[:, :, None]
        later = z[None, len(train) : len(train) + len(valid), None]
        training = Batches((cut[:, :-1], cut[:, 1:]), len(cut))
        validation = Batches((later[:, :-1], later[:, 1:]), 1)
        return training, validation, z[None, :-1, None], scaler, values

    def train(
        self,
        rnn: ModuleType,
        task: str,
        variant: str,
        rate: float,
        seed: int,
        updates: int | None = None,
    ) -> tuple:
        """One run -> model, History, what it found: {"loss": NaN} if it diverged, else the held-out
        loss and

        copy      right: share of the repeated symbols that is right, on held-out examples
        sunspots  forecast: of the years 1956-2008, each from all years before it
        """
        model = self.build(rnn, task, variant, seed)
        options = {"optimizer": (self.optimizer, {"lr": rate}), "clip_norm": self.clip}
        try:
            if task == "copy":
                history, found = self._train_copy(rnn, model, seed, updates, options)
            else:
                history, found = self._train_sunspots(rnn, model, options)
        except errors.Diverged as problem:
            return model, problem.history, {"loss": float("nan")}
        return model, history, found

    def _train_copy(self, rnn, model, seed, updates, options):
        training, (x, y) = self.copy_data(seed, updates)
        history = rnn.fit(model, training, loss="cross_entropy", epochs=1, **options)
        answers = rnn.predict(model, x)[:, -self.length :].argmax(axis=2)
        right = answers == y[:, -self.length :]
        held_out = Batches((x, y), self.held_out_examples)
        loss = rnn.evaluate(model, held_out, "cross_entropy")
        return history, {"loss": loss, "right": float(right.mean())}

    def _train_sunspots(self, rnn, model, options):
        training, valid, record, scaler, values = self.spots()
        stop = {"epochs": self.epochs, "patience": self.patience, "valid": valid}
        history = rnn.fit(model, training, loss="mse", **options, **stop)
        forecast = scaler.inverse_transform(rnn.predict(model, record)[0, :, 0])
        tested = forecast[values.index[1:] >= self.cuts[1]]
        return history, {"loss": history.valid[history.best_epoch], "forecast": tested}

    # ---- what the stored runs found

    def chosen_rate(self, results: dict, task: str, variant: str) -> float:
        """The rate with the lowest mean loss over the tuning seeds."""
        records = self.select(results, task=task, variant=variant)
        seeds = self.tuning_seeds
        return self.choose(records, lambda run: run["loss"], self.rates, seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The rate of each task and variant."""
        return {
            (task, variant): self.chosen_rate(results, task, variant)
            for task, compared in self.variants.items()
            for variant in compared
        }

    def reported(self, results: dict, task: str, variant: str) -> list[Record]:
        """The runs of the reported seeds at the chosen rate."""
        rate = self.chosen_rate(results, task, variant)
        seeds = self.reported_seeds
        return self.select(results, task=task, variant=variant, rate=rate, seed=seeds)


STUDY = Gru()
