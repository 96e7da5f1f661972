"""Sequences as batches: padding, lengths, masks, bucketing, and an order that both frameworks
share.

B batch, T time (the longest sequence), D input size.  NumPy only, so that PyTorch and TensorFlow
see identical batches.  Chapter `sequence-data`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError, ArgumentTypeError
from rnnlib.core.seeds import child_seeds

POOL = 50  # batches in one pool of a bucketed epoch: long enough to sort well, short to stay random
LENGTHS = "lengths"  # of x; those of another field are called FIELD_lengths


class Batch:
    """What one update sees: arrays (or a framework's tensors) by name, as attributes.

    x, y and whatever other fields the data have, each (B, ...).  The valid steps of x are `lengths`
    (B,), those of another field `FIELD_lengths`; None where all steps are valid.  A field that goes
    by the steps of x has the lengths of x.
    """

    def __init__(self, fields: dict[str, Any], follows: Mapping[str, str]) -> None:
        self.fields = fields
        self.follows = follows

    def __getattr__(self, name: str) -> Any:
        fields = object.__getattribute__(self, "__dict__").get("fields", {})
        if name in fields:
            return fields[name]
        if name == LENGTHS:
            field = "x"
        else:
            field = name.removesuffix("_lengths")
        if field == name or field not in fields:
            raise AttributeError(f"this batch has {', '.join(fields)}, but no {name}")
        leader = self.follows.get(field)
        if leader is None:
            return None
        return getattr(self, lengths_name(leader))

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def __len__(self) -> int:
        """Its number of examples."""
        return len(next(iter(self.fields.values())))

    def map(self, change: Callable[[Any], Any]) -> Batch:
        """The same batch with each array changed."""
        return Batch({name: change(value) for name, value in self.fields.items()}, self.follows)


def lengths_name(field: str) -> str:
    """What the lengths of a field are called.

    >>> lengths_name("x"), lengths_name("target")
    ('lengths', 'target_lengths')
    """
    if field == "x":
        return LENGTHS
    return f"{field}_lengths"


def pad(sequences, value=0):
    """Sequences of shapes (T_i,) or (T_i, D) -> array (B, T, ...), lengths (B,).

    Padding stands at the end.

    Raises ValueError if there is no sequence, if one is empty, or if their feature shapes differ.

    >>> padded, lengths = pad([[1, 2, 3], [4]])
    >>> padded.tolist(), lengths.tolist()
    ([[1, 2, 3], [4, 0, 0]], [3, 1])
    """
    if isinstance(sequences, (str, dict)):
        raise TypeError(f"sequences must be a list of arrays, got {type(sequences).__name__}")
    sequences = [
        validation.numbers(sequence, f"sequence {row}") for row, sequence in enumerate(sequences)
    ]
    if not sequences:
        raise ValueError("no sequences to pad: the list is empty")
    for row, sequence in enumerate(sequences):
        if sequence.ndim == 0 or len(sequence) == 0:
            raise ValueError(
                f"sequence {row} has no steps (shape {sequence.shape}): drop empty sequences "
                "before padding, [s for s in sequences if len(s)]"
            )
        if sequence.shape[1:] != sequences[0].shape[1:]:
            raise ValueError(
                f"sequence {row} has features {sequence.shape[1:]}, sequence 0 has "
                f"{sequences[0].shape[1:]}"
            )
    lengths = np.array([len(sequence) for sequence in sequences])
    shape = (len(sequences), lengths.max(), *sequences[0].shape[1:])
    padded = np.full(shape, value, dtype=np.result_type(*sequences))
    if not np.array_equal(padded.flat[:1], np.asarray([value]), equal_nan=True):
        raise ValueError(
            f"padding value {value!r} does not fit the sequences' dtype {padded.dtype}"
        )
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded, lengths


def mask(lengths, T=None):
    """lengths (B,) -> bool (B, T), True at valid steps.  T is the longest length unless given."""
    lengths = validation.lengths(lengths, time=None if T is None else validation.positive(T, "T"))
    return np.arange(lengths.max() if T is None else T) < lengths[:, None]


def masked_mean(x, lengths):
    """x (B, T, ...) -> (B, ...): each sequence's mean over its valid steps (eq. masked-mean)."""
    x = np.asarray(x, dtype=float)
    valid = mask(validation.lengths(lengths, *x.shape[:2]), x.shape[1]).reshape(
        x.shape[:2] + (1,) * (x.ndim - 2)
    )
    return np.where(valid, x, 0).sum(axis=1) / valid.sum(axis=1)


class Batches:
    """The data of a run, cut into batches; the order of epoch k is a function of (seed, k) alone.

    arrays      (x, y), (x, y, lengths), or a dict of named fields; the first axis of each is the
                example. A field is an array (N, ...), or a list of N arrays of different lengths
                (ragged), which is padded a batch at a time and brings its lengths; an array has
                lengths where the dict names them: `lengths` those of x, `FIELD_lengths` those of
                another.
    batch_size  examples in a batch; the last, shorter batch is kept
    rng         None keeps the order of the arrays (validation, test); a whole number or a
                SeedSequence shuffles each epoch
    bucket      True sorts pools of 50 batches by the lengths of the first field that has some, so
                that sequences in a batch are about equally long
    per_step    which fields have one entry for each step of x, and are cut as x is: True for y,
                names of fields, or a dict {field: the field whose steps it goes by}.  Whatever is
                not named stays whole, whatever its shape.
    carry       True: each batch continues the one before, row by row; see `streams`

    Each field is cut to the longest sequence of the batch where it has lengths.  Fields besides x,
    y are what a loss (outputs, batch) looks at, `weights` what the losses by name look at: (N,) or
    (N, T).

    >>> batches = Batches({"x": [[5, 6], [7], [8, 9, 1]], "y": [0, 1, 0]}, batch_size=2)
    >>> for batch in batches.epoch(0):
    ...     print(batch.x.tolist(), batch.lengths.tolist(), batch.y.tolist())
    [[5, 6], [7, 0]] [2, 1] [0, 1]
    [[8, 9, 1]] [3] [0]
    """

    def __init__(
        self,
        arrays: Sequence[ArrayLike] | Mapping[str, ArrayLike | Sequence[ArrayLike]],
        batch_size: int,
        rng: int | np.random.SeedSequence | None = None,
        bucket: bool = False,
        *,
        per_step: bool | Sequence[str] | Mapping[str, str] = False,
        carry: bool = False,
    ) -> None:
        self.fields, self.field_lengths = _fields(arrays)
        self.follows = _follows(per_step, self.fields, self.field_lengths)
        self.num_examples = len(next(iter(self.fields.values())))
        self.batch_size = validation.positive(batch_size, "batch_size")
        if rng is None:
            self.rng = rng
        else:
            self.rng = child_seeds(rng, 1)[0]
        self.bucket = bool(bucket)
        self.carry = validation.flag(carry, "carry")
        if bucket and not self.field_lengths:
            message = (
                "bucket=True sorts by length: pass lengths, as in Batches((x, y, lengths), ...)"
            )
            raise ArgumentError(message, "batches.bucket")
        if carry:
            self._check_carry()

    def _check_carry(self) -> None:
        if self.rng is not None or self.bucket:
            message = "carry=True keeps the order of the arrays: leave out rng= and bucket="
            raise ArgumentError(message, "batches.carry")
        if self.num_examples % self.batch_size:
            raise ArgumentError(
                f"carry=True needs whole batches, but {self.num_examples} examples make no whole "
                "number of "
                f"batches of {self.batch_size}: let data.streams cut them",
                "batches.carry",
            )

    @property
    def x(self) -> np.ndarray | list[np.ndarray]:
        """The field x: an array, or a list where it is ragged."""
        return self._field("x")

    @property
    def y(self) -> np.ndarray | list[np.ndarray]:
        """The field y: an array, or a list where it is ragged."""
        return self._field("y")

    @property
    def lengths(self) -> np.ndarray | None:
        """Valid steps of each x, (N,), or None."""
        return self.field_lengths.get("x")

    @property
    def per_step(self) -> bool:
        """Has it been said that y has one target for each step of x?"""
        return self.follows.get("y") == "x"

    def _field(self, name: str) -> np.ndarray | list[np.ndarray]:
        if name not in self.fields:
            raise AttributeError(f"these Batches have {', '.join(self.fields)}, but no {name}")
        return self.fields[name]

    def __len__(self) -> int:
        """Updates in an epoch."""
        return -(-self.num_examples // self.batch_size)

    def order(self, epoch: int) -> list[np.ndarray]:
        """Indices of the examples in the order of this epoch, list of arrays, one for each
        batch."""
        n = self.num_examples
        size = self.batch_size
        if self.rng is None:
            rng = None
        else:
            rng = np.random.default_rng(child_seeds(self.rng, epoch + 1)[epoch])
        if rng is None:
            rows = np.arange(n)
        else:
            rows = rng.permutation(n)
        if self.bucket:
            lengths = next(iter(self.field_lengths.values()))
            pools = [rows[start : start + POOL * size] for start in range(0, n, POOL * size)]
            rows = np.concatenate(
                [pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]
            )
        batches = [rows[start : start + size] for start in range(0, n, size)]
        if self.bucket and rng is not None:
            batches = [batches[i] for i in rng.permutation(len(batches))]
        return batches

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of epoch 0, 1, ..."""
        if epoch < 0:
            raise ArgumentError(f"epochs count from 0, got {epoch}", "batches.epoch")
        for rows in self.order(epoch):
            yield self.take(rows)

    def in_order(self) -> Batches:
        """The same examples in the order of the arrays."""
        return self._subset(None, self.batch_size)

    def extremes(self) -> Batches:
        """The examples with the smallest and the largest number of each field: what a door refuses
        shows here."""
        rows = set()
        for values in self.fields.values():
            rows.update(_extreme_rows(values))
        return self._subset(np.array(sorted(rows)), len(rows) if self.carry else self.batch_size)

    def _subset(self, rows: np.ndarray | None, batch_size: int) -> Batches:
        part = object.__new__(Batches)
        part.__dict__.update(self.__dict__, rng=None, bucket=False, batch_size=batch_size)
        if rows is not None:
            part.fields = {name: _rows(values, rows) for name, values in self.fields.items()}
            part.field_lengths = {
                name: lengths[rows] for name, lengths in self.field_lengths.items()
            }
            part.num_examples = len(rows)
        return part

    def take(self, rows: Sequence[int] | np.ndarray) -> Batch:
        """The examples with these indices as one Batch."""
        fields = {}
        for name, values in self.fields.items():
            lengths = self.field_lengths.get(self.follows.get(name, name))
            chosen = _rows(values, rows)
            if isinstance(chosen, list):
                fields[name], _ = pad(chosen)
            else:
                if lengths is None:
                    fields[name] = chosen
                else:
                    fields[name] = chosen[:, : lengths[rows].max()]
        for name, lengths in self.field_lengths.items():
            fields[lengths_name(name)] = lengths[rows]
        return Batch(fields, self.follows)


def streams(
    values: ArrayLike | tuple[ArrayLike, ArrayLike], batch_size: int, steps: int
) -> Batches:
    """One long sequence as `batch_size` streams side by side, `steps` at a time: Batches that carry
    the state.

    values  ids (M,) of a language model, whose targets are the ids one step later; or (x, y), both
            (M, ...)

    Row b of each batch continues row b of the batch before, so that `fit` hands the state on
    (truncated backpropagation through time).  What fills no whole window of all streams is left
    out.

    >>> for batch in streams(range(9), batch_size=2, steps=2).epoch(0):
    ...     print(batch.x.tolist(), batch.y.tolist())
    [[0, 1], [4, 5]] [[1, 2], [5, 6]]
    [[2, 3], [6, 7]] [[3, 4], [7, 8]]
    """
    validation.positive(batch_size, "batch_size")
    validation.positive(steps, "steps")
    if isinstance(values, tuple):
        x, y = (validation.numbers(part, name) for part, name in zip(values, "xy", strict=True))
    else:
        ids = validation.numbers(values, "ids")
        x = ids[:-1]
        y = ids[1:]
    if len(x) != len(y):
        raise ArgumentError(f"x has {len(x)} steps, y {len(y)}: as many", "streams.length")
    windows = len(x) // (batch_size * steps)
    if windows == 0:
        raise ArgumentError(
            f"{len(x)} steps are less than one window of {steps} for {batch_size} streams: "
            f"{batch_size * steps} are needed, or a smaller steps= or batch_size=",
            "streams.short",
        )
    cut = [_side_by_side(part, batch_size, windows, steps) for part in (x, y)]
    return Batches((cut[0], cut[1]), batch_size, per_step=True, carry=True)


def _side_by_side(values: np.ndarray, batch_size: int, windows: int, steps: int) -> np.ndarray:
    """(M, ...) -> (windows * batch_size, steps, ...): window k of all streams stands before window
    k + 1."""
    used = values[: batch_size * windows * steps]
    used = used.reshape(batch_size, windows, steps, *values.shape[1:]).swapaxes(0, 1)
    return used.reshape(windows * batch_size, steps, *values.shape[1:])


def _rows(values: np.ndarray | list[np.ndarray], rows: Sequence[int] | np.ndarray) -> Any:
    """These examples of a dense or of a ragged field."""
    if isinstance(values, list):
        return [values[row] for row in rows]
    return values[rows]


def _extreme_rows(values: np.ndarray | list[np.ndarray]) -> set[int]:
    """The examples that hold the smallest and the largest number of a field."""
    if isinstance(values, list):
        return {
            int(np.argmin([part.min() for part in values])),
            int(np.argmax([part.max() for part in values])),
        }
    each = values.size // len(values)
    return {int(values.argmin()) // each, int(values.argmax()) // each}


def _fields(arrays: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The fields by name, checked, and the lengths of those that have some."""
    given = _named(arrays)
    fields = {}
    lengths = {}
    for name, values in given.items():
        if name == LENGTHS or (
            name.endswith("_lengths") and name.removesuffix("_lengths") in given
        ):
            continue
        fields[name] = _field(values, name, arrays)
        if isinstance(fields[name], list):
            lengths[name] = np.array([len(part) for part in fields[name]])
    count = len(next(iter(fields.values())))
    for name, values in fields.items():
        if len(values) != count:
            first = next(iter(fields))
            raise ArgumentError(
                f"{first} has {count} examples, {name} has {_shape(values)}: one row of {name} "
                "for each "
                f"row of {first}",
                "batches.rows",
            )
    for name in fields:
        own = given.get(lengths_name(name))
        if own is not None:
            lengths[name] = _own_lengths(own, name, fields[name])
    return fields, lengths


def _named(arrays: Any) -> dict[str, Any]:
    """The arguments as a dict, with x and y where they come as a tuple."""
    if isinstance(arrays, Mapping):
        given = {name: values for name, values in arrays.items() if values is not None}
        if LENGTHS in given and "x" not in given:
            raise ArgumentError(
                f"lengths are those of x, and there is no x among {', '.join(map(str, arrays))}: "
                "call the "
                "lengths of another field FIELD_lengths",
                "batches.fields",
            )
        if not given or not all(isinstance(name, str) and name.isidentifier() for name in given):
            raise ArgumentError(
                f"fields have names such as x or target, got {list(arrays)}", "batches.fields"
            )
        return given
    if not isinstance(arrays, (tuple, list)) or len(arrays) not in (2, 3):
        raise ArgumentTypeError(
            "arrays is (x, y), (x, y, lengths) or a dict of named fields", "batches.fields"
        )
    names = ("x", "y", LENGTHS)
    return {name: values for name, values in zip(names, arrays, strict=False) if values is not None}


def _field(values: Any, name: str, arrays: Any) -> np.ndarray | list[np.ndarray]:
    """One field, dense or, in a dict, ragged: numbers, finite, not empty."""
    if isinstance(values, list) and isinstance(arrays, Mapping) and _ragged(values):
        parts = [
            validation.finite(validation.numbers(part, f"{name}[{i}]"), name)
            for i, part in enumerate(values)
        ]
        pad(parts[:1])
        for row, part in enumerate(parts):
            if part.ndim == 0 or len(part) == 0 or part.shape[1:] != parts[0].shape[1:]:
                pad(parts[: row + 1])  # which says what is wrong with it
        return parts
    dense = validation.numbers(values, name)
    if name == "x":
        if dense.ndim < 2:
            raise ArgumentError(
                f"x must have shape (N, T) for ids or (N, T, D) for values, got {dense.shape}",
                "batches.x",
            )
        validation.rank(dense.shape, "(N, T)" if dense.ndim == 2 else "(N, T, D)", "x")
    if dense.ndim == 0 or dense.size == 0:
        raise ArgumentError(
            f"{name} of shape {dense.shape} is empty: there is nothing to learn", "batches.empty"
        )
    return validation.finite(dense, name)


def _ragged(values: list) -> bool:
    """A list of arrays, or of rows of different lengths; rows of one length are an array."""
    if not values or not all(
        np.ndim(part) > 0 if hasattr(part, "ndim") else hasattr(part, "__len__") for part in values
    ):
        return False
    return all(isinstance(part, np.ndarray) for part in values) or len(set(map(len, values))) > 1


def _shape(values: np.ndarray | list[np.ndarray]) -> str:
    if isinstance(values, list):
        return f"{len(values)} sequences"
    return f"shape {values.shape}"


def _own_lengths(own: ArrayLike, name: str, values: np.ndarray | list[np.ndarray]) -> np.ndarray:
    """Lengths that were given for a field."""
    if isinstance(values, list):
        raise ArgumentError(
            f"{name} is a list of sequences, which has its lengths: leave out {lengths_name(name)}",
            "batches.lengths",
        )
    if values.ndim < 2:
        raise ArgumentError(
            f"{name} of shape {values.shape} has no steps to count", "batches.lengths"
        )
    return validation.lengths(own, len(values), values.shape[1])


def _follows(
    per_step: Any, fields: Mapping[str, Any], lengths: dict[str, np.ndarray]
) -> dict[str, str]:
    """{field: the field by whose steps it goes}; a ragged follower agrees with its leader and has
    no lengths of its own."""
    if isinstance(per_step, (bool, np.bool_)):
        if per_step:
            per_step = ("y",)
        else:
            per_step = ()
    if isinstance(per_step, str):
        per_step = (per_step,)
    if isinstance(per_step, Mapping):
        follows = dict(per_step)
    else:
        follows = {name: "x" for name in per_step}
    for name, leader in follows.items():
        if name not in fields or leader not in fields or name == leader:
            raise ArgumentError(
                f"per_step says that {name} goes by the steps of {leader}, but the fields are "
                f"{', '.join(fields)}",
                "batches.per_step",
            )
        if name in lengths and not isinstance(fields[name], list):
            raise ArgumentError(
                f"{name} has lengths of its own and per_step says that it goes by the steps of "
                f"{leader}: "
                f"leave out {lengths_name(name)} or per_step",
                "batches.per_step",
            )
        if not _go_together(fields[name], fields[leader], lengths.get(leader)):
            raise ArgumentError(
                f"per_step says that {name} goes by the steps of {leader}, but {name} has "
                f"{_shape(fields[name])} and {leader} {_shape(fields[leader])}: one entry for "
                "each step, "
                "or leave per_step= out",
                "batches.per_step",
            )
        lengths.pop(name, None)
    return {name: _root(name, follows) for name in follows}


def _root(name: str, follows: Mapping[str, str]) -> str:
    """The field at the end of a chain of followers."""
    seen = {name}
    while name in follows:
        name = follows[name]
        if name in seen:
            message = f"per_step goes round in a circle: {' -> '.join(follows)}"
            raise ArgumentError(message, "batches.per_step")
        seen.add(name)
    return name


def _go_together(field: Any, leader: Any, lengths: np.ndarray | None) -> bool:
    """Has a field one entry for each step of its leader?"""
    if isinstance(field, list):
        if lengths is None:
            steps = np.full(len(leader), np.shape(leader)[1])
        else:
            steps = lengths
        return np.array_equal([len(part) for part in field], steps)
    if isinstance(leader, list) or field.ndim < 2 or leader.ndim < 2:
        return False
    return field.shape[1] == leader.shape[1]
