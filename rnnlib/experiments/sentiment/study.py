"""The study of sentiment: its settings, one run of it, and what the stored runs found.

`python -m rnnlib.experiments.sentiment.run` makes the runs, the chapter `sentiment` reads them and
repeats a part.  Two sets with fixed parts: "sentences" (sentence_polarity) and "reviews"
(movie_reviews, of which a network reads `length` tokens).  Everything is chosen on the validation
part, by the runs of the tuning seeds: the dropout, which end of a review is read.  The test part is
answered by the reported seeds of what was chosen, once.  The `changes` of that model are compared
on the validation part, by the compared seeds (of reviews, where seeds differ more: the reported
ones), and never see the test part.
"""

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from rnnlib.data import datasets
from rnnlib.data.batches import Batches
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study
from rnnlib.text import bag_of_words
from rnnlib.text.encoder import Encoder
from rnnlib.text.tokenizers import tokenize

Texts = dict[str, tuple[list[str], np.ndarray]]  # part -> texts, labels (N,)


@dataclass(frozen=True)
class Reading:
    """Of one set: where it comes from, sizes and training of its networks."""

    data: str
    hidden_size: int
    batch: int
    epochs: int
    patience: int
    masked: bool


@dataclass(frozen=True)
class Network:
    """Options of rnn.Classifier, dropouts to choose from, which end of a text is read (None:
    all).
    """

    options: dict
    dropouts: tuple[float, ...]
    end: str | None = None


@dataclass(frozen=True)
class Change:
    """Options of rnn.Classifier, and a dropout (None: the one that was chosen)."""

    options: dict
    dropout: float | None = None


def readings() -> dict[str, Reading]:
    """The two sets.

    Reviews come without lengths: nearly all are longer than what is read of them, so that there is
    hardly any padding, and without a mask PyTorch runs an LSTM as one operation.
    """
    return {
        "sentences": Reading("sentence_polarity", 64, 100, 12, 2, masked=True),
        "reviews": Reading("movie_reviews", 32, 50, 24, 6, masked=False),
    }


def two_directions(**changed: object) -> dict:
    """Options of the best network, with what is changed in them."""
    return {"cell": "gru", "pool": "max", "bidirectional": True, **changed}


def word_alone(pool: str) -> dict:
    """Options of a network whose one layer sees one word at a time."""
    return {"cell": ("tcn", {"kernel_size": 1, "num_layers": 1}), "pool": pool}


def models() -> dict[str, dict[str, Network]]:
    """What is chosen from, by set and name."""
    two_lstms = two_directions(cell="lstm")
    return {
        "sentences": {"two GRUs, max": Network(two_directions(), (0.3, 0.5, 0.7))},
        "reviews": {
            "two LSTMs, max, last words": Network(two_lstms, (0.5,), "last"),
            "two LSTMs, max, first words": Network(two_lstms, (0.5,), "first"),
        },
    }


