"""Ten classes with PyTorch: the runs that the chapter `pytorch` reads, on the data and split of `keras_digits`.

`python -m benchmarks.torch_digits` makes them with the chapter's own cells (its classifier, its loop); the chapter repeats a part.
Rates, seeds, batch and patience are those of `keras_digits`, and so are the baselines; to change the experiment, change it there.
Spoken digits: each speaker is held out once (`new`), and a third of all recordings by all speakers as well (`known`).
"""

import numpy as np

from rnnlib.batch import mask
from rnnlib.studies import keras_digits, stored
from rnnlib.studies.keras_digits import (  # noqa: F401
    BATCH,
    EPOCHS,
    HIDDEN,
    PATIENCE,
    RATES,
    REPORTED,
    SPOKEN_BATCH,
    SPOKEN_EPOCHS,
    SPOKEN_PATIENCE,
    SPOKEN_RATE,
    TUNING,
    chosen_rate,
    digits,
    reported,
    spoken,
)

PATH = keras_digits.PATH.with_name("torch_digits.json")
CELLS = ("RNN", "LSTM", "GRU")
CLIP = 1.0


def known(data, seed=0):
    """The data of `keras_digits.spoken`, split at random: parts of the same sizes, every speaker in each; scaled by its own training part."""
    x, lengths, y, rows = data
    order = np.random.default_rng(seed).permutation(len(y))
    a, b = len(rows["train"]), len(rows["train"]) + len(rows["valid"])
    rows = {"train": order[:a], "valid": order[a:b], "test": order[b:]}
    frames = x[rows["train"]][mask(lengths[rows["train"]], x.shape[1])]  # (N, D)
    scaled = (x - frames.mean(axis=0)) / frames.std(axis=0) * mask(lengths, x.shape[1])[:, :, None]
    return scaled.astype("float32"), lengths, y, rows


def recordings(torch, data, part):
    """[(x (T_i, D), label)] of a part of `keras_digits.spoken` or of `known`, without padding: what `collate` of the chapter takes."""
    x, lengths, y, rows = data
    return [(torch.tensor(x[i, : lengths[i]]), int(y[i])) for i in rows[part]]


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    return keras_digits.settings() | {"clip": CLIP}


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings(), ("numpy", "torch", "scikit-learn"), ("runs", "spoken"))
