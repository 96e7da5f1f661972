"""The study of sentiment: its settings, one run of it, and what the stored runs found.

`python -m benchmarks.sentiment` makes the runs, the chapter `sentiment` reads them and repeats a part: to change the experiment, change
it here.  Two sets with fixed parts: "sentences" (sentence_polarity) and "reviews" (movie_reviews, of which a network reads LENGTH tokens).
Everything is chosen on the validation part, by the runs of the seeds `TUNING`: the dropout, which end of a review is read.  The test part
is answered by the seeds `REPORTED` of what was chosen, once.  What is CHANGED in that model is compared on the validation part, by the seeds
`COMPARED` (of reviews, where seeds differ more: `REPORTED`), and never sees the test part.
"""

from pathlib import Path

import numpy as np

from rnnlib import baselines, datasets
from rnnlib.batch import Batches
from rnnlib.classify import Encoder
from rnnlib.studies import stored
from rnnlib.tokens import tokenize

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "sentiment.json"
DATA = {"sentences": "sentence_polarity", "reviews": "movie_reviews"}
TUNING, REPORTED, COMPARED = (0,), (1, 2, 3, 4, 5), (1, 2)
DROPOUTS = (0.3, 0.5, 0.7)
EMBEDDED, MIN_COUNT, RATE, CLIP = 64, 2, 2e-3, 1.0
HIDDEN = {"sentences": 64, "reviews": 32}
BATCH = {"sentences": 100, "reviews": 50}
EPOCHS = {"sentences": 12, "reviews": 24}
PATIENCE = {"sentences": 2, "reviews": 6}
LENGTH = 200  # words of a review that a network reads: all of its 700 would be slow, and hard to learn
BEST = {"cell": "gru", "pool": "max", "bidirectional": True}
MODELS = {  # set -> name -> options of rnn.Classifier, dropouts to choose from, which end of a text is read
    "sentences": {"two GRUs, max": (BEST, DROPOUTS, None)},
    "reviews": {
        "two LSTMs, max, last words": ({**BEST, "cell": "lstm"}, (0.5,), "last"),
        "two LSTMs, max, first words": ({**BEST, "cell": "lstm"}, (0.5,), "first"),
    },
}
ALONE = {"cell": ("tcn", {"kernel_size": 1, "num_layers": 1})}  # a layer that sees one word at a time
CHANGED = {  # changes of the model of the sentences, compared on the validation part alone: options, dropout or None, as chosen
    "no dropout": (BEST, 0.0),
    "mean": ({**BEST, "pool": "mean"}, None),
    "last": ({**BEST, "pool": "last"}, None),
    "one direction, last": ({**BEST, "pool": "last", "bidirectional": False}, None),
    "each word alone, max": ({**ALONE, "pool": "max"}, None),
    "each word alone, mean": ({**ALONE, "pool": "mean"}, None),
    "words shuffled": (BEST, None),
}
ALONE_REVIEWS = ("each word alone, max", "each word alone, mean")  # of these also for reviews
COUNTS = {"words, logistic": "logistic", "words, Bayes": "bayes"}


def parts(which, end=None):
    """{"train", "valid", "test": (texts, labels)} of a set; of each text the "first" or "last" LENGTH words, or None: all."""
    data = datasets.load(DATA[which])
    found = {}
    for part in ("train", "valid", "test"):
        rows = np.flatnonzero(data["part"] == part)
        found[part] = [cut(data["texts"][row], end) for row in rows], data["labels"][rows]
    return found


def cut(whole, end):
    """The first or last LENGTH words of a text, or all of it."""
    if end is None:
        return whole
    words = tokenize(whole)
    return " ".join(words[:LENGTH] if end == "first" else words[-LENGTH:])


def shuffled(texts, rng=0):
    """The same parts, the words of each text in an order of chance."""
    rng = np.random.default_rng(rng)
    return {
        part: ([" ".join(rng.permutation(row.split())) for row in rows], labels)
        for part, (rows, labels) in texts.items()
    }


def batches(which, texts, seed):
    """An encoder learned from the training texts, and each part as Batches; training in the order of this seed.

    Reviews come without lengths: nearly all are longer than what is read of them, so that there is hardly any padding, and without a
    mask PyTorch runs an LSTM as one operation.
    """
    encoder, found = Encoder(texts["train"][0], min_count=MIN_COUNT), {}
    for part, (rows, labels) in texts.items():
        x, lengths = encoder(rows)
        masked = which == "sentences"
        arrays, train = (x, labels, lengths if masked else None), part == "train"
        size = BATCH[which] if train else 256
        found[part] = Batches(arrays, size, rng=seed if train else None, bucket=train and masked)
    return encoder, found


