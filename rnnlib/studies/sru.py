"""The study of light cells: its settings, one run of each kind, and what the stored runs found.

`python -m benchmarks.sru` makes the runs, the chapter `sru` reads them and repeats a part: to change the experiment, change it here.
Two kinds of runs.  `asked`: one stream of button presses, three questions about it, and fresh examples in every update.  `texts`:
whole texts to classify, stopped by the validation part.  For each cell the options are chosen on the seeds `TUNING` (lowest mean
loss on held-out examples, or on the validation part), and the seeds `REPORTED` are run with them.
"""

import json
import re
import time
from pathlib import Path

import numpy as np

from rnnlib import batch, datasets, runs, tasks, text
from rnnlib.studies import stored

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
PATH, SPEEDS = RESULTS / "sru.json", RESULTS / "sru_sizes.json"
SIZES = [(16, T, 64) for T in (64, 256, 1024)] + [(16, 256, H) for H in (16, 256)]  # B, T, H = D
TUNING, REPORTED = (0, 1), (2, 3, 4, 5, 6)
QUESTIONS = {  # the state that the answer needs, after each press
    "last": "which button was pressed last?",
    "first": "which button was pressed first?",
    "odd": "is the number of presses odd?",
}
CELLS = {  # name -> cell, layers
    "GRU": ("gru", 1),
    "SRU": ("sru", 1),
    "SRU, 2 layers": ("sru", 2),
    "minGRU": ("mingru", 1),
    "minGRU, 2 layers": ("mingru", 2),
}
STEPS, PRESSES, HIDDEN, BATCH, UPDATES, CLIP, HELD_OUT = 24, 0.3, 32, 32, 600, 1.0, 500
LONGER = 4  # answers are asked for at STEPS steps, as trained, and at so many times as many
RATES = (3e-2, 1e-2)

TEXTS = ("docstrings", "sentence_polarity")
READERS = {  # name -> cell, layers
    "SRU": ("sru", 1),
    "SRU, 2 layers": ("sru", 2),
    "minGRU": ("mingru", 1),
    "LSTM": ("lstm", 1),
    "GRU": ("gru", 1),
}
PACKAGES = ("numpy", "scikit-learn", "statsmodels")
WORDS, LEAST, RARE, EMBEDDED, UNITS, EPOCHS, PATIENCE = 40, 5, 2, 64, 64, 12, 2
SETTINGS = [(rate, 0.5) for rate in (3e-2, 1e-2, 3e-3, 1e-3)]  # rate, dropout
GIVEAWAY = re.compile(r"numpy|sklearn|scikit|statsmodels|scipy|pandas|^np$|^sm$|^smf$|^pd$")


def ask(question, num_examples, T, rng):
    """Presses of button A or B, or none, x (N, T, 2), and at each step the answer to a question of QUESTIONS, y (N, T)."""
    presses, last = tasks.flip_flop(num_examples, T, rate=PRESSES, rng=rng)
    x = np.concatenate([presses > 0, presses < 0], axis=2).astype("float32")
    odd = np.cumsum(x.sum(axis=2), axis=1).astype("int64") % 2
    return x, {"last": last, "first": np.repeat(last[:, :1], T, axis=1), "odd": odd}[question]


def listener(rnn, name, seed):
    """A model for the questions."""
    cell, layers = CELLS[name]
    return rnn.Tagger(2, HIDDEN, 2, cell=cell, num_layers=layers, rng=seed)


def train_asked(rnn, question, name, rate, seed, updates=UPDATES):
    """One run -> model, History, {"loss", "right": at STEPS steps, "longer": at LONGER times as many}; loss NaN if it diverged.

    Both shares are of right answers in the last quarter of the steps, on held-out examples.
    """
    model = listener(rnn, name, seed)
    x, y = ask(question, UPDATES * BATCH, STEPS, [seed, 0])
    n = updates * BATCH
    try:
        history = rnn.fit(
            model,
            batch.Batches((x[:n], y[:n]), BATCH),
            loss="cross_entropy",
            optimizer=("adam", {"lr": rate}),
            epochs=1,
            clip_norm=CLIP,
        )
    except runs.Diverged as problem:
        return model, problem.history, {"loss": float("nan"), "right": 0.5, "longer": 0.5}
    loss = rnn.evaluate(
        model, batch.Batches(ask(question, HELD_OUT, STEPS, [seed, 1]), HELD_OUT), "cross_entropy"
    )
    right, longer = (late(rnn, model, question, T, seed) for T in (STEPS, LONGER * STEPS))
    return model, history, {"loss": loss, "right": right, "longer": longer}


