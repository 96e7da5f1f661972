"""The study of the adding problem: its settings, one run of it, and what the stored runs found.

`python -m rnnlib.experiments.adding.run` makes the runs, the chapter `gradients` reads them and
repeats a part in both frameworks.  For each start and length T the learning rate is chosen on the
tuning seeds (the lowest mean error on held-out examples), and the reported seeds are run with it.
Every update sees fresh examples, so nothing can be learned by heart.
"""

from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from rnnlib.core import errors
from rnnlib.data import synthetic
from rnnlib.data.batches import Batches
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study


@dataclass(frozen=True)
class Start:
    """A cell, how its weights are drawn ("ours", "uniform" as in PyTorch, "identity"), its
    units.
    """

    cell: str | tuple[str, dict]
    weights: str = "ours"
    hidden_size: int = 32


def starts() -> dict[str, Start]:
    """What is compared, by name."""
    relu = ("elman", {"activation": "relu"})
    return {
        "Elman, orthogonal": Start("elman"),
        "Elman, orthogonal, 64 units": Start("elman", hidden_size=64),  # weights as the LSTMs have
        "Elman, uniform": Start("elman", "uniform"),
        "ReLU, identity": Start(relu, "identity"),
        "LSTM, forget bias 1": Start("lstm"),
        "LSTM, uniform": Start("lstm", "uniform"),
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Adding(Study):
    """Settings, one run, choices by the stored runs."""

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    optimizer: str = "adam"
    starts: dict[str, Start] = field(default_factory=starts)
    lengths: tuple[int, ...] = (10, 25, 50)
    rates: tuple[float, ...] = (2e-2, 7e-3, 2e-3)
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = (2, 3, 4, 5, 6)
    batch: int = 64
    updates: int = 600
    clip: float = 1.0
    held_out_examples: int = 1000
    every: int = 10  # updates in one point of a stored curve

    def build(self, rnn: ModuleType, start: str, seed: int):
        """A model for the adding problem.  "uniform": all of the cell within 1/sqrt(H), as PyTorch
        draws it.
        """
        how = self.starts[start]
        size = how.hidden_size
        model = rnn.ForecastNet(2, size, 1, cell=how.cell, rng=seed, **self.engine(rnn, how.cell))
        p = rnn.params(model)
        if how.weights == "identity":
            p["rnn.cell.W_h"] = np.eye(size)
        if how.weights == "uniform":
            bound = size**-0.5
            rng = np.random.default_rng([seed, 1])
            for name in ("rnn.cell.W_x", "rnn.cell.W_h", "rnn.cell.b"):
                p[name] = rng.uniform(-bound, bound, p[name].shape)
                if name.endswith("b"):  # PyTorch adds two of them
                    p[name] += rng.uniform(-bound, bound, p[name].shape)
        rnn.load(model, p)
        return model

    def data(self, T: int, seed: int, updates: int | None = None) -> tuple[Batches, Batches]:
        """Batches of the first `updates` updates, each example seen once, and batches to measure
        on.
        """
        x, y = synthetic.adding(self.updates * self.batch, T, rng=[seed, T, 0])
        n = (updates or self.updates) * self.batch
        held_out = synthetic.adding(self.held_out_examples, T, rng=[seed, T, 1])
        return Batches((x[:n], y[:n]), self.batch), Batches(held_out, self.held_out_examples)

    def train(
        self,
        rnn: ModuleType,
        start: str,
        T: int,
        rate: float,
        seed: int,
        updates: int | None = None,
    ) -> tuple:
        """One run -> model, History, error on the held-out examples (NaN for a run that
        diverged).
        """
        model = self.build(rnn, start, seed)
        training, held_out = self.data(T, seed, updates)
        options = {"optimizer": (self.optimizer, {"lr": rate}), "epochs": 1, "clip_norm": self.clip}
        try:
            history = rnn.fit(model, training, loss="mse", **options)
        except errors.Diverged as problem:
            return model, problem.history, float("nan")
        return model, history, rnn.evaluate(model, held_out, "mse")

    def chosen_rate(self, results: dict, start: str, T: int) -> float:
        """The rate with the lowest mean error over the tuning seeds."""
        records = self.select(results, start=start, T=T)
        seeds = self.tuning_seeds
        return self.choose(records, lambda run: run["error"], self.rates, seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The rate of each start and length."""
        return {
            (start, T): self.chosen_rate(results, start, T)
            for start in self.starts
            for T in self.lengths
        }

    def reported(self, results: dict, start: str, T: int) -> list[Record]:
        """The runs of the reported seeds."""
        return self.select(results, start=start, T=T, seed=self.reported_seeds)


STUDY = Adding()
