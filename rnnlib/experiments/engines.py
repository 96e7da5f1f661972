"""Which engine runs a recurrent model of a study: the one place that knows how the models are told.

native  the framework's own layer
fused   our recurrence with a derived backward pass
loop    our readable loop over steps

A study states its engines in order of preference; a model takes the first that its cell has in its
framework.  So the runs of a study, and the digits that a chapter compares with them, stay what they
are when the default of the models changes.
"""

import ast
from functools import cache
from types import ModuleType
from typing import TypeAlias

BEST_OF_ALL = ("native", "fused", "loop")
ARGUMENTS = {  # engine -> the argument `native` of rnn.Classifier and its like
    "native": "native",
    "fused": "fused",
    "loop": "loop",
}
Cell: TypeAlias = str | tuple[str, dict]


def options(rnn: ModuleType, cell: Cell, engines: tuple[str, ...]) -> dict[str, str]:
    """Keyword arguments of a model of `rnn` with this cell: the first of `engines` that it has."""
    if isinstance(cell, str):
        name = cell
        settings: dict = {}
    else:
        name, settings = cell
    return {"native": _first(rnn, name, repr(settings), tuple(engines))}


@cache
def _first(rnn, name, settings, engines):
    """The argument of the first engine that a small model accepts."""
    cell = (name, ast.literal_eval(settings))
    for engine in engines:
        if engine not in ARGUMENTS:
            raise ValueError(f"no engine {engine!r}; there are: {', '.join(ARGUMENTS)}")
        try:
            rnn.ForecastNet(1, 1, 1, cell=cell, native=ARGUMENTS[engine])
        except ValueError as problem:
            refusal = problem
            continue
        return ARGUMENTS[engine]
    raise ValueError(f"a {name} has none of the engines {', '.join(engines)}: {refusal}")
