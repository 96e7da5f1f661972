"""The study behind the chapter `choosing`: seven cells on seven tasks, with equal weights, equal data and equal tuning.

`python -m benchmarks.choosing` makes the runs, the chapter reads them and repeats a part in both frameworks: to change the
experiment, change it here or in `choosing_tasks`.  For each cell and task a rate is chosen on the seeds `TUNING` by the metric
on the validation part, and the seeds `REPORTED` are run with it; only they look at the test part.
"""

import time
from functools import cache
from pathlib import Path

import numpy as np

from rnnlib import runs
from rnnlib.studies import choosing_tasks, stored
from rnnlib.studies.choosing_tasks import CELLS, TASKS, made

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "choosing.json"
NAMES = dict(zip(CELLS, ("Elman", "LSTM", "GRU", "SRU", "minGRU", "minLSTM", "TCN"), strict=True))
RATES = (1e-1, 3e-2, 1e-2, 3e-3)
TUNING, REPORTED = (0, 1), (2, 3, 4, 5, 6, 7, 8, 9)
KERNEL, CLIP = 3, 1.0  # of the convolutions; of all
POINTS = 20  # of a stored curve


def tcn_layers(steps):
    """As few layers as let an output see `steps` steps, all but one at most."""
    layers = 1
    while 2 + (KERNEL - 1) * (2**layers - 1) < steps:
        layers += 1
    return layers


def build(rnn, name, cell, seed, size):
    """The model of a task and a cell with `size` features in each layer."""
    task = TASKS[name]
    depth = {"num_layers": task.layers}
    if cell == "tcn":
        cell, depth = ("tcn", {"kernel_size": KERNEL, "num_layers": tcn_layers(task.steps)}), {}
    model = getattr(rnn, task.model)
    return model(
        task.input_size, size, task.outputs, cell=cell, vocab_size=task.vocab_size, rng=seed, **depth
    )


def count(rnn, model):
    """Numbers that a model trains."""
    return sum(value.size for value in rnn.params(model).values())


@cache
def width(rnn, name, cell):
    """The most features a layer may have within the task's budget of weights."""
    low, high = 1, 2

    def fits(size):
        return count(rnn, build(rnn, name, cell, 0, size)) <= TASKS[name].weights

    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def train(rnn, name, cell, rate, seed, real=None, updates=None):
    """One run -> model, History, processor seconds, did it diverge?  Fewer `updates`: the beginning of a made task's run."""
    task = TASKS[name]
    model = build(rnn, name, cell, seed, width(rnn, name, cell))
    how = dict(loss=task.loss, optimizer=("adam", {"lr": rate}), epochs=task.epochs, clip_norm=CLIP)
    if task.epochs > 1:
        valid = choosing_tasks.Batches(real[name]["valid"], task.batch)
        how |= dict(valid=valid, patience=task.epochs)  # never stops early, but keeps the best
    data, started = choosing_tasks.batches(name, seed, real, updates), time.process_time()
    try:
        history, diverged = rnn.fit(model, data, progress=False, **how), False
    except runs.Diverged as problem:
        history, diverged = problem.history, True
    return model, history, time.process_time() - started, diverged


def measure(rnn, model, name, part, real=None):
    """The task's metric on one part, as a dict."""
    x, y, counted = choosing_tasks.examples(name, part, real=real)
    return choosing_tasks.score(name, rnn.predict(model, x), y, counted, real)


def run(rnn, name, cell, rate, seed, real=None):
    """One run as it is stored.  The tuning seeds never see the test part; scores of a run that diverged are None."""
    model, history, seconds, diverged = train(rnn, name, cell, rate, seed, real)
    found = dict(
        task=name, cell=cell, rate=rate, seed=seed, seconds=round(seconds, 3), updates=len(history.steps)
    )
    if seed in TUNING:
        return found | {
            "valid": None if diverged else tidy(measure(rnn, model, name, "valid", real)["score"])
        }
    parts = ("test", "long") if made(name) else ("test",)
    for part in parts:
        scored = {"score": None} if diverged else measure(rnn, model, name, part, real)
        found |= {part: tidy(scored.pop("score")), **scored}
    return found | {"curve": [tidy(v) for v in curve(history.steps)]}


def tidy(value):
    """Five significant digits; None for what is no number."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.5g}")


def curve(steps):
    """Losses of the updates, averaged over POINTS stretches of equal length; fewer than POINTS updates give nothing."""
    n = len(steps) // POINTS
    return np.reshape(steps[: n * POINTS], (POINTS, n)).mean(axis=1) if n else np.zeros(0)


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    common = dict(rates=RATES, kernel=KERNEL, clip=CLIP, held_out=choosing_tasks.HELD_OUT)
    tasks = {name: task._asdict() for name, task in TASKS.items()}
    return common | {"optimizer": "adam", "points": POINTS, "tasks": tasks}


def load(path=PATH):
    """The results so far.  ValueError if they were made with other settings."""
    return {"reference": {}} | stored.load(Path(path), settings())


def select(results, name, cell, seeds):
    """The runs of a task and a cell with these seeds, in their order."""
    found = [r for r in results["runs"] if (r["task"], r["cell"]) == (name, cell) and r["seed"] in seeds]
    return sorted(found, key=lambda r: (r["seed"], r["rate"]))


def chosen_rate(results, name, cell, rates=RATES):
    """The rate with the best mean metric over the tuning seeds, None while runs are missing; a run that diverged is the worst of all."""
    found = [r for r in select(results, name, cell, TUNING) if r["rate"] in rates]
    if len(found) < len(TUNING) * len(rates):
        return None
    sign = -1 if TASKS[name].higher_is_better else 1
    return stored.best(rates, found, lambda run: None if run["valid"] is None else sign * run["valid"])


def reported(results, name, cell, rates=RATES):
    """The runs of the reported seeds at the rate chosen among `rates`, in the order of the seeds."""
    rate = chosen_rate(results, name, cell, rates)
    return [r for r in select(results, name, cell, REPORTED) if r["rate"] == rate]


def scores(results, name, cell, part="test", rates=RATES):
    """Scores (N,) of the reported runs; NaN for a run that diverged."""
    found = [r[part] for r in reported(results, name, cell, rates)]
    return np.array([np.nan if v is None else v for v in found])
