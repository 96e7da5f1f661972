"""Three studies of the LSTM: their settings, one run of each, and what the stored runs found.

`python -m benchmarks.lstm` makes the runs, the chapter `lstm` reads them and repeats a part: to change an experiment, change it
here.  Every update of `first_bit` and `intervals` sees fresh examples.

first_bit   for how many steps can a bit be kept, from different first biases of the forget gate?
intervals   do peepholes help to tell an interval of n steps from one of n + 1?
text        characters of documentation, LSTM against Elman network, with equally many weights
"""

from pathlib import Path

import numpy as np

from rnnlib import checks, datasets, runs, text
from rnnlib.batch import Batches
from rnnlib.studies import stored

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "lstm.json"
SEEDS, BATCH, CLIP, HELD_OUT = (0, 1, 2, 3, 4), 32, 1.0, 1000
EVERY = 20  # updates in one point of a stored curve

FIRST_BIT = {"T": (10, 20, 50, 100, 200), "hidden": 16, "updates": 200}
FIRST_BIT |= {"rate": 0.01, "other_rate": 0.003, "other_T": 50}  # the second rate is tried at one length
STARTS = ("Elman, orthogonal", "LSTM, uniform", "forget bias 0", "forget bias 1", "forget bias 3", "chrono")
VERY_LONG, PATIENT = (
    1000,
    ("forget bias 3", "chrono"),
)  # starts that are also tried at this length

INTERVALS = {"n": (10, 20), "rates": (0.02, 0.005), "hidden": 4, "forget_bias": 3.0, "updates": 300}

TEXT = {"seq_len": 64, "embed": 32, "updates": 600, "rates": (0.1, 0.03, 0.01, 0.003), "tuning": (0,)}
TEXT |= {"train": 1_000_000, "held_out": 200_000, "reported": (1, 2, 3, 4, 5)}
TEXT |= {"long": 2400, "long_seeds": (1, 2, 3)}  # four times the updates, with rates chosen anew
CELLS = {"LSTM": ("lstm", 64), "Elman": ("elman", 119)}  # cell, units: 36,472 and 36,328 weights


def first_bit(num_examples, T, rng=0):
    """A bit, then noise: x (N, T, 2), y (N,) int64, the bit.

    Channel 1 says the bit at the first step, as -1 or 1, and nothing (0) after it; channel 0 is standard normal at every step.
    """
    checks.positive(num_examples, "num_examples")
    rng = np.random.default_rng(rng)
    x = np.zeros((num_examples, checks.positive(T, "T"), 2), "float32")
    x[:, :, 0] = rng.normal(size=(num_examples, T))
    y = rng.integers(0, 2, num_examples)
    x[:, 0, 1] = 2 * y - 1
    return x, y


def intervals(num_examples, n, rng=0):
    """Two spikes n (class 0) or n + 1 (class 1) steps apart: x (N, 2n, 1), y (N,) int64, lengths (N,), up to the second spike."""
    checks.positive(num_examples, "num_examples")
    if checks.positive(n, "n") < 2:
        raise ValueError(f"the first spike needs room to move: n must be at least 2, got {n}")
    rng, rows = np.random.default_rng(rng), np.arange(num_examples)
    y, first = rng.integers(0, 2, num_examples), rng.integers(0, n - 1, num_examples)
    x = np.zeros((num_examples, 2 * n, 1), "float32")
    x[rows, first] = x[rows, first + n + y] = 1
    return x, y, first + n + y + 1


def build(rnn, start, T, seed):
    """A classifier for `first_bit`.  "uniform": all of the cell within 1/sqrt(H), as PyTorch draws it; "chrono": for lags up to T."""
    H, rng = FIRST_BIT["hidden"], np.random.default_rng([seed, 1])
    if start.startswith("Elman"):
        return rnn.Classifier(2, H, 2, cell="elman", rng=seed)
    bias = float(start.split()[-1]) if start.startswith("forget") else 0.0
    model = rnn.Classifier(2, H, 2, cell=("lstm", {"forget_bias": bias}), rng=seed)
    p = rnn.params(model)
    if start == "chrono":
        p["rnn.cell.b"] = chrono(p["rnn.cell.b"], T, rng)
    if start == "LSTM, uniform":
        for name in ("rnn.cell.W_x", "rnn.cell.W_h", "rnn.cell.b"):
            p[name] = rng.uniform(-(H**-0.5), H**-0.5, p[name].shape)
            if name.endswith("b"):  # PyTorch adds two of them
                p[name] += rng.uniform(-(H**-0.5), H**-0.5, p[name].shape)
    rnn.load(model, p)
    return model


def chrono(b, T, rng):
    """The bias b (4H,) with forget gates for memories of 1 to T - 1 steps, input gates the other way round.

    Source: Tallec & Ollivier 2018, "chrono initialization": b_f = log u, u uniform in [1, T - 1], b_i = -b_f.
    """
    H, b = len(b) // 4, b.copy()
    b[H : 2 * H] = np.log(rng.uniform(1, T - 1, H))
    b[:H] = -b[H : 2 * H]
    return b


