"""Sequences as batches: padding, lengths, masks, bucketing, and an order that both frameworks share (chapter `sequence-data`).

B batch, T time (the longest sequence), D input size.  NumPy only, so PyTorch and TensorFlow see identical batches.
"""

from typing import NamedTuple

import numpy as np

from rnnlib import checks
from rnnlib.weights import seeds

POOL = 50  # batches in one pool of a bucketed epoch: long enough to sort well, short enough to stay random


class Batch(NamedTuple):
    """What one update sees."""

    x: np.ndarray  # (B, T, D) values, or (B, T) ids
    y: np.ndarray  # (B, ...) one target for each sequence, or (B, T, ...) one for each step
    lengths: np.ndarray | None = None  # (B,) valid steps of each sequence; None: all T


def pad(sequences, value=0):
    """Sequences of shapes (T_i,) or (T_i, D) -> array (B, T, ...), lengths (B,).  Padding stands at the end.

    Raises ValueError if there is no sequence, if one is empty, or if their feature shapes differ.
    """
    if isinstance(sequences, (str, dict)):
        raise TypeError(f"sequences must be a list of arrays, got {type(sequences).__name__}")
    sequences = [checks.numbers(sequence, f"sequence {row}") for row, sequence in enumerate(sequences)]
    if not sequences:
        raise ValueError("no sequences to pad: the list is empty")
    for row, sequence in enumerate(sequences):
        if sequence.ndim == 0 or len(sequence) == 0:
            raise ValueError(
                f"sequence {row} has no steps (shape {sequence.shape}): drop empty sequences before padding"
            )
        if sequence.shape[1:] != sequences[0].shape[1:]:
            raise ValueError(
                f"sequence {row} has features {sequence.shape[1:]}, sequence 0 has {sequences[0].shape[1:]}"
            )
    lengths = np.array([len(sequence) for sequence in sequences])
    shape = (len(sequences), lengths.max(), *sequences[0].shape[1:])
    padded = np.full(shape, value, dtype=np.result_type(*sequences))
    if not np.array_equal(padded.flat[:1], np.asarray([value]), equal_nan=True):
        raise ValueError(f"padding value {value!r} does not fit the sequences' dtype {padded.dtype}")
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded, lengths


def mask(lengths, T=None):
    """lengths (B,) -> bool (B, T), True at valid steps.  T is the longest length unless given."""
    lengths = checks.lengths(lengths, time=None if T is None else checks.positive(T, "T"))
    return np.arange(lengths.max() if T is None else T) < lengths[:, None]


def masked_mean(x, lengths):
    """x (B, T, ...) -> (B, ...): the mean of each sequence over its valid steps alone (eq. masked-mean)."""
    x = np.asarray(x, dtype=float)
    valid = mask(checks.lengths(lengths, *x.shape[:2]), x.shape[1]).reshape(x.shape[:2] + (1,) * (x.ndim - 2))
    return np.where(valid, x, 0).sum(axis=1) / valid.sum(axis=1)


class Batches:
    """The data of a run, cut into batches; the order of epoch k is a function of (seed, k) alone.

    arrays       (x, y), (x, y, lengths), or a dict with these names; the first axis of each is the example.
    batch_size   examples in a batch; the last, shorter batch is kept.
    rng          None keeps the order of the arrays (validation, test); a whole number or a SeedSequence shuffles each epoch.
    bucket       True sorts pools of 50 batches by length, so that sequences in a batch are about equally long (needs lengths).

    With lengths, x and a y of one target for each step are cut to the longest sequence of the batch.
    """

    def __init__(self, arrays, batch_size, rng=None, bucket=False):
        self.x, self.y, self.lengths = _unpack(arrays)
        self.batch_size = checks.positive(batch_size, "batch_size")
        self.rng = rng if rng is None else seeds(rng, 1)[0]
        if bucket and self.lengths is None:
            raise ValueError("bucket=True sorts by length: pass lengths, as in Batches((x, y, lengths), ...)")
        self.bucket = bucket

    @property
    def num_examples(self):
        return len(self.x)

    @property
    def per_step(self):
        """Is there a target for each step: y (N, T, ...), or classes y (N, T)?  Numbers y (N, K) belong to whole sequences."""
        return self.y.shape[1:2] == self.x.shape[1:2] and (self.y.ndim > 2 or self.y.dtype.kind in "iu")

    def __len__(self):
        """Updates in an epoch."""
        return -(-self.num_examples // self.batch_size)

    def order(self, epoch):
        """Indices of the examples in the order of this epoch, list of arrays, one for each batch."""
        n, size = self.num_examples, self.batch_size
        rng = None if self.rng is None else np.random.default_rng(seeds(self.rng, epoch + 1)[epoch])
        rows = np.arange(n) if rng is None else rng.permutation(n)
        if self.bucket:
            pools = [rows[start : start + POOL * size] for start in range(0, n, POOL * size)]
            rows = np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools])
        batches = [rows[start : start + size] for start in range(0, n, size)]
        if self.bucket and rng is not None:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches

    def epoch(self, epoch):
        """Yield the batches of epoch 0, 1, ..."""
        if epoch < 0:
            raise ValueError(f"epochs count from 0, got {epoch}")
        for rows in self.order(epoch):
            yield self.take(rows)

    def extremes(self):
        """The examples with the smallest and the largest number of x and of y, as a Batches: what a door refuses shows here."""
        found = [int(find()) // (a.size // len(a)) for a in (self.x, self.y) for find in (a.argmin, a.argmax)]
        rows = sorted(set(found))
        lengths = None if self.lengths is None else self.lengths[rows]
        return Batches((self.x[rows], self.y[rows], lengths), self.batch_size)

    def take(self, rows):
        """The examples with these indices as one Batch."""
        x, y = self.x[rows], self.y[rows]
        if self.lengths is None:
            return Batch(x, y)
        lengths = self.lengths[rows]
        longest = lengths.max()
        return Batch(x[:, :longest], y[:, :longest] if self.per_step else y, lengths)


def _unpack(arrays):
    if isinstance(arrays, dict):
        unknown = sorted(set(arrays) - {"x", "y", "lengths"})
        if unknown or not {"x", "y"} <= set(arrays):
            raise ValueError(f"arrays need x and y, and may have lengths; got {', '.join(map(str, arrays))}")
        arrays = arrays["x"], arrays["y"], arrays.get("lengths")
    if not isinstance(arrays, (tuple, list)) or len(arrays) not in (2, 3):
        raise TypeError("arrays is (x, y), (x, y, lengths) or a dict with these names")
    x, y, lengths = (*arrays, None)[:3]
    x, y = checks.numbers(x, "x"), checks.numbers(y, "y")
    if x.ndim < 2:
        raise ValueError(f"x must have shape (N, T) for ids or (N, T, D) for values, got {x.shape}")
    checks.rank(x.shape, "(N, T)" if x.ndim == 2 else "(N, T, D)", "x")
    if len(y.shape) == 0 or len(y) != len(x):
        raise ValueError(f"x has {len(x)} examples, y has shape {y.shape}: one row of y for each row of x")
    if y.size == 0:
        raise ValueError(f"y of shape {y.shape} is empty: there is nothing to learn")
    checks.finite(x, "x")
    checks.finite(y, "y")
    if lengths is not None:
        lengths = checks.lengths(lengths, len(x), x.shape[1])
    return x, y, lengths
