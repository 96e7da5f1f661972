"""Arrays and a header in one safetensors file: what `save`, `fit` and estimators write and read."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors import numpy as safetensors_numpy

from rnnlib import files
from rnnlib.errors import FileError

BFLOAT16 = "BF16"  # which NumPy lacks: read as the float32 of the same values


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], about: dict) -> None:
    """Arrays and a dict of plain values `about` to one safetensors file, whole or not at all.

    FileError (an OSError) names the file if there is no room or no such folder; see `files`.
    """
    dense = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    try:
        content = safetensors_numpy.save(dense, {"about": json.dumps(about)})
    except SafetensorError as error:
        raise FileError(f"could not write {path}: {error}", "file.write") from error
    files.write_bytes(path, content)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict]:
    """-> arrays, about.

    Raises FileNotFoundError, or ValueError for a truncated or foreign file, with its size.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file at {path}")
    try:
        with safe_open(path, "np") as file:
            about = (file.metadata() or {}).get("about")
            arrays = {name: _tensor(path, file, name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes) is not a whole safetensors file: {error}. "
            "It was cut off or is something else; use an earlier copy or train again"
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