def train(rnn, model, data, rate, updates):
    """One pass over `data` (N, ...), N = updates * BATCH -> History, cut short where it diverged."""
    data = tuple(part[: updates * BATCH] for part in data)
    adam = ("adam", {"lr": rate})
    try:
        return rnn.fit(
            model, Batches(data, BATCH), loss="cross_entropy", optimizer=adam, epochs=1, clip_norm=CLIP
        )
    except runs.Diverged as problem:
        return problem.history


def run_first_bit(rnn, start, T, rate, seed, updates=FIRST_BIT["updates"]):
    """One run -> model, History, accuracy on held-out examples (chance: one half)."""
    model = build(rnn, start, T, seed)
    history = train(rnn, model, first_bit(FIRST_BIT["updates"] * BATCH, T, [seed, T, 0]), rate, updates)
    x, y = first_bit(HELD_OUT, T, [seed, T, 1])
    return model, history, float(np.mean(rnn.predict(model, x).argmax(axis=1) == y))


def run_intervals(rnn, peepholes, n, rate, seed, updates=INTERVALS["updates"]):
    """One run -> model, History, accuracy on held-out examples (chance: one half)."""
    options = {"peepholes": peepholes, "forget_bias": INTERVALS["forget_bias"]}
    model = rnn.Classifier(1, INTERVALS["hidden"], 2, cell=("lstm", options), native=False, rng=seed)
    history = train(rnn, model, intervals(INTERVALS["updates"] * BATCH, n, [seed, n, 0]), rate, updates)
    x, y, lengths = intervals(HELD_OUT, n, [seed, n, 1])
    return model, history, float(np.mean(rnn.predict(model, x, lengths).argmax(axis=1) == y))


def streams():
    """The documentation text of chapter `sequence-data` as ids, {train, valid, test}, and the vocabulary."""
    documents, parts = datasets.load("docstrings"), {}
    packages = {"train": "statsmodels", "valid": "scikit-learn", "test": "numpy"}
    for part, package in packages.items():
        found = [d["text"] for d in documents if d["package"] == package]
        parts[part] = [found[i] for i in np.random.default_rng(0).permutation(len(found))]
    letters = text.Vocabulary("".join(parts["train"]))
    sizes = {part: TEXT["train" if part == "train" else "held_out"] for part in parts}
    return {part: letters.encode("\n\n\n".join(parts[part])[: sizes[part]]) for part in parts}, letters


def run_text(rnn, name, rate, seed, ids, vocab_size, updates=TEXT["updates"]):
    """One run on windows of `ids["train"]` -> model, History, bits a character {valid, test}."""
    cell, hidden = CELLS[name]
    model = rnn.Tagger(TEXT["embed"], hidden, vocab_size, cell=cell, vocab_size=vocab_size, rng=seed)
    windows = text.windows(ids["train"], TEXT["seq_len"])
    rows = np.random.default_rng(seed).permutation(len(windows.x))
    rows = np.resize(rows, updates * BATCH)  # over and over, in the same order
    history = train(rnn, model, (windows.x[rows], windows.y[rows]), rate, updates)
    bits = {}
    for part in ("valid", "test"):
        held_out = Batches(tuple(text.windows(ids[part], TEXT["seq_len"])), 256)
        bits[part] = rnn.evaluate(model, held_out, "cross_entropy") / np.log(2)
    return model, history, bits


def curve(steps):
    """Losses of the updates, averaged over every EVERY of them."""
    return stored.curve(steps, EVERY)


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    common = dict(seeds=SEEDS, batch=BATCH, clip=CLIP, held_out=HELD_OUT, every=EVERY)
    common |= dict(first_bit=FIRST_BIT, intervals=INTERVALS, text=TEXT, cells=CELLS, optimizer="adam")
    return common


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings())


def select(results, **wanted):
    """The stored runs with these values, e.g. `select(results, study="first_bit", start="chrono", T=50)`."""
    return [run for run in results["runs"] if all(run.get(key) == value for key, value in wanted.items())]


def chosen_rate(results, name, study="text"):
    """The rate of "text" or "text, long" with the lowest mean validation bits over the tuning seeds."""
    tuning = [run for run in select(results, study=study, cell=name) if run["seed"] in TEXT["tuning"]]
    return stored.best(TEXT["rates"], tuning, lambda run: run["bits"]["valid"])


def reported_bits(results, name, study="text"):
    """Test bits of a cell's runs at its chosen rate, seeds of the choice left out."""
    runs_ = select(results, study=study, cell=name, rate=chosen_rate(results, name, study))
    return np.array([run["bits"]["test"] for run in runs_ if run["seed"] not in TEXT["tuning"]])
