"""The study of the adding problem: its settings, one run of it, and what the stored runs found.

`python -m benchmarks.adding` makes the runs, the chapter `gradients` reads them and repeats a part in both frameworks: to change
the experiment, change it here.  For each start and length T the learning rate is chosen on the seeds `TUNING` (the lowest
mean error on held-out examples), and the seeds `REPORTED` are run with it.  Every update sees fresh examples, so nothing
can be learned by heart.
"""

from pathlib import Path

import numpy as np

from rnnlib import runs, tasks
from rnnlib.batch import Batches
from rnnlib.studies import stored

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "adding.json"
LENGTHS = (10, 25, 50)
RATES = (2e-2, 7e-3, 2e-3)
TUNING, REPORTED = (0, 1), (2, 3, 4, 5, 6)
HIDDEN, BATCH, UPDATES, CLIP, HELD_OUT = 32, 64, 600, 1.0, 1000
EVERY = 10  # updates in one point of a stored curve
STARTS = {  # name -> cell, how its weights are drawn, units
    "Elman, orthogonal": ("elman", "ours", HIDDEN),
    "Elman, orthogonal, 64 units": ("elman", "ours", 2 * HIDDEN),  # as many weights as the LSTMs
    "Elman, uniform": ("elman", "uniform", HIDDEN),
    "ReLU, identity": (("elman", {"activation": "relu"}), "identity", HIDDEN),
    "LSTM, forget bias 1": ("lstm", "ours", HIDDEN),
    "LSTM, uniform": ("lstm", "uniform", HIDDEN),
}


def build(rnn, start, seed):
    """A model for the adding problem.  "uniform": all of the cell within 1/sqrt(H), as PyTorch draws it."""
    cell, draw, size = STARTS[start]
    model = rnn.Forecaster(2, size, 1, cell=cell, rng=seed)
    p, bound = rnn.params(model), size**-0.5
    if draw == "identity":
        p["rnn.cell.W_h"] = np.eye(size)
    if draw == "uniform":
        rng = np.random.default_rng([seed, 1])
        for name in ("rnn.cell.W_x", "rnn.cell.W_h", "rnn.cell.b"):
            p[name] = rng.uniform(-bound, bound, p[name].shape)
            if name.endswith("b"):  # PyTorch adds two of them
                p[name] += rng.uniform(-bound, bound, p[name].shape)
    rnn.load(model, p)
    return model


def data(T, seed, updates=UPDATES):
    """Batches of the first `updates` updates, each example seen once, and batches to measure on."""
    x, y = tasks.adding(UPDATES * BATCH, T, rng=[seed, T, 0])
    n = updates * BATCH
    return Batches((x[:n], y[:n]), BATCH), Batches(tasks.adding(HELD_OUT, T, rng=[seed, T, 1]), HELD_OUT)


def train(rnn, start, T, rate, seed, updates=UPDATES):
    """One run -> model, History, error on the held-out examples (NaN for a run that diverged)."""
    model = build(rnn, start, seed)
    training, held_out = data(T, seed, updates)
    try:
        adam = ("adam", {"lr": rate})
        history = rnn.fit(model, training, loss="mse", optimizer=adam, epochs=1, clip_norm=CLIP)
    except runs.Diverged as problem:
        return model, problem.history, float("nan")
    return model, history, rnn.evaluate(model, held_out, "mse")


def curve(steps):
    """Losses of the updates, averaged over every EVERY of them."""
    return stored.curve(steps, EVERY)


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    return dict(
        hidden=HIDDEN,
        batch=BATCH,
        updates=UPDATES,
        clip=CLIP,
        held_out=HELD_OUT,
        every=EVERY,
        optimizer="adam",
    )


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings())


def select(results, start, T, seeds):
    """The runs of a start and a length with these seeds."""
    return [run for run in results["runs"] if (run["start"], run["T"]) == (start, T) and run["seed"] in seeds]


def chosen_rate(results, start, T):
    """The rate with the lowest mean error over the tuning seeds; a run that diverged counts as infinitely bad."""
    return stored.best(RATES, select(results, start, T, TUNING), lambda run: run["error"])


def reported(results, start, T):
    """The runs of the reported seeds."""
    return select(results, start, T, REPORTED)