def train(rnn, which, model, dropout, seed, texts, epochs=None):
    """One run -> network, History, {"valid": odds, "test": odds}: log-odds of praise, (N,), of the best epoch by validation loss."""
    options = (CHANGED if model in CHANGED else MODELS[which])[model][0]
    encoder, data = batches(which, texts, seed)
    sizes = dict(num_classes=2, vocab_size=len(encoder.vocabulary), dropout=dropout, rng=seed)
    network = rnn.Classifier(EMBEDDED, HIDDEN[which], **sizes, **options)
    history = rnn.fit(
        network,
        data["train"],
        loss="cross_entropy",
        optimizer=("adam", {"lr": RATE}),
        epochs=epochs or EPOCHS[which],
        valid=data["valid"],
        clip_norm=CLIP,
        patience=PATIENCE[which],
        progress=False,
    )
    logits = {part: rnn.predict(network, data[part]) for part in ("valid", "test")}
    return network, history, {part: (z[:, 1] - z[:, 0]).astype(float) for part, z in logits.items()}


def count_words(kind, texts):
    """Word counts, tuned on the validation part -> the model, {"valid": odds, "test": odds}."""
    model = baselines.WordCounts(kind).fit(*texts["train"], valid=texts["valid"])
    p = {part: np.clip(model.predict_proba(texts[part][0]), 1e-12, 1) for part in ("valid", "test")}
    return model, {part: np.log(q[:, 1] / q[:, 0]) for part, q in p.items()}


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    names = "DATA EMBEDDED HIDDEN MIN_COUNT RATE CLIP PATIENCE BATCH EPOCHS LENGTH"
    return {name.lower(): globals()[name] for name in names.split()} | {"optimizer": "adam"}


def load(path=PATH):
    """The results so far: `runs` of networks, `counts` of the baselines, `labels` of the parts.  ValueError for other settings."""
    return stored.load(path, settings(), ("numpy", "torch", "scikit-learn"), ("runs", "counts"))


def pack(odds):
    """Log-odds (N,) -> one string of whole hundredths, which is short in a file; none is rounded to 0, so each keeps its side."""
    return " ".join(str(int(np.sign(value) * max(1, round(100 * abs(value))))) for value in odds)


def unpack(packed):
    """What `pack` made -> log-odds (N,)."""
    return np.array(packed.split(), float) / 100


def select(results, which, model, seeds):
    """The runs of a set and a model with these seeds."""
    return [r for r in results["runs"] if (r["set"], r["model"]) == (which, model) and r["seed"] in seeds]


def chosen_dropout(results, which, model):
    """The dropout with the lowest mean validation loss over the tuning seeds; where there is one only, that one."""
    dropouts = MODELS[which][model][1]
    if len(dropouts) == 1:
        return dropouts[0]
    runs = select(results, which, model, TUNING)
    return stored.best(dropouts, runs, lambda run: run["loss"], by="dropout")


def reported(results, which, model):
    """The runs of the reported seeds with the chosen dropout."""
    dropout = chosen_dropout(results, which, model)
    return [run for run in select(results, which, model, REPORTED) if run["dropout"] == dropout]


def best_model(results, which):
    """The model whose chosen dropout had the lowest validation loss over the tuning seeds; the test part is not looked at."""

    def loss(model):
        dropout = chosen_dropout(results, which, model)
        return np.mean([r["loss"] for r in select(results, which, model, TUNING) if r["dropout"] == dropout])

    return min(MODELS[which], key=loss)


def labels(results, which, part):
    """The true classes (N,) of a part."""
    return np.array(list(results["labels"][which][part]), int)


def answers(results, which, part="test"):
    """{model: log-odds (seeds, N)} of the baselines (one row) and of the network that was chosen."""
    found = {
        one["model"]: unpack(one[part])[None]
        for one in results["counts"]
        if one["set"] == which and part in one
    }
    model = best_model(results, which)
    found[model] = np.stack([unpack(run[part]) for run in reported(results, which, model)])
    return found


def right(odds, truth):
    """Right answers, bool, of log-odds (..., N)."""
    return (odds > 0) == (truth == 1)


def difference(odds, rival, truth, draws=2000):
    """Accuracy of a network, mean of its seeds, minus a rival's: (mean, low, high), 95 % by bootstrap over test texts and seeds.

    In each draw the texts are the same for all, and the network's seeds are drawn anew as well.
    """
    gap = right(odds, truth) - right(rival, truth).mean(axis=0)  # (seeds, N)
    rng, (seeds, n) = np.random.default_rng(0), gap.shape
    each = gap @ rng.multinomial(n, np.full(n, 1 / n), size=draws).T / n  # (seeds, draws)
    drawn = np.take_along_axis(each, rng.integers(seeds, size=each.shape), axis=0).mean(axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(gap.mean()), float(low), float(high)


def compare(odds, network, truth):
    """Rows of a table out of {model: log-odds (seeds, N)}: how many are right, and by how much the network leads each model."""
    rows = []
    for name, values in odds.items():
        share = right(values, truth).mean(axis=1)
        spread = f"{share.min():.1%} to {share.max():.1%}" if len(share) > 1 else ""
        lead = (
            ""
            if name == network
            else "{:+.1%} ({:+.1%} to {:+.1%})".format(*difference(odds[network], values, truth))
        )
        rows.append(
            {"model": name, "right": f"{share.mean():.1%}", "seeds": spread, "network leads by": lead}
        )
    return rows
