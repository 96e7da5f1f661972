"""Which engine runs a recurrent layer: three do the same sums, and a table says which is the
fastest where.

native  the framework's own layer (`NativeRNN`)
fused   our function with a gradient derived by hand (`FusedRNN`)
loop    our readable loop (`RNN`)

`engine_table.json` beside this file holds measured times, in milliseconds, with the versions and
the kind of processor they are from; `make bench PART=engines` writes it anew.  Its `rows` are lists
in the order of `columns`; null stands where a cell has no such engine.  `fastest` reads the row
whose number of steps and units is nearest.
"""

import json
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np

Named = str | tuple[str, dict[str, object]]  # a name, or a name with options
Seed = int | np.random.SeedSequence

ENGINES = ("native", "fused", "loop")
WORDS = {"native": "the framework's own layer", "fused": "our fused function", "loop": "our loop"}
TABLE = "engine_table.json"
COLUMNS = (
    "framework",
    "cell",
    "lengths",
    "batch",
    "training",
    "steps",
    "hidden",
    *ENGINES,
)  # of its rows
# an engine further down the list must be faster than one above by so much: times vary
MARGIN = 1.05
USUAL = {"batch": 16, "steps": 100}  # where a graph leaves a size open


@dataclass(frozen=True)
class Choice:
    """An engine, and why it is the one."""

    engine: str
    why: str

    def __str__(self) -> str:
        return f"{self.engine}: {self.why}"


def asked(native: bool | str | None) -> str | None:
    """The engine that `native` asks for: True the framework's layer, False the loop, or its name;
    None where none is.
    """
    if native is None:
        return None
    if isinstance(native, (bool, np.bool_)):
        if native:
            return "native"
        return "loop"
    if native not in ENGINES:
        raise ValueError(
            f"native is None, True, False or an engine's name ({', '.join(ENGINES)}), got "
            f"{native!r}"
        )
    return native


def fastest(
    framework: str,
    cell: str | None,
    there: tuple[str, ...],
    *,
    lengths: bool,
    batch: int | None,
    steps: int | None,
    hidden: int,
    training: bool,
) -> Choice:
    """The engine among those `there` that took the least time where it was measured nearest to
    this.

    framework  "pt" or "tf"
    cell       a name of `rnnlib.core.cells`; None for a cell of one's own
    there      the engines that this cell has
    batch      B; None where a graph leaves it open, and so for `steps` = T

    Where nothing was measured, the first of ENGINES that is there.
    """
    if len(there) == 1:
        return Choice(there[0], "the only one for this cell")
    rows = _rows().get((framework, cell, lengths, (batch or USUAL["batch"]) == 1, training), ())
    near = _nearest(rows, steps or USUAL["steps"], hidden)
    times = {name: near[name] for name in there if near and near[name] is not None}
    if not times:
        first = next(name for name in ENGINES if name in there)
        return Choice(first, f"{WORDS[first]}, since nothing was measured for this")
    best = next(
        name for name in ENGINES if name in times and times[name] <= MARGIN * min(times.values())
    )
    figures = ", ".join(f"{name} {times[name]:.3g} ms" for name in ENGINES if name in times)
    at = f"B = {near['batch']}, T = {near['steps']}, H = {near['hidden']}"
    if training:
        turn = "training"
    else:
        turn = "inference"
    if lengths:
        with_lengths = "with lengths"
    else:
        with_lengths = "without lengths"
    return Choice(best, f"the fastest in {turn} {with_lengths} at {at}: {figures}")


@lru_cache(maxsize=4096)
def _nearest(rows, steps, hidden):
    """The row measured nearest to so many steps and units, as a dict; None without rows."""

    def distance(row):
        return abs(math.log(row[5] / steps)) + abs(math.log(row[6] / hidden))

    if rows:
        return dict(zip(COLUMNS, min(rows, key=distance), strict=True))
    return None


@cache
def _rows():
    """{(framework, cell, lengths, one sequence, training): rows} of the table."""
    table = json.loads(resources.files("rnnlib.core").joinpath(TABLE).read_text(encoding="utf-8"))
    if tuple(table["columns"]) != COLUMNS:
        raise ValueError(
            f"{TABLE} has the columns {table['columns']}, needs {list(COLUMNS)}: make bench "
            "PART=engines"
        )
    groups: dict[tuple, list[tuple]] = {}
    for row in table["rows"]:
        framework, cell, lengths, batch, training, *_ = row
        groups.setdefault((framework, cell, lengths, batch == 1, training), []).append(tuple(row))
    return {key: tuple(rows) for key, rows in groups.items()}
