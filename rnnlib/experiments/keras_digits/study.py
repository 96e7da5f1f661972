"""Ten classes with Keras: the data and split of the two framework chapters, and the runs that the
chapter `tensorflow` reads.

`python -m rnnlib.experiments.keras_digits.run` makes the runs; the chapter repeats one of them.
Learning rates, and the settings of the baselines, are chosen on the validation part; the test part
is looked at once, by the reported runs.  Spoken digits: a third of the speakers is never trained
on, one to choose by and one to report.
"""

from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnlib.data import batches
from rnnlib.experiments.study import Record, Study
from rnnlib.speech.features import log_mel


@dataclass(frozen=True)
class Spoken:
    """Features and training of the spoken digits."""

    n_mels: int = 20
    window_ms: int = 50
    hop_ms: int = 40
    longest: int = 25  # steps of a spoken digit, one second; longer ones are cut
    takes: int = 25  # of each digit and speaker, of 50
    rate: float = 5e-3
    batch: int = 50
    epochs: int = 25
    patience: int = 5
    pieces: int = 8  # of a recording, for the baseline without memory
    penalties: tuple[float, ...] = (0.001, 0.01, 0.1, 1)  # C of that baseline


def grids() -> dict[str, list[dict]]:
    """scikit-learn's classifiers and the options that are tried for each."""
    leaves = [
        {"min_samples_leaf": n, "max_features": features}
        for n in (1, 2, 4)
        for features in ("sqrt", 0.25)
    ]
    supports = [{"C": C, "gamma": gamma} for C in (1, 10, 100) for gamma in ("scale", 0.02, 0.05)]
    return {
        "logistic regression": [{"C": C} for C in (0.01, 0.1, 1, 10, 100)],
        "random forest": leaves,
        "support vectors": supports,
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class KerasDigits(Study):
    """Settings, one run of each kind, choices by the stored runs."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "keras", "tensorflow", "scikit-learn")
    lists: ClassVar[tuple[str, ...]] = ("runs", "baselines", "spoken")
    test_fields: ClassVar[tuple[str, ...]] = ("test_accuracy",)

    engines: tuple[str, ...] = ("native",)  # Keras' own layers
    optimizer: str = "adam"
    cells: tuple[str, ...] = ("SimpleRNN", "LSTM", "GRU")
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = tuple(range(2, 12))
    hidden_size: int = 64
    batch: int = 32
    epochs: int = 100
    patience: int = 10
    grids: dict[str, list[dict]] = field(default_factory=grids)
    seeded_baselines: tuple[str, ...] = ("random forest",)  # the others have no chance in them
    spoken_options: Spoken = Spoken()
    speakers: tuple[str, ...] = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")

    # ---- images

    def digits(self) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Images (1797, 8, 8), values 0 to 1, labels (1797,), and the rows of train, valid and
        test.
        """
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        data = load_digits()
        x = (data.images / 16).astype("float32")
        y = data.target
        split = {"test_size": 0.2, "random_state": 0}
        rest, test = train_test_split(np.arange(len(y)), stratify=y, **split)
        train, valid = train_test_split(rest, stratify=y[rest], **split)
        return x, y, {"train": train, "valid": valid, "test": test}

    def classifier(self, keras: ModuleType, cell: str, rate: float, seed: int, hidden=None):
        """The usual example, done right: logits, integer labels, a shape, a seed."""
        keras.utils.set_random_seed(seed)
        layers = [
            keras.Input((None, 8)),
            getattr(keras.layers, cell)(hidden or self.hidden_size),
            keras.layers.Dense(10),
        ]
        model = keras.Sequential(layers)
        model.compile(
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            optimizer=keras.optimizers.Adam(learning_rate=rate),
            metrics=["accuracy"],
        )
        return model

    def train(
        self, keras: ModuleType, cell: str, rate: float, seed: int, epochs: int | None = None
    ) -> tuple:
        """One run with early stopping on the validation loss -> model with its best weights,
        history.
        """
        x, y, rows = self.digits()
        model = self.classifier(keras, cell, rate, seed)
        stop = keras.callbacks.EarlyStopping(patience=self.patience, restore_best_weights=True)
        history = model.fit(
            x[rows["train"]],
            y[rows["train"]],
            batch_size=self.batch,
            epochs=epochs or self.epochs,
            validation_data=(x[rows["valid"]], y[rows["valid"]]),
            callbacks=[stop],
            verbose=0,
        )
        return model, history.history

    def baseline(self, name: str, options: dict, seed: int = 0):
        """An untrained classifier of scikit-learn."""
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import SVC

        if name == "logistic regression":
            return LogisticRegression(max_iter=2000, **options)
        if name == "random forest":
            return RandomForestClassifier(n_estimators=300, random_state=seed, **options)
        return SVC(**options)

    # ---- spoken digits

    def spoken(self, recordings: dict, speaker: str) -> tuple:
        """Log-mel features (1500, T, 20), lengths, labels, and the rows of train, valid and test.

        `speaker` is held out for test; valid is the next speaker in alphabetical order.  Each
        recording has its own mean of a band taken off (a microphone or a loud voice adds a constant
        there); the scale of a band is that of the training frames.
        """
        how = self.spoken_options
        used = np.flatnonzero(recordings["takes"] < how.takes)
        speakers = recordings["speakers"][used]
        names = sorted(set(recordings["speakers"]))
        following = names[(names.index(speaker) + 1) % len(names)]
        rows = {
            "test": np.flatnonzero(speakers == speaker),
            "valid": np.flatnonzero(speakers == following),
            "train": np.flatnonzero((speakers != speaker) & (speakers != following)),
        }
        bands = {"n_mels": how.n_mels, "window_ms": how.window_ms, "hop_ms": how.hop_ms}
        features = []
        for i in used:
            frames = log_mel(recordings["signals"][i], recordings["rate"], **bands)
            frames = frames[: how.longest]
            features.append(frames - frames.mean(axis=0))
        scale = np.concatenate([features[i] for i in rows["train"]]).std(axis=0)
        x, lengths = batches.pad([frames / scale for frames in features])
        return x.astype("float32"), lengths.astype("int32"), recordings["digits"][used], rows

    def listener(self, keras: ModuleType, masked: bool, seed: int):
        """A GRU over log-mel frames and lengths; without `masked` it reads the padding too."""
        how = self.spoken_options
        keras.utils.set_random_seed(seed)
        x = keras.Input((how.longest, how.n_mels))
        lengths = keras.Input((), dtype="int32")
        valid = lengths[:, None] > keras.ops.arange(how.longest)  # (B, T)
        h = keras.layers.GRU(self.hidden_size)(x, mask=valid if masked else None)
        model = keras.Model([x, lengths], keras.layers.Dense(10)(h))
        model.compile(
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            optimizer=keras.optimizers.Adam(learning_rate=how.rate),
            metrics=["accuracy"],
        )
        return model

    def listen(
        self, keras: ModuleType, data: tuple, masked: bool, seed: int = 0, epochs: int | None = None
    ) -> tuple:
        """One run on the data of `spoken` -> model with its best weights, history."""
        how = self.spoken_options
        x, lengths, y, rows = data
        model = self.listener(keras, masked, seed)
        stop = keras.callbacks.EarlyStopping(patience=how.patience, restore_best_weights=True)
        train = rows["train"]
        valid = rows["valid"]
        history = model.fit(
            [x[train], lengths[train]],
            y[train],
            batch_size=how.batch,
            epochs=epochs or how.epochs,
            validation_data=([x[valid], lengths[valid]], y[valid]),
            callbacks=[stop],
            verbose=0,
        )
        return model, history.history

    # ---- what the stored runs found

    def chosen_rate(self, results: dict, cell: str) -> float:
        """The rate with the lowest mean validation loss over the tuning seeds."""
        records = self.select(results, cell=cell)
        seeds = self.tuning_seeds
        return self.choose(records, lambda run: run["valid_loss"], self.rates, seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The rate of each cell."""
        return {cell: self.chosen_rate(results, cell) for cell in self.cells}

    def reports(self, runs: str, record: Record) -> bool:
        """All but the tuning runs on the images."""
        return runs != "runs" or record["seed"] in self.reported_seeds

    def reported(self, results: dict, cell: str) -> list[Record]:
        """The runs of the reported seeds."""
        return self.select(results, cell=cell, seed=self.reported_seeds)


def pieces(x: np.ndarray, lengths: np.ndarray, count: int) -> np.ndarray:
    """Each sequence of x (B, T, D) as the means of `count` pieces of equal length -> (B, count *
    D).
    """
    rows = []
    for sequence, length in zip(x, lengths, strict=True):
        edges = np.linspace(0, length, count + 1)
        means = []
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            first = int(low)
            end = max(first + 1, int(np.ceil(high)))
            means.append(sequence[first:end].mean(axis=0))
        rows.append(np.concatenate(means))
    return np.array(rows)


STUDY = KerasDigits()
