"""Guards against forecasts that know the future.

Each raises Leak, which names what was seen and when.

The test behind them is one idea: take the future away, or change it, and see whether anything
changes that must not.

What they cannot see: a future that is not in what they change. A `prepare` that brings the target
along (in a closure, a global, a file that it reads) gives the same with and without the future of
the table; so does a scaler fitted on all data beforehand. A known or past column is compared with
the target as it is and up to a line, so a noisy or bent copy of the answer passes; and no guard
knows when a number of the past was published, or whether it has been revised since.
"""

import numpy as np
import pandas as pd

from rnnlib.core import validation
from rnnlib.forecasting import tables


class Leak(ValueError):
    """Something from the future, or from another part of a split, reached what must not know it."""


def check_parts(*parts, gap=0):
    """Times (or positions) of the targets of train, validation, test, each of any shape:
    each part ends before the next begins.

    Catches shuffled splits, and windows cut before the split, whose targets lie on both sides.
    gap  steps (or a Timedelta) that must lie between two parts besides
    """
    parts = tuple(
        pd.Index(np.asarray(part).ravel()) if not isinstance(part, pd.Index) else part
        for part in parts
    )
    if len(parts) < 2 or any(not len(part) for part in parts):
        raise ValueError("a split has at least two parts, none of them empty")
    for k, part in enumerate(parts):
        if part.isna().any():
            raise ValueError(f"part {k} has no time in place {int(np.argmax(part.isna()))}")
    for k, (one, later) in enumerate(zip(parts, parts[1:], strict=False)):
        try:
            # times and the number 0 cannot be added
            if gap:
                reach = one + gap
            else:
                reach = one
        except TypeError:
            raise TypeError(
                f"gap={gap!r} cannot be added to {one.dtype}: pd.Timedelta is a gap of dates"
            ) from None
        try:
            before = reach.max() < later.min()
        except TypeError:
            raise TypeError(
                f"part {k} holds {one.dtype}, part {k + 1} {later.dtype}: they cannot be compared"
            ) from None
        if not before:
            inside = int((reach >= later.min()).sum())
            raise Leak(
                f"part {k} reaches {one.max()}, part {k + 1} begins at {later.min()}, gap {gap}: "
                f"{inside} of {len(one)} targets of part {k} are not before part {k + 1}. Split "
                "by time first (forecasting.split), then cut windows in each part"
            )


def check_preparation(prepare, table, time, known=(), horizon=1):
    """`prepare` (table -> table) must make the same of what was known at `time` when all that came
    later is not there.

    The columns `known` and `ds` of the `horizon` next steps stay; of those steps' prepared known
    columns the same is asked. Catches scalers fitted on all data, centred averages, interpolation
    over the origin, and features made of the target.
    """
    rest = [name for name in table if name not in ("unique_id", "ds", *known)]
    part = table[table["ds"] <= time]
    later = table[table["ds"] > time].groupby("unique_id", sort=False).head(horizon).copy()
    later[rest] = np.nan
    short = pd.concat([part, later]).sort_values(["unique_id", "ds"], kind="stable")
    blind = _prepared(prepare, short.reset_index(drop=True))
    seen = _prepared(prepare, table).reindex(blind.index)
    past = blind.index.get_level_values("ds") <= time
    if set(seen) != set(blind):
        raise Leak(
            f"columns {sorted(map(str, set(seen) ^ set(blind)))} are made only with, or only "
            f"without, what comes after {time}"
        )
    for name in blind:
        if name in known:
            rows = np.ones(len(blind), bool)
        else:
            rows = past
        one = seen[name][rows]
        other = blind[name][rows]
        if pd.api.types.is_numeric_dtype(one):
            close = np.isclose(
                one.to_numpy(float), other.to_numpy(float), rtol=1e-9, atol=1e-12, equal_nan=True
            )
        else:
            close = ((one == other) | (one.isna() & other.isna())).to_numpy(bool)
        if not close.all():
            (key, when), k = one.index[~close][0], int(np.flatnonzero(~close)[0])
            value, without = (
                f"{v:.6g}" if isinstance(v, float) else v for v in (one.iloc[k], other.iloc[k])
            )
            raise Leak(
                f"column {name!r} of series {key!r} at {when} is {value} when the future is there "
                f"and {without} when only what is known at {time} is: the preparation looks "
                "ahead. Fit it on the training part alone"
            )