def changes() -> dict[str, Change]:
    """Changes of the model of the sentences, compared on the validation part alone."""
    return {
        "no dropout": Change(two_directions(), 0.0),
        "mean": Change(two_directions(pool="mean")),
        "last": Change(two_directions(pool="last")),
        "one direction, last": Change(two_directions(pool="last", bidirectional=False)),
        "each word alone, max": Change(word_alone("max")),
        "each word alone, mean": Change(word_alone("mean")),
        "words shuffled": Change(two_directions()),
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Sentiment(Study):
    """Settings, one run, choices by the stored runs."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "torch", "scikit-learn")
    lists: ClassVar[tuple[str, ...]] = ("labels", "runs", "counts")
    test_fields: ClassVar[tuple[str, ...]] = ("test",)

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    optimizer: str = "adam"
    sets: dict[str, Reading] = field(default_factory=readings)
    models: dict[str, dict[str, Network]] = field(default_factory=models)
    changes: dict[str, Change] = field(default_factory=changes)
    shuffled_models: tuple[str, ...] = ("words shuffled",)
    changes_of_reviews: tuple[str, ...] = ("each word alone, max", "each word alone, mean")
    dropout_of_reviews: float = 0.5  # of these
    end_of_changes: dict[str, str | None] = field(  # the end that the chosen models read
        default_factory=lambda: {"sentences": None, "reviews": "last"}
    )
    counts: dict[str, str] = field(
        default_factory=lambda: {"words, logistic": "logistic", "words, Bayes": "bayes"}
    )
    tuning_seeds: tuple[int, ...] = (0,)
    reported_seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    compared_seeds: tuple[int, ...] = (1, 2)
    embedding_size: int = 64
    min_count: int = 2
    rate: float = 2e-3
    clip: float = 1.0
    # words of a review that a network reads: all of its 700 would be slow, and hard to learn
    length: int = 200

    # ---- one run

    def ends(self, which: str) -> list[str | None]:
        """What is read of the texts of a set: all, and the ends that its models read."""
        return list(dict.fromkeys([None, *(model.end for model in self.models[which].values())]))

    def parts(self, which: str, end: str | None = None) -> Texts:
        """{"train", "valid", "test": (texts, labels)} of a set; of each text the "first" or "last"
        words, or all.
        """
        data = datasets.load(self.sets[which].data)
        found = {}
        for part in ("train", "valid", "test"):
            rows = np.flatnonzero(data["part"] == part)
            found[part] = [self.cut(data["texts"][row], end) for row in rows], data["labels"][rows]
        return found

    def cut(self, whole: str, end: str | None) -> str:
        """The first or last `length` words of a text, or all of it."""
        if end is None:
            return whole
        words = tokenize(whole)
        return " ".join(words[: self.length] if end == "first" else words[-self.length :])

    def batches(self, which: str, texts: Texts, seed: int) -> tuple[Encoder, dict[str, Batches]]:
        """An encoder learned from the training texts, and each part as Batches; training in the
        order of this seed.
        """
        reading = self.sets[which]
        encoder = Encoder(texts["train"][0], min_count=self.min_count)
        found = {}
        for part, (rows, labels) in texts.items():
            x, lengths = encoder(rows)
            arrays: Any = (x, labels, lengths if reading.masked else None)
            if part == "train":
                found[part] = Batches(arrays, reading.batch, rng=seed, bucket=reading.masked)
            else:
                found[part] = Batches(arrays, 256)
        return encoder, found

    def train(
        self,
        rnn: ModuleType,
        which: str,
        model: str,
        dropout: float,
        seed: int,
        texts: Texts,
        epochs: int | None = None,
    ) -> tuple:
        """One run -> network, History, {"valid": odds, "test": odds}.

        Odds are log-odds of praise, (N,), of the best epoch by validation loss.
        """
        reading = self.sets[which]
        options = (self.changes if model in self.changes else self.models[which])[model].options
        encoder, data = self.batches(which, texts, seed)
        network = rnn.Classifier(
            self.embedding_size,
            reading.hidden_size,
            num_classes=2,
            vocab_size=len(encoder.vocabulary),
            dropout=dropout,
            rng=seed,
            **self.engine(rnn, options["cell"]),
            **options,
        )
        history = rnn.fit(
            network,
            data["train"],
            loss="cross_entropy",
            optimizer=(self.optimizer, {"lr": self.rate}),
            epochs=epochs or reading.epochs,
            valid=data["valid"],
            clip_norm=self.clip,
            patience=reading.patience,
            progress=False,
        )
        odds = {}
        for part in ("valid", "test"):
            logits = rnn.predict(network, data[part])
            odds[part] = (logits[:, 1] - logits[:, 0]).astype(float)
        return network, history, odds

    def count_words(self, kind: str, texts: Texts) -> tuple:
        """Word counts, tuned on the validation part -> the model, {"valid": odds, "test": odds}."""
        model = bag_of_words.WordCounts(kind).fit(*texts["train"], valid=texts["valid"])
        odds = {}
        for part in ("valid", "test"):
            p = np.clip(model.predict_proba(texts[part][0]), 1e-12, 1)
            odds[part] = np.log(p[:, 1] / p[:, 0])
        return model, odds

    # ---- what the stored runs found

    def chosen_dropout(self, results: dict, which: str, model: str) -> float:
        """The dropout with the lowest mean validation loss over the tuning seeds; where there is
        one only, that one.
        """
        dropouts = self.models[which][model].dropouts
        if len(dropouts) == 1:
            return dropouts[0]
        records = self.select(results, set=which, model=model)
        seeds = self.tuning_seeds
        return self.choose(records, lambda run: run["loss"], dropouts, by="dropout", seeds=seeds)

    def best_model(self, results: dict, which: str) -> str:
        """The model whose chosen dropout had the lowest validation loss over the tuning seeds."""
        names = tuple(self.models[which])
        records = []
        for name in names:
            dropout = self.chosen_dropout(results, which, name)
            records += self.select(results, set=which, model=name, dropout=dropout)
        seeds = self.tuning_seeds
        return self.choose(records, lambda run: run["loss"], names, by="model", seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The model of each set and its dropout."""
        chosen = {which: self.best_model(results, which) for which in self.models}
        return {
            which: (model, self.chosen_dropout(results, which, model))
            for which, model in chosen.items()
        }

    def reports(self, runs: str, record: Record) -> bool:
        """All but the tuning runs of the networks."""
        return runs != "runs" or record["seed"] not in self.tuning_seeds

    def reported(self, results: dict, which: str, model: str) -> list[Record]:
        """The runs of the reported seeds with the chosen dropout."""
        dropout = self.chosen_dropout(results, which, model)
        wanted = {"set": which, "model": model, "dropout": dropout, "seed": self.reported_seeds}
        return self.select(results, **wanted)

    def labels(self, results: dict, which: str, part: str) -> np.ndarray:
        """The true classes (N,) of a part."""
        (record,) = self.select(results, "labels", set=which)
        return np.array(list(record[part]), int)

    def answers(self, results: dict, which: str, part: str = "test") -> dict[str, np.ndarray]:
        """{model: log-odds (seeds, N)} of the baselines (one row) and of the network that was
        chosen.
        """
        odds = {
            record["model"]: unpack(record[part])[None]
            for record in self.select(results, "counts", set=which)
            if part in record
        }
        model = self.best_model(results, which)
        runs = self.reported(results, which, model)
        odds[model] = np.stack([unpack(run[part]) for run in runs])
        return odds


def shuffled(texts: Texts, rng=0) -> Texts:
    """The same parts, the words of each text in an order of chance."""
    rng = np.random.default_rng(rng)
    return {
        part: ([" ".join(rng.permutation(row.split())) for row in rows], labels)
        for part, (rows, labels) in texts.items()
    }


def pack(odds: np.ndarray) -> str:
    """Log-odds (N,) -> one string of whole hundredths, short in a file; none is rounded to 0, so
    each keeps its side.
    """
    hundredths = [max(1, round(100 * abs(value))) for value in odds]
    return " ".join(str(int(np.sign(v) * h)) for v, h in zip(odds, hundredths, strict=True))


def unpack(packed: str) -> np.ndarray:
    """What `pack` made -> log-odds (N,)."""
    return np.array(packed.split(), float) / 100


def right(odds: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Right answers, bool, of log-odds (..., N)."""
    return (odds > 0) == (truth == 1)


def difference(
    odds: np.ndarray, rival: np.ndarray, truth: np.ndarray, draws: int = 2000
) -> tuple[float, float, float]:
    """Accuracy of a network, mean of its seeds, minus a rival's: (mean, low, high), 95 % by
    bootstrap over test texts and seeds.

    In each draw the texts are the same for all, and the network's seeds are drawn anew as well.
    """
    gap = right(odds, truth) - right(rival, truth).mean(axis=0)  # (seeds, N)
    rng = np.random.default_rng(0)
    seeds, n = gap.shape
    each = gap @ rng.multinomial(n, np.full(n, 1 / n), size=draws).T / n  # (seeds, draws)
    drawn = np.take_along_axis(each, rng.integers(seeds, size=each.shape), axis=0).mean(axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(gap.mean()), float(low), float(high)


def compare(odds: dict[str, np.ndarray], network: str, truth: np.ndarray) -> list[dict]:
    """Rows of a table out of {model: log-odds (seeds, N)}: how many are right, and by how much the
    network leads each.
    """
    rows = []
    for name, values in odds.items():
        share = right(values, truth).mean(axis=1)
        row = {"model": name, "right": f"{share.mean():.1%}", "seeds": "", "network leads by": ""}
        if len(share) > 1:
            row["seeds"] = f"{share.min():.1%} to {share.max():.1%}"
        if name != network:
            mean, low, high = difference(odds[network], values, truth)
            row["network leads by"] = f"{mean:+.1%} ({low:+.1%} to {high:+.1%})"
        rows.append(row)
    return rows


STUDY = Sentiment()