def late(rnn, model, question, T, seed):
    """Share of right answers in the last quarter of T steps, on held-out examples."""
    x, y = ask(question, HELD_OUT, T, [seed, 2, T])
    right = rnn.predict(model, x).argmax(axis=2) == y
    return float(right[:, -(T // 4) :].mean())


def corpus(name):
    """Texts to classify: dict of "train", "valid", "test", each (list of token lists, labels (N,)).

    docstrings         the package of a docstring, from its first WORDS tokens without those that name a package; all texts of a
                       module are in one part, and modules of each package are divided 70 : 15 : 15
    sentence_polarity  the sign of a sentence, divided 80 : 10 : 10
    """
    if name == "docstrings":
        records = datasets.load(name)
        tokens = [text.tokenize(record["text"].lower()) for record in records]
        tokens = [[t for t in row if not GIVEAWAY.search(t)][:WORDS] for row in tokens]
        labels = np.array([PACKAGES.index(record["package"]) for record in records])
        groups, shares = [record["module"] for record in records], (0.70, 0.85)
    else:
        loaded = datasets.load(name)
        tokens, labels = [line.split()[:WORDS] for line in loaded["texts"]], loaded["labels"]
        groups, shares = [str(i) for i in range(len(tokens))], (0.80, 0.90)
    kept = [i for i, row in enumerate(tokens) if len(row) >= LEAST]
    part = divide([groups[i] for i in kept], labels[kept], shares)
    rows = {name: [i for i in kept if part[groups[i]] == name] for name in ("train", "valid", "test")}
    return {name: ([tokens[i] for i in chosen], labels[chosen]) for name, chosen in rows.items()}


def divide(groups, labels, shares):
    """Group -> "train", "valid" or "test": the groups of each label in a random but fixed order, cut at `shares`."""
    part, rng = {}, np.random.default_rng(0)
    for label in np.unique(labels):
        own = sorted({group for group, its in zip(groups, labels, strict=True) if its == label})
        for place, i in enumerate(rng.permutation(len(own))):
            part[own[i]] = ("train", "valid", "test")[sum(place >= share * len(own) for share in shares)]
    return part


def encoded(parts):
    """Vocabulary of the training part, and each part as x (N, T) ids, y (N,), lengths (N,)."""
    vocabulary = text.Vocabulary((t for row in parts["train"][0] for t in row), min_count=RARE)
    arrays = {}
    for name, (tokens, labels) in parts.items():
        x, lengths = batch.pad([vocabulary.encode(row) for row in tokens])
        arrays[name] = x, labels, lengths
    return vocabulary, arrays


def train_text(rnn, arrays, vocab_size, name, rate, dropout, seed):
    """One run on encoded texts -> model, History, {"loss": of the validation part, "accuracy": of the test part, "ms": an update}.

    `ms` is processor time of the whole run, validation included, over its updates.
    """
    classes = len(np.unique(arrays["train"][1]))
    cell, layers = READERS[name]
    options = dict(cell=cell, num_layers=layers, vocab_size=vocab_size, dropout=dropout, rng=seed)
    model = rnn.Classifier(EMBEDDED, UNITS, classes, **options)
    begin = time.process_time()
    history = rnn.fit(
        model,
        batch.Batches(arrays["train"], BATCH, rng=seed, bucket=True),
        loss="cross_entropy",
        optimizer=("adam", {"lr": rate}),
        epochs=EPOCHS,
        valid=batch.Batches(arrays["valid"], 256),
        patience=PATIENCE,
        clip_norm=CLIP,
    )
    ms = 1e3 * (time.process_time() - begin) / len(history.steps)
    accuracy = rightly(rnn, model, arrays["test"])
    return model, history, {"loss": min(history.valid), "accuracy": accuracy, "ms": ms}


def rightly(rnn, model, arrays):
    """Share of texts that a model classifies rightly: x (N, T), y (N,), lengths (N,)."""
    x, y, lengths = arrays
    return float((rnn.predict(model, x, lengths).argmax(axis=1) == y).mean())


def bag_of_words(parts):
    """Logistic regression on counted words -> accuracy on "valid" and "test", and the options that were best on "valid".

    Words alone or with pairs, whether a word occurs or its tf-idf, and the strength of the penalty are all chosen on "valid".
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts = {name: [" ".join(row) for row in tokens] for name, (tokens, _) in parts.items()}
    y = {name: labels for name, (_, labels) in parts.items()}
    best = (-1, None, None)
    for grams in ((1, 1), (1, 2)):
        shared = dict(
            ngram_range=grams, min_df=RARE, tokenizer=str.split, token_pattern=None, lowercase=False
        )
        for counts in (CountVectorizer(binary=True, **shared), TfidfVectorizer(**shared)):
            x = {"train": counts.fit_transform(texts["train"])}
            x.update({name: counts.transform(texts[name]) for name in ("valid", "test")})
            for C in (0.3, 3, 30):
                model = LogisticRegression(C=C, max_iter=2000).fit(x["train"], y["train"])
                valid = model.score(x["valid"], y["valid"])
                if valid > best[0]:
                    found = {"pairs": grams[1] == 2, "counts": type(counts).__name__, "C": C}
                    best = (valid, model.score(x["test"], y["test"]), found)
    return best


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    names = "STEPS PRESSES HIDDEN BATCH UPDATES CLIP HELD_OUT LONGER WORDS LEAST RARE EMBEDDED UNITS EPOCHS PATIENCE"
    return {name.lower(): globals()[name] for name in names.split()} | {"optimizer": "adam"}


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings(), ("numpy", "torch", "scikit-learn"), ("asked", "texts", "bags"))


def select(found, name, seeds, **where):
    """The runs of a cell with these seeds: `select(results["asked"], "SRU", REPORTED, question="first")`."""
    return [
        run
        for run in found
        if run["cell"] == name
        and run["seed"] in seeds
        and all(run[key] == value for key, value in where.items())
    ]


def chosen(found, name, **where):
    """The options (rate, or rate and dropout) with the lowest mean loss over the tuning seeds; a diverged run is infinitely bad."""
    losses = {}
    for run in select(found, name, TUNING, **where):
        options = (run["rate"], run["dropout"]) if "dropout" in run else (run["rate"],)
        losses.setdefault(options, []).append(run["loss"])
    return min(losses, key=lambda options: np.mean(np.nan_to_num(losses[options], nan=np.inf)))


def reported(found, name, **where):
    """The runs of the reported seeds with the chosen options."""
    options = dict(zip(("rate", "dropout"), chosen(found, name, **where), strict=False))
    return select(found, name, REPORTED, **where, **options)


def speeds():
    """The records of benchmarks/sru_sizes.py: framework, cell, B, T, D, H, ms and ratio of each make."""
    return json.loads(SPEEDS.read_text())["records"]


def on_gpu():
    """The records of benchmarks/gpu.py: T, B, D, H and milliseconds of each layer, forward and backward."""
    return json.loads((RESULTS / "gpu.json").read_text())["speed"]


def sweep(records, framework, axis, label):
    """[(size, microseconds a step)] along axis "T" (H = 64) or "H" (T = 256); "LSTM" is the native one."""
    other, fixed = ("H", 64) if axis == "T" else ("T", 256)
    cell, make = {"LSTM": ("sru", "bare"), "SRU": ("sru", "derived"), "minGRU": ("mingru", "derived")}[label]
    chosen = [r for r in records if (r["framework"], r["cell"], r[other]) == (framework, cell, fixed)]
    return sorted((r[axis], 1e3 * r["ms"][make] / r["T"]) for r in chosen)
