"""Weights in safetensors files: written whole or not at all, read and compared by name and
shape.
"""

from __future__ import annotations

import itertools
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors import numpy as safetensors_numpy

from rnnlib.core import cells, files, validation
from rnnlib.core.errors import FileError
from rnnlib.core.initializers import Arrays


def _hints(differ):
    """What the table says of parameters that a cell has with one value of an option and lacks with
    another."""
    for row in cells.ROWS:
        for option, choices in row.options.items():
            names = {
                value: set(cells.parameters((row.kind, {option: value}), 1, 1))
                for value in choices.choices
            }
            for value, other in itertools.permutations(names, 2):
                extra = sorted(names[value] - names[other])
                if differ & set(extra):
                    yield (
                        f"the cell {row.kind!r} has {', '.join(extra)} with {option}={value!r} "
                        f"and not with {option}={other!r}"
                    )


def match_parameters(have: Arrays, given: Arrays, what: str) -> dict[str, np.ndarray]:
    """Check that `given` {name: array} has the names and shapes of `have`; finite values.
    ValueError says all that differs."""
    problems = [f"{name} {have[name].shape} is missing" for name in have if name not in given]
    problems += [
        f"{name} {np.shape(given[name])} is not wanted" for name in given if name not in have
    ]
    for name in have:
        if name in given and np.shape(given[name]) != have[name].shape:
            problems.append(f"{name} has shape {np.shape(given[name])}, needs {have[name].shape}")
    if problems:
        differ = {
            name.split(".")[-1] for name in {*have, *given} if (name in have) != (name in given)
        }
        problems += _hints(differ)
        raise ValueError(f"these are not the parameters of this {what}: {'; '.join(problems)}")
    return {
        name: validation.finite(np.asarray(given[name]).astype(have[name].dtype), name)
        for name in have
    }


BFLOAT16 = "BF16"  # which NumPy lacks: read as the float32 of the same values


def write_weights(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], about: dict
) -> None:
    """Arrays and a dict of plain values `about` to one safetensors file, whole or not at all.

    FileError (an OSError) names the file if there is no room or no such folder; see `files`.
    """
    dense = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    try:
        content = safetensors_numpy.save(dense, {"about": json.dumps(about)})
    except SafetensorError as error:
        raise FileError(f"could not write {path}: {error}", "file.write") from error
    files.write_bytes(path, content)


def read_weights(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict]:
    """-> arrays, about.

    Raises FileNotFoundError, or ValueError for a truncated or foreign file, with its size.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file at {path}: save(path, ...) writes one")
    try:
        with safe_open(path, "np") as file:
            about = (file.metadata() or {}).get("about")
            arrays = {name: _tensor(path, file, name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes) is not a whole safetensors file: {error}. "
            "It was cut off or is something else; use an earlier copy, or write it "
            "anew with save(path, ...)"
        ) from error
    return arrays, json.loads(about) if about else {}


def _tensor(path: Path, file: safe_open, name: str) -> np.ndarray:
    """One tensor of an open file; of bfloat16, the upper half of a float32, as that."""
    if file.get_slice(name).get_dtype() != BFLOAT16:
        return file.get_tensor(name)
    with open(path, "rb") as raw:
        (size,) = struct.unpack("<Q", raw.read(8))
        place = json.loads(raw.read(size))[name]
        start, end = place["data_offsets"]
        raw.seek(8 + size + start)
        upper = np.frombuffer(raw.read(end - start), "<u2").astype("uint32")
    return (upper << 16).view("float32").reshape(place["shape"])
