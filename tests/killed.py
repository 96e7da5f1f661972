"""A training run in a process of its own, made to be killed:
`python tests/killed.py FRAMEWORK CHECKPOINT [PAUSE]`.
"""

import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from tools import environment  # noqa: E402

environment.apply()  # before a framework starts

import numpy as np  # noqa: E402

from rnnlib.data.batches import Batches  # noqa: E402

EPOCHS = 12


class Slow(Batches):
    """Batches that take their time, so that a run of a small model can be met anywhere."""

    pause = 0.0

    def take(self, rows):
        time.sleep(self.pause)
        return super().take(rows)


def run(rnn, path, pause=0.0, resume=True):
    """Train with Adam, clipping, validation and lengths -> history, weights."""
    rng = np.random.default_rng(0)
    x, y, lengths = rng.normal(size=(40, 6, 3)), rng.integers(0, 4, 40), rng.integers(1, 7, 40)
    train, valid = Slow((x, y, lengths), 8, rng=0), Batches((x[:10], y[:10], lengths[:10]), 8)
    train.pause = pause
    model = rnn.Classifier(3, 5, 4, cell="lstm", rng=1)
    history = rnn.fit(
        model,
        train,
        loss="cross_entropy",
        optimizer=("adam", {"lr": 0.01}),
        epochs=EPOCHS,
        valid=valid,
        clip_norm=0.5,
        checkpoint=path,
        resume=resume,
    )
    return history, rnn.params(model)


if __name__ == "__main__":
    from importlib import import_module

    framework, path, pause = sys.argv[1:]
    run(import_module(f"rnnlib.{framework}"), path, float(pause))