def _prepared(prepare, table):
    """What `prepare` makes of a copy of the table, by series and time."""
    made = prepare(table.copy())
    if not isinstance(made, pd.DataFrame):
        raise TypeError(
            f"prepare must return a table, got {type(made).__name__}: end it with `return table`"
        )
    tables.check_long(made)
    made = made.set_index(["unique_id", "ds"])
    if made.index.has_duplicates:
        key, when = made.index[made.index.duplicated()][0]
        raise ValueError(f"prepare makes two rows of series {key!r} at {when}: one for each time")
    return made


def check_known(views, names):
    """A column known in advance must not be the target:
    neither at the same step nor a line through it.
    """
    for view in views:
        for j, name in enumerate(names):
            if _line(view.known[: len(view.y), j], view.y):
                raise Leak(
                    f"column {name!r} of series {view.key!r} is the target 'y' itself, up to a "
                    "line, and is said to be known in advance: leave it out, or list it in "
                    f"past=({name!r},)"
                )


def check_past(views, names, horizon):
    """A column known up to the origin must not be the target of up to `horizon` steps later, up to
    a line.

    A column that is a line through the target of now or before as well (a clock, a perfect season)
    tells nothing new and passes.
    """
    for view in views:
        T = len(view.y)
        for j, name in enumerate(names):
            column = view.past[:, j]
            for k in range(1, min(horizon, T - 1) + 1):
                if not _line(column[:-k], view.y[k:]):
                    continue
                if any(_line(column[back:], view.y[: T - back]) for back in range(T // 2)):
                    break
                raise Leak(
                    f"column {name!r} of series {view.key!r} is the target 'y' {k} steps later, "
                    "up to a line, and is said to be known by then: it was not. Leave it out, or "
                    "move it to the time at which it is known"
                )


def _line(one, other):
    """Are two arrays (T,) the same up to a line, where both are there?"""
    there = np.isfinite(one) & np.isfinite(other)
    one = one[there]
    other = other[there]
    if len(one) < 4 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return False
    return abs(np.corrcoef(one, other)[0, 1]) > 1 - 1e-9


def check_trained(views, time):
    """A fitted model must not have been trained on steps after the origin `time`."""
    for view in views:
        if view.ds[-1] > time:
            raise Leak(
                f"the model was fitted on series {view.key!r} up to {view.ds[-1]} and is asked "
                f"from {time}: it has seen the answer. Fit it on what comes before the first "
                "origin"
            )


def check_causal(answer, x, rng=0):
    """`answer` (x (B, T, D) -> (B, T, ...)) at each step must not change when later steps of x do.

    Catches a model of both directions, or a filter to both sides, that is to say at each step what
    comes next.
    """
    x = np.asarray(x)
    validation.rank(x.shape, "(B, T, D)", "x")
    x, T = validation.finite(x.astype(float) if x.dtype.kind in "iub" else x, "x"), x.shape[1]
    if T < 2:
        raise ValueError("x has 1 step: two at least are needed, one to take the future from")
    before = np.asarray(answer(x))
    if before.shape[:2] != x.shape[:2]:
        raise ValueError(
            f"answers of shape {before.shape} to x {x.shape}: one for each step is expected, (B, "
            "T, ...)"
        )
    validation.finite(before, "answers")
    noise = np.random.default_rng(rng).normal(size=x.shape).astype(x.dtype) * (x.std() + 1)
    for t in sorted({T // 4, T // 2, T - 2} & set(range(T - 1))):
        changed = x.copy()
        changed[:, t + 1 :] += noise[:, t + 1 :]
        after = np.asarray(answer(changed))
        gap = np.abs(after - before)[:, : t + 1].max()
        if not gap <= 1e-5 * (np.abs(before).max() + 1e-12):
            raise Leak(
                f"answers up to step {t} change by {gap:.3g} when only x after step {t} does: the "
                "model sees the future. Read in one direction where each step is asked for the "
                "next"
            )
