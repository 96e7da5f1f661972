"""The adding problem at growing length: which recurrent net learns it?  `python -m benchmarks.adding` (some twenty minutes).

For each start and length T the learning rate is chosen on seeds 0 and 1 (the lowest mean error on held-out examples), and
seeds 2 to 6 are run with it: what they reach is the result.  Every update sees fresh examples, so nothing can be learned by
heart.  Runs are kept one by one in results/adding.json; a second call goes on where the first one stopped.
The weights are drawn by NumPy, so either framework would do; this runs in PyTorch, and the chapter `gradients`
reruns a part of it in both.
"""

import json
import os
import platform
from importlib import metadata
from pathlib import Path

import numpy as np

from rnnlib import runs, tasks
from rnnlib.batch import Batches

PATH = Path(__file__).parent / "results" / "adding.json"
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
    n = len(steps) // EVERY * EVERY
    return np.reshape(steps[:n], (-1, EVERY)).mean(axis=1)


def write(results):
    """The results file, whole or not at all."""
    PATH.parent.mkdir(exist_ok=True)
    part = PATH.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1) + "\n")
    os.replace(part, PATH)


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
    if not PATH.exists():
        versions = {name: metadata.version(name) for name in ("numpy", "torch")}
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, one thread"
        return {"settings": settings(), "versions": versions, "machine": machine, "runs": []}
    results = json.loads(PATH.read_text())
    if results["settings"] != settings():
        have = results["settings"]
        raise ValueError(
            f"{PATH} was made with {have}, this script has {settings()}: move the file away first"
        )
    return results


def select(results, start, T, seeds):
    """The runs of a start and a length with these seeds."""
    return [run for run in results["runs"] if (run["start"], run["T"]) == (start, T) and run["seed"] in seeds]


def chosen_rate(results, start, T):
    """The rate with the lowest mean error over the tuning seeds; a run that diverged counts as infinitely bad."""
    runs_ = select(results, start, T, TUNING)
    errors = {rate: [run["error"] for run in runs_ if run["rate"] == rate] for rate in RATES}
    return min(RATES, key=lambda rate: np.mean(np.nan_to_num(errors[rate], nan=np.inf)))


def reported(results, start, T):
    """The runs of the reported seeds."""
    return select(results, start, T, REPORTED)


def study(rnn):
    """All runs that are not yet in the file."""
    results = load()
    done = {(run["start"], run["T"], run["rate"], run["seed"]) for run in results["runs"]}

    def run(start, T, rate, seed):
        if (start, T, rate, seed) in done:
            return
        _, history, error = train(rnn, start, T, rate, seed)
        points = [round(float(v), 5) for v in curve(history.steps)]
        about = dict(start=start, T=T, rate=rate, seed=seed, error=round(error, 6), curve=points)
        results["runs"].append(about)
        write(results)
        print(f"T {T:3}  {start:20}  rate {rate:<6g} seed {seed}  error {error:.4f}", flush=True)

    for T in LENGTHS:
        for start in STARTS:
            for rate in RATES:
                for seed in TUNING:
                    run(start, T, rate, seed)
            for seed in REPORTED:
                run(start, T, chosen_rate(results, start, T), seed)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt)
