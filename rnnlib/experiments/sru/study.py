"""The study of light cells: its settings, one run of each kind, and what the stored runs found.

`python -m rnnlib.experiments.sru.run` makes the runs, the chapter `sru` reads them and repeats a
part.  Two kinds of runs. `asked`: one stream of button presses, three questions about it, and fresh
examples in every update.  `texts`: whole texts to classify, stopped by the validation part.  For
each cell the rate is chosen on the tuning seeds (lowest mean loss on held-out examples, or on the
validation part), and the reported seeds are run with it.
"""

import re
import time
from dataclasses import dataclass, field
from itertools import product
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from rnnlib.core import errors
from rnnlib.data import batches, datasets, synthetic
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study
from rnnlib.text import tokenizers, vocabulary
from rnnlib.text.encoder import Encoder

Parts = dict[str, tuple[list[list[str]], np.ndarray]]  # part -> tokens of each text, labels (N,)


@dataclass(frozen=True)
class Cell:
    """A kind of cell, and how many layers of it."""

    kind: str
    layers: int = 1


def cells() -> dict[str, Cell]:
    """What answers the questions, by name."""
    return {
        "GRU": Cell("gru"),
        "SRU": Cell("sru"),
        "SRU, 2 layers": Cell("sru", 2),
        "minGRU": Cell("mingru"),
        "minGRU, 2 layers": Cell("mingru", 2),
    }


def readers() -> dict[str, Cell]:
    """What reads the texts, by name."""
    return {
        "SRU": Cell("sru"),
        "SRU, 2 layers": Cell("sru", 2),
        "minGRU": Cell("mingru"),
        "LSTM": Cell("lstm"),
        "GRU": Cell("gru"),
    }


