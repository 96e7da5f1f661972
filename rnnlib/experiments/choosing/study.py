"""The study behind the chapter `choosing`: seven cells on seven tasks, with equal weights, equal
data and equal tuning.

`python -m rnnlib.experiments.choosing.run` makes the runs, the chapter reads them and repeats a
part in both frameworks. For each cell and task a rate is chosen on the tuning seeds by the metric
on the validation part, and the reported seeds are run with it; only they look at the test part.
"""

import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from rnnlib.core import errors
from rnnlib.data.batches import Batches
from rnnlib.experiments import engines
from rnnlib.experiments.choosing.tasks import Tasks, given
from rnnlib.experiments.study import Record


def titles() -> dict[str, str]:
    """The cells and their names in tables."""
    return {
        "elman": "Elman",
        "lstm": "LSTM",
        "gru": "GRU",
        "sru": "SRU",
        "mingru": "minGRU",
        "minlstm": "minLSTM",
        "tcn": "TCN",
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Choosing(Tasks):
    """Settings, one run, choices by the stored runs."""

    test_fields: ClassVar[tuple[str, ...]] = ("test", "long", "errors", "right")

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    optimizer: str = "adam"
    cells: dict[str, str] = field(default_factory=titles)
    rates: tuple[float, ...] = (1e-1, 3e-2, 1e-2, 3e-3)
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8, 9)
    kernel_size: int = 3  # of the convolutions
    clip: float = 1.0
    points: int = 20  # of a stored curve

    # ---- one run

    def tcn_layers(self, steps: int) -> int:
        """As few layers as let an output see `steps` steps, all but one at most."""
        layers = 1
        while 2 + (self.kernel_size - 1) * (2**layers - 1) < steps:
            layers += 1
        return layers

    def build(self, rnn: ModuleType, name: str, cell: str, seed: int, size: int):
        """The model of a task and a cell with `size` features in each layer."""
        task = self.tasks[name]
        options: dict[str, Any] = {"cell": cell, "num_layers": task.layers}
        if cell == "tcn":
            layers = self.tcn_layers(task.steps)
            convolution = {"kernel_size": self.kernel_size, "num_layers": layers}
            options = {"cell": ("tcn", convolution)}
        options |= {"vocab_size": task.vocab_size, "rng": seed, **self.engine(rnn, options["cell"])}
        model = getattr(rnn, task.model)
        return model(task.input_size, size, task.outputs, **options)

    def count(self, rnn: ModuleType, model) -> int:
        """Numbers that a model trains."""
        return sum(value.size for value in rnn.params(model).values())

    def width(self, rnn: ModuleType, name: str, cell: str) -> int:
        """The most features a layer may have within the task's budget of weights."""
        return widest(self, rnn, name, cell)

    def train(
        self,
        rnn: ModuleType,
        name: str,
        cell: str,
        rate: float,
        seed: int,
        real: dict | None = None,
        updates: int | None = None,
    ) -> tuple:
        """One run -> model, History, processor seconds, did it diverge?  Fewer `updates`: the
        beginning of a made task's run.
        """
        task = self.tasks[name]
        model = self.build(rnn, name, cell, seed, self.width(rnn, name, cell))
        options: dict[str, Any] = {"loss": task.loss, "optimizer": (self.optimizer, {"lr": rate})}
        options |= {"epochs": task.epochs, "clip_norm": self.clip}
        if task.epochs > 1:
            options["valid"] = Batches(given(real, name)["valid"], task.batch)
            options["patience"] = task.epochs  # never stops early, but keeps the best
        data = self.batches(name, seed, real, updates)
        started = time.process_time()
        try:
            history = rnn.fit(model, data, progress=False, **options)
            diverged = False
        except errors.Diverged as problem:
            history = problem.history
            diverged = True
        return model, history, time.process_time() - started, diverged

    def measure(
        self, rnn: ModuleType, model, name: str, part: str, real: dict | None = None
    ) -> dict:
        """The task's metric on one part, as a dict."""
        x, y, counted = self.examples(name, part, real=real)
        return self.score(name, rnn.predict(model, x), y, counted, real)

    def run(
        self,
        rnn: ModuleType,
        name: str,
        cell: str,
        rate: float,
        seed: int,
        real: dict | None = None,
    ) -> Record:
        """One run as it is stored.  The tuning seeds never see the test part; scores of a run that
        diverged are None.
        """
        model, history, seconds, diverged = self.train(rnn, name, cell, rate, seed, real)
        record = {"task": name, "cell": cell, "rate": rate, "seed": seed}
        record |= {"seconds": round(seconds, 3), "updates": len(history.steps)}
        tuning = seed in self.tuning_seeds
        for part in self.measured_parts(name, seed):
            found = {"score": None}
            if not diverged:
                found = self.measure(rnn, model, name, part, real)
            record[part] = five_digits(found.pop("score"))
            if not tuning:
                record |= found
        if not tuning:
            record["curve"] = [five_digits(loss) for loss in self.curve(history.steps)]
        return record

    def measured_parts(self, name: str, seed: int) -> tuple[str, ...]:
        """The parts that a run of this seed is measured on."""
        if seed in self.tuning_seeds:
            return ("valid",)
        if self.made(name):
            return ("test", "long")
        return ("test",)

    def curve(self, steps) -> np.ndarray:
        """Losses of the updates, averaged over `points` stretches of equal length; of fewer updates
        nothing.
        """
        n = len(steps) // self.points
        if n == 0:
            return np.zeros(0)
        return np.reshape(steps[: n * self.points], (self.points, n)).mean(axis=1)

    # ---- what the stored runs found

    def empty(self) -> dict:
        """Results without runs, and without the scores of rivals, "reference"."""
        return super().empty() | {"reference": {}}

    def chosen_rate(
        self, results: dict, name: str, cell: str, rates: tuple[float, ...] | None = None
    ) -> float:
        """The rate, among `rates`, with the best mean metric over the tuning seeds."""
        if self.tasks[name].higher_is_better:
            sign = -1
        else:
            sign = 1

        def cost(run: Record) -> float | None:
            if run["valid"] is None:
                return None
            return sign * run["valid"]

        records = self.select(results, task=name, cell=cell)
        return self.choose(records, cost, rates or self.rates, seeds=self.tuning_seeds)

    def choices(self, results: dict) -> dict:
        """The rate of each task and cell."""
        return {
            (name, cell): self.chosen_rate(results, name, cell)
            for name, task in self.tasks.items()
            for cell in task.cells
        }

    def reported(
        self, results: dict, name: str, cell: str, rates: tuple[float, ...] | None = None
    ) -> list[Record]:
        """The runs of the reported seeds at the rate chosen among `rates`, in the order of the
        seeds.
        """
        rate = self.chosen_rate(results, name, cell, rates)
        seeds = self.reported_seeds
        records = self.select(results, task=name, cell=cell, rate=rate, seed=seeds)
        return sorted(records, key=lambda record: record["seed"])

    def scores(
        self,
        results: dict,
        name: str,
        cell: str,
        part: str = "test",
        rates: tuple[float, ...] | None = None,
    ) -> np.ndarray:
        """Scores (N,) of the reported runs; NaN for a run that diverged."""
        found = [run[part] for run in self.reported(results, name, cell, rates)]
        return np.array([np.nan if score is None else score for score in found])


@cache
def widest(study: Choosing, rnn: ModuleType, name: str, cell: str) -> int:
    """The most features a layer may have within the task's budget of weights: `Choosing.width`."""

    def fits(size: int) -> bool:
        model = study.build(rnn, name, cell, 0, size)
        return study.count(rnn, model) <= study.tasks[name].weights

    low = 1
    high = 2
    while fits(high):
        low = high
        high = 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


@cache
def real_sets(study: Choosing, path: Path | None = None) -> dict:
    """`study.real_sets`, read once."""
    return study.real_sets(path)


def five_digits(value: float | None) -> float | None:
    """Five significant digits; None for what is no number."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.5g}")


STUDY = Choosing()
