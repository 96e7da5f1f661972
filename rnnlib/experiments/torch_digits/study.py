"""Ten classes with PyTorch: the runs that the chapter `pytorch` reads, on the data and split of
`keras_digits`.

`python -m rnnlib.experiments.torch_digits.run` makes them with the chapter's own cells (its
classifier, its loop); the chapter repeats a part.  Rates, seeds, batch and patience are those of
`keras_digits`, and so are the baselines. Spoken digits: each speaker is held out once (`new`), and
a third of all recordings by all speakers as well (`known`).
"""

from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np

from rnnlib.data.batches import mask
from rnnlib.experiments.keras_digits import KerasDigits


@dataclass(frozen=True, eq=False, kw_only=True)
class TorchDigits(KerasDigits):
    """Settings and data; choices as for Keras."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "torch", "scikit-learn")
    lists: ClassVar[tuple[str, ...]] = ("runs", "spoken")
    test_fields: ClassVar[tuple[str, ...]] = ("test_accuracy", "wrong")

    engines: tuple[str, ...] = ("native",)  # PyTorch's own layers
    cells: tuple[str, ...] = ("RNN", "LSTM", "GRU")
    clip: float = 1.0
    splits: tuple[str, ...] = ("new", "known")  # of the spoken digits

    def known(self, data: tuple, seed: int = 0) -> tuple:
        """The data of `spoken`, split at random: parts of the same sizes, every speaker in each.

        Scaled by its own training part.
        """
        x, lengths, y, rows = data
        order = np.random.default_rng(seed).permutation(len(y))
        cuts = np.cumsum([len(rows["train"]), len(rows["valid"])])
        rows = dict(zip(("train", "valid", "test"), np.split(order, cuts), strict=True))
        steps = mask(lengths, x.shape[1])  # (N, T)
        frames = x[rows["train"]][steps[rows["train"]]]  # (frames, D)
        scaled = (x - frames.mean(axis=0)) / frames.std(axis=0) * steps[:, :, None]
        return scaled.astype("float32"), lengths, y, rows

    def recordings(self, torch: ModuleType, data: tuple, part: str) -> list[tuple]:
        """[(x (T_i, D), label)] of a part of `spoken` or of `known`, without padding: what
        `collate` of the chapter takes.
        """
        x, lengths, y, rows = data
        return [(torch.tensor(x[i, : lengths[i]]), int(y[i])) for i in rows[part]]


STUDY = TorchDigits()
