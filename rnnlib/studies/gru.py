"""The study of the GRU: its settings, one run of it, and what the stored runs found.

`python -m benchmarks.gru` makes the runs, the chapter `gru` reads them and repeats a part in both frameworks: to change the
experiment, change it here.  Two tasks: `copy`, symbols to repeat after a pause, where every update sees fresh examples; and
`sunspots`, next year's number, trained on 1700-1920, stopped by 1921-1955, tested on 1956-2008.  For each task and variant the
learning rate is chosen on the seeds `TUNING` (the lowest mean loss on held-out examples, or on the years 1921-1955), and the
seeds `REPORTED` are run with it.
"""

from pathlib import Path

from numpy.lib.stride_tricks import sliding_window_view

from rnnlib import cells, datasets, runs, series, tasks
from rnnlib.batch import Batches
from rnnlib.studies import stored

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "gru.json"
RATES = (4e-2, 2e-2, 1e-2)
TUNING, REPORTED = (0, 1), (2, 3, 4, 5, 6)
DELAY, LENGTH, SYMBOLS, EMBEDDED = 30, 3, 4, 8
BATCH, UPDATES, CLIP, HELD_OUT = 32, 600, 1.0, 1000
LONG = 2400  # updates of the runs "long", which ask whether a cell that has not learned in UPDATES only needs more
EVERY = 20  # updates in one point of a stored curve
YEARS, EPOCHS, PATIENCE = 40, 300, 60  # sunspots: steps of a window, passes over all windows at most
OPEN = 50.0  # a bias that makes a gate 1 in float32, and its slope 0
VARIANTS = {  # task -> name -> cell, units (as many weights for each task, up to 3 %), biases of gates, without the reset gate?
    "copy": {
        "GRU": ("gru", 36, {}, False),
        "GRU, z bias 1": ("gru", 36, {"z": 1.0}, False),
        "GRU, z bias 3": ("gru", 36, {"z": 3.0}, False),
        "GRU, reset before": (("gru", {"reset_after": False}), 36, {}, False),
        "GRU, no reset gate": ("gru", 36, {}, True),  # the same units, a third fewer weights in use
        "GRU, no reset gate, z bias 3": ("gru", 36, {"z": 3.0}, True),
        "LSTM": ("lstm", 31, {}, False),  # its forget bias is 1
        "LSTM, forget bias 3": (("lstm", {"forget_bias": 3.0}), 31, {}, False),
    },
    "sunspots": {
        "Elman": ("elman", 29, {}, False),
        "LSTM": ("lstm", 14, {}, False),
        "GRU": ("gru", 16, {}, False),
        "GRU, no reset gate": ("gru", 16, {}, True),
    },
}


def build(rnn, task, variant, seed):
    """A model for the task.  Without the reset gate: r is 1 and stays so, since float32 gives its weights a gradient of 0."""
    cell, H, biases, no_reset = VARIANTS[task][variant]
    if task == "copy":
        model = rnn.Tagger(EMBEDDED, H, SYMBOLS + 1, cell=cell, vocab_size=SYMBOLS + 2, rng=seed)
    else:
        model = rnn.Tagger(1, H, 1, cell=cell, rng=seed)
    p = rnn.params(model)
    for gate, value in biases.items():
        k = cells.row("gru").gates.index(gate)
        p["rnn.cell.b"][k * H : (k + 1) * H] = value
    if no_reset:
        p["rnn.cell.W_x"][:, :H], p["rnn.cell.W_h"][:, :H], p["rnn.cell.b"][:H] = 0, 0, OPEN
    rnn.load(model, p)
    return model


def copy_data(seed, updates=UPDATES):
    """Batches of the first `updates` updates, each example seen once, and x, y to measure on."""
    first = tasks.delayed_copy(updates * BATCH, DELAY, LENGTH, SYMBOLS, rng=[seed, 0])
    return Batches(first, BATCH), tasks.delayed_copy(HELD_OUT, DELAY, LENGTH, SYMBOLS, rng=[seed, 1])


def spots():
    """Sunspots: training batches, validation batches, inputs of the whole record (1, 308, 1), the scaler, the numbers by year."""
    values = datasets.load("sunspots")
    train, valid, _ = series.split(values, at=(1921, 1956))
    scaler = series.Standardizer().fit(train)
    z = scaler.transform(values).astype("float32")
    cut = sliding_window_view(z[: len(train)], YEARS + 1)[:, :, None]
    later = z[None, len(train) : len(train) + len(valid), None]
    valid = Batches((later[:, :-1], later[:, 1:]), 1)
    return Batches((cut[:, :-1], cut[:, 1:]), len(cut)), valid, z[None, :-1, None], scaler, values


def train(rnn, task, variant, rate, seed, updates=UPDATES):
    """One run -> model, History, what it found: {"loss": NaN} for a run that diverged, else the held-out loss and

    copy      right: share of the repeated symbols that is right, on held-out examples
    sunspots  forecast: of the years 1956-2008, each from all years before it
    """
    model, options = build(rnn, task, variant, seed), dict(optimizer=("adam", {"lr": rate}), clip_norm=CLIP)
    try:
        if task == "copy":
            training, (x, y) = copy_data(seed, updates)
            history = rnn.fit(model, training, loss="cross_entropy", epochs=1, **options)
            right = rnn.predict(model, x)[:, -LENGTH:].argmax(axis=2) == y[:, -LENGTH:]
            loss = rnn.evaluate(model, Batches((x, y), HELD_OUT), "cross_entropy")
            return model, history, {"loss": loss, "right": float(right.mean())}
        training, valid, record, scaler, values = spots()
        options |= dict(epochs=EPOCHS, patience=PATIENCE, valid=valid)
        history = rnn.fit(model, training, loss="mse", **options)
        forecast = scaler.inverse_transform(rnn.predict(model, record)[0, :, 0])[values.index[1:] >= 1956]
        return model, history, {"loss": history.valid[history.best_epoch], "forecast": forecast}
    except runs.Diverged as problem:
        return model, problem.history, {"loss": float("nan")}


def curve(steps):
    """Losses of the updates, averaged over every EVERY of them."""
    return stored.curve(steps, EVERY)


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    names = "DELAY LENGTH SYMBOLS EMBEDDED BATCH UPDATES LONG CLIP HELD_OUT EVERY YEARS EPOCHS PATIENCE"
    return {name.lower(): globals()[name] for name in names.split()} | {"optimizer": "adam"}


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings())


def select(results, task, variant, seeds):
    """The runs of a task and a variant with these seeds."""
    return [r for r in results["runs"] if (r["task"], r["variant"]) == (task, variant) and r["seed"] in seeds]


def chosen_rate(results, task, variant):
    """The rate with the lowest mean loss over the tuning seeds; a run that diverged counts as infinitely bad."""
    return stored.best(RATES, select(results, task, variant, TUNING), lambda run: run["loss"])


def reported(results, task, variant):
    """The runs of the reported seeds at the chosen rate."""
    rate = chosen_rate(results, task, variant)
    return [run for run in select(results, task, variant, REPORTED) if run["rate"] == rate]
