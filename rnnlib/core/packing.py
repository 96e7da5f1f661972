"""Plain values and arrays out of what a model has learned, and back: for files that are no pickles.

`pack` takes a value apart into arrays, which a safetensors file holds, and a value that JSON holds;
`unpack` puts the two together again, of the same types.  Nothing in such a file is ever executed.
"""

import dataclasses
import math
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

TAG = "is"  # the key that tells a packed value from a dict
PLAIN = (bool, int, str, type(None))
READERS: dict[str, Callable] = {}  # what a tag says -> function (packed, arrays) -> value
WRITERS: dict[type, Callable] = {}  # type -> function (value, arrays) -> packed


def pack(value: object) -> tuple[Any, dict[str, np.ndarray]]:
    """A value that JSON holds, and arrays {name: array} that it refers to by name.

    Taken are None, numbers, strings, lists, tuples, dicts with any of these as keys, arrays of
    numbers, bools, strings or dates, paths, seeds, and what `register` has named.  TypeError says
    what is none of them.
    """
    arrays: dict[str, np.ndarray] = {}
    return _packed(value, arrays), arrays


def unpack(packed: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value that `pack` took apart; ValueError for a kind of value that is not known."""
    if isinstance(packed, list):
        return [unpack(item, arrays) for item in packed]
    if not isinstance(packed, dict):
        return packed
    if TAG not in packed:
        return {key: unpack(item, arrays) for key, item in packed.items()}
    if packed[TAG] not in READERS:
        raise ValueError(
            f"the file holds a {packed[TAG]!r}, which is not known here: import its module"
        )
    return READERS[packed[TAG]](packed, arrays)


def register(
    kind: type,
    to_plain: Callable | None = None,
    from_plain: Callable | None = None,
) -> type:
    """Let values of this type, and of types below it, be packed; returns the type.

    to_plain, from_plain  value -> what `pack` takes, and back; None for a NamedTuple or a
                          dataclass, which go by their fields
    """
    if to_plain is None or from_plain is None:
        to_plain, from_plain = _fields(kind)

    def write(value, arrays):
        return {TAG: kind.__name__, "value": _packed(to_plain(value), arrays)}

    def read(packed, arrays):
        return from_plain(unpack(packed["value"], arrays))

    WRITERS[kind] = write
    READERS[kind.__name__] = read
    return kind


def is_registered(value: object) -> bool:
    """Can values of this type be packed because `register` has named it?"""
    return any(kind in WRITERS for kind in type(value).__mro__)


def versions(*packages: str) -> dict[str, str]:
    """The installed versions of these packages, for the header of a file."""
    return {package: version(package) for package in packages}


def _fields(kind):
    """How a NamedTuple or a dataclass becomes a dict, and comes back."""
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    else:
        names = kind._fields
    return lambda value: {name: getattr(value, name) for name in names}, lambda plain: kind(**plain)


def _packed(value, arrays):
    """A value as one that JSON holds; its arrays go into `arrays`."""
    for kind in type(value).__mro__:
        if kind in WRITERS:
            return WRITERS[kind](value, arrays)
    if isinstance(value, np.generic):
        return _number(value, arrays)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {TAG: "float", "value": repr(value)}
    if isinstance(value, PLAIN):
        return value
    for kind, write in BUILT_IN.items():
        if isinstance(value, kind):
            return write(value, arrays)
    kind = type(value)
    raise TypeError(
        f"a {kind.__module__}.{kind.__qualname__} cannot be written to a file: {str(value)[:60]}"
    )


def _list(value, arrays):
    return [_packed(item, arrays) for item in value]


def _tuple(value, arrays):
    return {TAG: "tuple", "items": _list(value, arrays)}


def _dict(value, arrays):
    if TAG not in value and all(type(key) is str for key in value):
        return {key: _packed(item, arrays) for key, item in value.items()}
    items = [[_packed(key, arrays), _packed(item, arrays)] for key, item in value.items()]
    return {TAG: "dict", "items": items}


def _array(value, arrays):
    """Numbers and dates go to the arrays; strings and objects one by one."""
    if value.dtype.kind in "biufmM":
        name = str(len(arrays))
        if value.dtype.kind in "mM":
            arrays[name] = value.view("int64")
        else:
            arrays[name] = value
        return {TAG: "array", "name": name, "dtype": value.dtype.name}
    values = _list(value.ravel().tolist(), arrays)
    return {TAG: "values", "values": values, "shape": list(value.shape), "dtype": value.dtype.str}


def _number(value, arrays):
    """One number of NumPy, or a date."""
    if value.dtype.kind in "mM":
        return {TAG: "number", "dtype": value.dtype.name, "value": int(value.view("int64"))}
    return {TAG: "number", "dtype": value.dtype.str, "value": _packed(value.item(), arrays)}


def _path(value, arrays):
    return {TAG: "path", "value": str(value)}


def _seed(value, arrays):
    entropy = _packed(value.entropy, arrays)
    return {TAG: "seed", "entropy": entropy, "spawn_key": [int(key) for key in value.spawn_key]}


BUILT_IN = {  # type -> function (value, arrays) -> packed
    list: _list,
    tuple: _tuple,
    dict: _dict,
    np.ndarray: _array,
    np.random.SeedSequence: _seed,
    Path: _path,
}


def _read_float(packed, arrays):
    return float(packed["value"])


def _read_tuple(packed, arrays):
    return tuple(unpack(packed["items"], arrays))


def _read_dict(packed, arrays):
    return {unpack(key, arrays): unpack(item, arrays) for key, item in packed["items"]}


def _read_array(packed, arrays):
    array = arrays[packed["name"]]
    if packed["dtype"] != array.dtype.name:
        return array.view(packed["dtype"])
    return array


def _read_values(packed, arrays):
    found = np.empty(len(packed["values"]), packed["dtype"])
    for place, item in enumerate(packed["values"]):
        found[place] = unpack(item, arrays)
    return found.reshape(packed["shape"])


def _read_number(packed, arrays):
    return np.array(unpack(packed["value"], arrays)).astype(packed["dtype"])[()]


def _read_path(packed, arrays):
    return Path(packed["value"])


def _read_seed(packed, arrays):
    entropy = unpack(packed["entropy"], arrays)
    return np.random.SeedSequence(entropy, spawn_key=tuple(packed["spawn_key"]))


READERS.update(
    float=_read_float,
    tuple=_read_tuple,
    dict=_read_dict,
    array=_read_array,
    values=_read_values,
    number=_read_number,
    path=_read_path,
    seed=_read_seed,
)
