"""Ten classes with Keras: the data and split of the two framework chapters, and the runs that the chapter `tensorflow` reads.

`python -m benchmarks.keras_digits` makes the runs; the chapter repeats one of them: to change the experiment, change it here.
Learning rates, and the settings of the baselines, are chosen on the validation part; the test part is looked at once, by
the reported runs.  Spoken digits: a third of the speakers is never trained on, one to choose by and one to report.
"""

from pathlib import Path

import numpy as np

from rnnlib import audio, batch
from rnnlib.studies import stored

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "keras_digits.json"
CELLS = ("SimpleRNN", "LSTM", "GRU")
RATES = (1e-3, 3e-3, 1e-2)
TUNING, REPORTED = (0, 1), tuple(range(2, 12))
HIDDEN, BATCH, EPOCHS, PATIENCE = 64, 32, 100, 10
GRIDS = {  # scikit-learn's classifiers, chosen on the same validation part
    "logistic regression": [{"C": C} for C in (0.01, 0.1, 1, 10, 100)],
    "random forest": [{"min_samples_leaf": n, "max_features": f} for n in (1, 2, 4) for f in ("sqrt", 0.25)],
    "support vectors": [{"C": C, "gamma": g} for C in (1, 10, 100) for g in ("scale", 0.02, 0.05)],
}
SPOKEN = {"n_mels": 20, "window_ms": 50, "hop_ms": 40}
LONGEST, TAKES = (
    25,
    25,
)  # steps of a spoken digit, one second (longer ones are cut); takes of each digit and speaker, of 50
SPOKEN_RATE, SPOKEN_BATCH, SPOKEN_EPOCHS, SPOKEN_PATIENCE = 5e-3, 50, 25, 5


def digits():
    """Images (1797, 8, 8), values 0 to 1, labels (1797,), and the rows of train, valid and test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    x, y = (data.images / 16).astype("float32"), data.target
    rest, test = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=0)
    train, valid = train_test_split(rest, test_size=0.2, stratify=y[rest], random_state=0)
    return x, y, {"train": train, "valid": valid, "test": test}


def classifier(keras, cell, rate, seed, hidden=HIDDEN):
    """The usual example, done right: logits, integer labels, a shape, a seed."""
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((None, 8)),
        getattr(keras.layers, cell)(hidden),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential(layers)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Adam(learning_rate=rate),
        metrics=["accuracy"],
    )
    return model


def train(keras, cell, rate, seed, epochs=EPOCHS):
    """One run with early stopping on the validation loss -> model with its best weights, history."""
    x, y, rows = digits()
    model = classifier(keras, cell, rate, seed)
    stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
    history = model.fit(
        x[rows["train"]],
        y[rows["train"]],
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(x[rows["valid"]], y[rows["valid"]]),
        callbacks=[stop],
        verbose=0,
    )
    return model, history.history


def baseline(name, options, seed=0):
    """An untrained classifier of scikit-learn."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    if name == "logistic regression":
        return LogisticRegression(max_iter=2000, **options)
    if name == "random forest":
        return RandomForestClassifier(n_estimators=300, random_state=seed, **options)
    return SVC(**options)


def spoken(recordings, speaker):
    """Log-mel features (1500, T, 20), lengths, labels, and the rows of train, valid and test with `speaker` held out for test.

    Valid is the next speaker in alphabetical order.  Each recording has its own mean of a band taken off (a microphone or a
    loud voice adds a constant there); the scale of a band is that of the training frames.
    """
    used = np.flatnonzero(recordings["takes"] < TAKES)
    who, names = recordings["speakers"][used], sorted(set(recordings["speakers"]))
    following = names[(names.index(speaker) + 1) % len(names)]
    rows = {"test": np.flatnonzero(who == speaker), "valid": np.flatnonzero(who == following)}
    rows["train"] = np.flatnonzero((who != speaker) & (who != following))
    signals, rate = [recordings["signals"][i] for i in used], recordings["rate"]
    features = [audio.log_mel(signal, rate, **SPOKEN)[:LONGEST] for signal in signals]
    features = [f - f.mean(axis=0) for f in features]
    frames = np.concatenate([features[i] for i in rows["train"]])
    x, lengths = batch.pad([f / frames.std(axis=0) for f in features])
    return x.astype("float32"), lengths.astype("int32"), recordings["digits"][used], rows


def listener(keras, masked, seed):
    """A GRU over log-mel frames and lengths; without `masked` it reads the padding too."""
    keras.utils.set_random_seed(seed)
    x, lengths = keras.Input((LONGEST, SPOKEN["n_mels"])), keras.Input((), dtype="int32")
    valid = lengths[:, None] > keras.ops.arange(LONGEST)  # (B, T)
    h = keras.layers.GRU(HIDDEN)(x, mask=valid if masked else None)
    model = keras.Model([x, lengths], keras.layers.Dense(10)(h))
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Adam(learning_rate=SPOKEN_RATE),
        metrics=["accuracy"],
    )
    return model


def listen(keras, data, masked, seed=0, epochs=SPOKEN_EPOCHS):
    """One run on the data of `spoken` -> model with its best weights, history."""
    x, lengths, y, rows = data
    model = listener(keras, masked, seed)
    stop = keras.callbacks.EarlyStopping(patience=SPOKEN_PATIENCE, restore_best_weights=True)
    a, b = rows["train"], rows["valid"]
    history = model.fit(
        [x[a], lengths[a]],
        y[a],
        batch_size=SPOKEN_BATCH,
        epochs=epochs,
        validation_data=([x[b], lengths[b]], y[b]),
        callbacks=[stop],
        verbose=0,
    )
    return model, history.history


def pieces(x, lengths, count=8):
    """Each sequence of x (B, T, D) as the means of `count` pieces of equal length -> (B, count * D), for a baseline without memory."""
    found = []
    for sequence, length in zip(x, lengths, strict=True):
        edges = np.linspace(0, length, count + 1)
        rows = [
            sequence[int(a) : max(int(a) + 1, int(np.ceil(b)))]
            for a, b in zip(edges[:-1], edges[1:], strict=True)
        ]
        found.append(np.concatenate([row.mean(axis=0) for row in rows]))
    return np.array(found)


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    return dict(
        hidden=HIDDEN,
        batch=BATCH,
        epochs=EPOCHS,
        patience=PATIENCE,
        spoken=SPOKEN | {"longest": LONGEST, "takes": TAKES, "rate": SPOKEN_RATE, "batch": SPOKEN_BATCH},
        spoken_epochs=SPOKEN_EPOCHS,
        spoken_patience=SPOKEN_PATIENCE,
    )


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(
        PATH, settings(), ("numpy", "keras", "tensorflow", "scikit-learn"), ("runs", "baselines", "spoken")
    )


def chosen_rate(results, cell):
    """The rate with the lowest mean validation loss over the tuning seeds."""
    tuning = [run for run in results["runs"] if run["cell"] == cell and run["seed"] in TUNING]
    return stored.best(RATES, tuning, lambda run: run["valid_loss"])


def reported(results, cell):
    """The runs of the reported seeds."""
    return [run for run in results["runs"] if run["cell"] == cell and run["seed"] in REPORTED]