def questions() -> dict[str, str]:
    """What is asked after each press; the state that the answer needs, in words."""
    return {
        "last": "which button was pressed last?",
        "first": "which button was pressed first?",
        "odd": "is the number of presses odd?",
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Sru(Study):
    """Settings, one run of each kind, choices by the stored runs."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "torch", "scikit-learn")
    lists: ClassVar[tuple[str, ...]] = ("asked", "texts", "bags")
    test_fields: ClassVar[tuple[str, ...]] = ("right", "longer", "accuracy")

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    optimizer: str = "adam"
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = (2, 3, 4, 5, 6)
    batch: int = 32
    clip: float = 1.0

    questions: dict[str, str] = field(default_factory=questions)
    cells: dict[str, Cell] = field(default_factory=cells)
    rates: tuple[float, ...] = (3e-2, 1e-2)
    steps: int = 24
    # answers are asked for at `steps` steps, as trained, and at so many times as many
    longer: int = 4
    presses: float = 0.3
    hidden_size: int = 32
    updates: int = 600
    held_out_examples: int = 500

    texts: tuple[str, ...] = ("docstrings", "sentence_polarity")
    readers: dict[str, Cell] = field(default_factory=readers)
    readers_of: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "docstrings": tuple(readers()),
            "sentence_polarity": ("SRU",),
        }
    )
    text_rates: tuple[float, ...] = (3e-2, 1e-2, 3e-3, 1e-3)
    dropout: float = 0.5
    embedding_size: int = 64
    text_hidden_size: int = 64
    epochs: int = 12
    patience: int = 2
    words: int = 40  # of a text that are read
    fewest_words: int = 5  # of a text that is used
    min_count: int = 2  # texts a word must stand in
    bag_strengths: tuple[float, ...] = (0.3, 3, 30)  # C of the bag of words
    packages_of_docstrings: tuple[str, ...] = ("numpy", "scikit-learn", "statsmodels")
    giveaway: str = r"numpy|sklearn|scikit|statsmodels|scipy|pandas|^np$|^sm$|^smf$|^pd$"
    shares: dict[str, tuple[float, float]] = field(  # where training and validation part end
        default_factory=lambda: {"docstrings": (0.70, 0.85), "sentence_polarity": (0.80, 0.90)}
    )

    # ---- questions about a stream

    def ask(self, question: str, num_examples: int, T: int, rng) -> tuple[np.ndarray, np.ndarray]:
        """Presses of button A or B, or none, x (N, T, 2), and at each step the answer to a
        question, y (N, T).
        """
        presses, last = synthetic.flip_flop(num_examples, T, rate=self.presses, rng=rng)
        x = np.concatenate([presses > 0, presses < 0], axis=2).astype("float32")
        odd = np.cumsum(x.sum(axis=2), axis=1).astype("int64") % 2
        first = np.repeat(last[:, :1], T, axis=1)
        return x, {"last": last, "first": first, "odd": odd}[question]

    def listener(self, rnn: ModuleType, cell: str, seed: int):
        """A model for the questions."""
        kind = self.cells[cell]
        options = {
            "cell": kind.kind,
            "num_layers": kind.layers,
            "rng": seed,
            **self.engine(rnn, kind.kind),
        }
        return rnn.Tagger(2, self.hidden_size, 2, **options)

    def train_asked(
        self,
        rnn: ModuleType,
        question: str,
        cell: str,
        rate: float,
        seed: int,
        updates: int | None = None,
    ) -> tuple:
        """One run -> model, History, {"loss", "right": at `steps` steps, "longer": at `longer`
        times as many}.

        Both shares are of right answers in the last quarter of the steps, on held-out examples; the
        loss is NaN if the run diverged.
        """
        model = self.listener(rnn, cell, seed)
        x, y = self.ask(question, self.updates * self.batch, self.steps, [seed, 0])
        n = (updates or self.updates) * self.batch
        training = batches.Batches((x[:n], y[:n]), self.batch)
        options = {"optimizer": (self.optimizer, {"lr": rate}), "epochs": 1, "clip_norm": self.clip}
        try:
            history = rnn.fit(model, training, loss="cross_entropy", **options)
        except errors.Diverged as problem:
            return model, problem.history, {"loss": float("nan"), "right": 0.5, "longer": 0.5}
        held_out = self.ask(question, self.held_out_examples, self.steps, [seed, 1])
        found = {
            "loss": rnn.evaluate(
                model, batches.Batches(held_out, self.held_out_examples), "cross_entropy"
            ),
            "right": self.share_right(rnn, model, question, self.steps, seed),
            "longer": self.share_right(rnn, model, question, self.longer * self.steps, seed),
        }
        return model, history, found

    def share_right(self, rnn: ModuleType, model, question: str, T: int, seed: int) -> float:
        """Share of right answers in the last quarter of T steps, on held-out examples."""
        x, y = self.ask(question, self.held_out_examples, T, [seed, 2, T])
        right = rnn.predict(model, x).argmax(axis=2) == y
        return float(right[:, -(T // 4) :].mean())

    # ---- texts

    def corpus(self, name: str) -> Parts:
        """Texts to classify: "train", "valid", "test", each (lists of tokens, labels (N,)).

        docstrings         the package of a docstring, from its first `words` tokens without those
                           that name a package;
                           all texts of a module are in one part, and modules of each package are
                           divided 70 : 15 : 15
        sentence_polarity  the sign of a sentence, divided 80 : 10 : 10
        """
        if name == "docstrings":
            tokens, labels, groups = self._docstrings()
        else:
            loaded = datasets.load(name)
            tokens = [line.split()[: self.words] for line in loaded["texts"]]
            labels = loaded["labels"]
            groups = [str(i) for i in range(len(tokens))]
        kept = [i for i, row in enumerate(tokens) if len(row) >= self.fewest_words]
        part = divide([groups[i] for i in kept], labels[kept], self.shares[name])
        parts = {}
        for each in ("train", "valid", "test"):
            rows = [i for i in kept if part[groups[i]] == each]
            parts[each] = [tokens[i] for i in rows], labels[rows]
        return parts

    def _docstrings(self) -> tuple[list[list[str]], np.ndarray, list[str]]:
        records = datasets.load("docstrings")
        giveaway = re.compile(self.giveaway)
        tokens = []
        for record in records:
            row = tokenizers.tokenize(record["text"].lower())
            tokens.append([token for token in row if not giveaway.search(token)][: self.words])
        packages = self.packages_of_docstrings
        labels = np.array([packages.index(record["package"]) for record in records])
        return tokens, labels, [record["module"] for record in records]

    def encoded(self, parts: Parts) -> tuple[vocabulary.Vocabulary, dict[str, tuple]]:
        """Vocabulary of the training part, and each part as x (N, T) ids, y (N,), lengths (N,)."""
        texts = {name: joined(tokens) for name, (tokens, _) in parts.items()}
        reading: dict[str, Any] = {
            "tokenizer": between_spaces,
            "lower": False,
            "min_count": self.min_count,
        }
        encoder = Encoder(texts["train"], **reading)
        arrays = {}
        for name, (_, labels) in parts.items():
            x, lengths = encoder(texts[name])
            arrays[name] = x, labels, lengths
        return encoder.vocabulary, arrays

    def train_text(
        self,
        rnn: ModuleType,
        arrays: dict[str, tuple],
        vocab_size: int,
        cell: str,
        rate: float,
        dropout: float,
        seed: int,
    ) -> tuple:
        """One run on encoded texts -> model, History, {"loss": of the validation part, "accuracy":
        of the test part, "ms"}.

        "ms" is processor time of the whole run, validation included, over its updates.
        """
        classes = len(np.unique(arrays["train"][1]))
        kind = self.readers[cell]
        stack = {"cell": kind.kind, "num_layers": kind.layers, "dropout": dropout}
        options = {**stack, "vocab_size": vocab_size, "rng": seed, **self.engine(rnn, kind.kind)}
        model = rnn.Classifier(self.embedding_size, self.text_hidden_size, classes, **options)
        begin = time.process_time()
        history = rnn.fit(
            model,
            batches.Batches(arrays["train"], self.batch, rng=seed, bucket=True),
            loss="cross_entropy",
            optimizer=(self.optimizer, {"lr": rate}),
            epochs=self.epochs,
            valid=batches.Batches(arrays["valid"], 256),
            patience=self.patience,
            clip_norm=self.clip,
        )
        ms = 1e3 * (time.process_time() - begin) / len(history.steps)
        x, y, lengths = arrays["test"]
        right = rnn.predict(model, x, lengths).argmax(axis=1) == y
        found = {"loss": min(history.valid), "accuracy": float(right.mean()), "ms": ms}
        return model, history, found

    def bag_of_words(self, parts: Parts) -> tuple[float, float, dict]:
        """Logistic regression on counted words -> accuracy on "valid" and "test", and its options.

        Words alone or with pairs, whether a word occurs or its tf-idf, and the strength of the
        penalty are chosen on "valid"; of equals the first is taken.
        """
        from sklearn.linear_model import LogisticRegression

        texts = {name: joined(tokens) for name, (tokens, _) in parts.items()}
        y = {name: labels for name, (_, labels) in parts.items()}
        best: tuple[float, float, dict] = (-1.0, 0.0, {})
        for pairs, counted in product((False, True), ("presence", "tf-idf")):
            counter = self.counter(pairs, counted)
            x = {"train": counter.fit_transform(texts["train"])}
            x |= {name: counter.transform(texts[name]) for name in ("valid", "test")}
            for C in self.bag_strengths:
                model = LogisticRegression(C=C, max_iter=2000).fit(x["train"], y["train"])
                valid = model.score(x["valid"], y["valid"])
                if valid > best[0]:
                    options = {"pairs": pairs, "counted": counted, "C": C}
                    best = (valid, model.score(x["test"], y["test"]), options)
        return best

    def counter(self, pairs: bool, counted: str):
        """What counts words between spaces (scikit-learn), pairs of them too or not."""
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        options = {"ngram_range": (1, 2 if pairs else 1), "min_df": self.min_count}
        options |= {"tokenizer": str.split, "token_pattern": None, "lowercase": False}
        if counted == "tf-idf":
            return TfidfVectorizer(**options)
        return CountVectorizer(binary=True, **options)

    # ---- what the stored runs found

    def chosen_rate(self, results: dict, runs: str, cell: str, **asked: str) -> float:
        """The rate of a cell with the lowest mean loss over the tuning seeds, in the runs "asked"
        or "texts".
        """
        if runs == "asked":
            rates = self.rates
        else:
            rates = self.text_rates
        records = self.select(results, runs, cell=cell, **asked)
        return self.choose(records, lambda run: run["loss"], rates, seeds=self.tuning_seeds)

    def choices(self, results: dict) -> dict:
        """The rate of each cell for each question and each text."""
        rates = {
            (question, cell): self.chosen_rate(results, "asked", cell, question=question)
            for question in self.questions
            for cell in self.cells
        }
        return rates | {
            (name, cell): self.chosen_rate(results, "texts", cell, text=name)
            for name in self.texts
            for cell in self.readers_of[name]
        }

    def reports(self, runs: str, record: Record) -> bool:
        """The runs of the reported seeds, and the bags of words."""
        return runs == "bags" or record["seed"] in self.reported_seeds

    def reported(self, results: dict, runs: str, cell: str, **asked: str) -> list[Record]:
        """The runs of the reported seeds at the chosen rate."""
        rate = self.chosen_rate(results, runs, cell, **asked)
        seeds = self.reported_seeds
        return self.select(results, runs, cell=cell, rate=rate, seed=seeds, **asked)


def between_spaces(whole: str) -> list[tokenizers.Token]:
    """A tokenizer for texts that `joined` made."""
    return tokenizers.align_tokens(whole.split(" "), whole)


def joined(rows: list[list[str]]) -> list[str]:
    """Texts whose tokens stand between spaces."""
    return [" ".join(row) for row in rows]


def divide(groups: list[str], labels: np.ndarray, shares: tuple[float, float]) -> dict[str, str]:
    """Group -> "train", "valid" or "test": the groups of each label in a random but fixed order,
    cut at `shares`.
    """
    part = {}
    rng = np.random.default_rng(0)
    for label in np.unique(labels):
        own = sorted({group for group, its in zip(groups, labels, strict=True) if its == label})
        for place, i in enumerate(rng.permutation(len(own))):
            cut = sum(place >= share * len(own) for share in shares)
            part[own[i]] = ("train", "valid", "test")[cut]
    return part


def sweep(records: list[dict], framework: str, axis: str, label: str) -> list[tuple[int, float]]:
    """[(size, microseconds a step)] along axis "T" (H = 64) or "H" (T = 256); "LSTM" is the native
    one.

    records  of `timing.load("sru_sizes")`
    """
    if axis == "T":
        other = "H"
        fixed = 64
    else:
        other = "T"
        fixed = 256
    makes = {"LSTM": ("sru", "bare"), "SRU": ("sru", "derived"), "minGRU": ("mingru", "derived")}
    cell, make = makes[label]
    points = []
    for record in records:
        if (record["framework"], record["cell"], record[other]) == (framework, cell, fixed):
            points.append((record[axis], 1e3 * record["ms"][make] / record["T"]))
    return sorted(points)


STUDY = Sru()
