"""Weights as NumPy arrays: how they are drawn, filed, and moved between our layout and the frameworks' own layers.

Our layout, in the book and in both frameworks: `W_x` (D, nH), `W_h` (H, nH), `b` (nH,), with the n gates side by side
(Elman: n = 1; LSTM: i, f, g, o).  Row vectors: a = x @ W_x + h @ W_h + b.
"""

import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rnnlib import checks

GATES = {"elman": "h", "lstm": "ifgo"}  # our order; the letters name the blocks
TORCH = {"elman": "h", "lstm": "ifgo"}  # order of weight_ih_l0's blocks of rows
KERAS = {"elman": "h", "lstm": "ifgo"}  # order of kernel's blocks of columns: Keras calls g "c"


def seeds(rng, n):
    """n child seeds of `rng` (a whole number or a SeedSequence): a pure function of it, unlike SeedSequence.spawn.

    Raises TypeError for a Generator, whose state moves on: two models built from one would differ.
    """
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer, np.random.SeedSequence)):
        raise TypeError(f"rng is a whole number or a numpy SeedSequence, got {type(rng).__name__}")
    if not isinstance(rng, np.random.SeedSequence):
        if rng < 0:
            raise ValueError(f"rng must not be negative, got {rng}")
        rng = np.random.SeedSequence(int(rng))
    return [np.random.SeedSequence(rng.entropy, spawn_key=(*rng.spawn_key, k)) for k in range(n)]


def glorot(rng, fan_in, fan_out):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)), shape (fan_in, fan_out).  Glorot & Bengio 2010, eq. 16."""
    bound = np.sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng(rng).uniform(-bound, bound, size=(fan_in, fan_out))


def orthogonal(rng, size):
    """A random orthogonal (size, size) matrix, uniform over all of them.  Saxe et al. 2014; Mezzadri 2007 for the signs."""
    q, r = np.linalg.qr(np.random.default_rng(rng).normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def embedding(rng, vocab_size, size):
    """Normal with standard deviation size ** -0.5, shape (vocab_size, size): vectors of length about 1."""
    return np.random.default_rng(rng).normal(
        scale=checks.positive(size, "size") ** -0.5, size=(vocab_size, size)
    )


def draw(kind, input_size, hidden_size, rng):
    """Fresh weights of a cell, float64: each gate's input block Glorot, its recurrent block orthogonal, biases 0.

    The LSTM's forget-gate bias is 1 (Gers et al. 2000; Jozefowicz et al. 2015): at the start the cell remembers.
    """
    n = len(GATES[kind])
    seed = seeds(rng, 2 * n)
    p = {
        "W_x": np.concatenate([glorot(s, input_size, hidden_size) for s in seed[:n]], axis=1),
        "W_h": np.concatenate([orthogonal(s, hidden_size) for s in seed[n:]], axis=1),
        "b": np.zeros(n * hidden_size),
    }
    if kind == "lstm":
        p["b"][hidden_size : 2 * hidden_size] = 1
    return p


def reorder(array, have, want):
    """Rearrange the gate blocks along the last axis, e.g. from "ifgo" to "ifog"."""
    blocks = dict(zip(have, np.split(array, len(have), axis=-1), strict=True))
    return np.concatenate([blocks[gate] for gate in want], axis=-1)


def to_torch(kind, p):
    """Our parameters -> the arrays of nn.RNN or nn.LSTM, one layer; the second bias is 0."""
    W_x, W_h, b = (reorder(p[name], GATES[kind], TORCH[kind]) for name in ("W_x", "W_h", "b"))
    return {"weight_ih_l0": W_x.T, "weight_hh_l0": W_h.T, "bias_ih_l0": b, "bias_hh_l0": np.zeros_like(b)}


def from_torch(kind, arrays):
    """The arrays of nn.RNN or nn.LSTM, one layer -> our parameters; the two biases are added: the function is the same."""
    ours = {
        "W_x": arrays["weight_ih_l0"].T,
        "W_h": arrays["weight_hh_l0"].T,
        "b": arrays["bias_ih_l0"] + arrays["bias_hh_l0"],
    }
    return {name: reorder(value, TORCH[kind], GATES[kind]) for name, value in ours.items()}


def to_keras(kind, p):
    """Our parameters -> [kernel, recurrent_kernel, bias] of SimpleRNN or LSTM."""
    return [reorder(p[name], GATES[kind], KERAS[kind]) for name in ("W_x", "W_h", "b")]


def from_keras(kind, arrays):
    """[kernel, recurrent_kernel, bias] of SimpleRNN or LSTM -> our parameters."""
    return {
        name: reorder(value, KERAS[kind], GATES[kind])
        for name, value in zip(("W_x", "W_h", "b"), arrays, strict=True)
    }


def match(have, given, what):
    """Check that `given` {name: array} has the names and shapes of `have`; finite values.  ValueError says all that differs."""
    problems = [f"{name} {have[name].shape} is missing" for name in have if name not in given]
    problems += [f"{name} {np.shape(given[name])} is not wanted" for name in given if name not in have]
    for name in have:
        if name in given and np.shape(given[name]) != have[name].shape:
            problems.append(f"{name} has shape {np.shape(given[name])}, needs {have[name].shape}")
    if problems:
        raise ValueError(f"these are not the parameters of this {what}: {'; '.join(problems)}")
    return {name: checks.finite(np.asarray(given[name]).astype(have[name].dtype), name) for name in have}


def write(path, arrays, about):
    """Arrays and a dict of plain values `about` to one safetensors file, whole or not at all.

    Written to NAME.part beside it, then renamed.  OSError names the file if there is no room or no such folder.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        save_file(
            {k: np.asarray(v, order="C") for k, v in arrays.items()}, part, {"about": json.dumps(about)}
        )
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except (SafetensorError, OSError) as error:
        part.unlink(missing_ok=True)
        raise OSError(f"could not write {path}: {error}") from error


def read(path):
    """-> arrays, about.  FileNotFoundError, or ValueError for a truncated or foreign file, with its size."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file at {path}")
    try:
        with safe_open(path, "np") as file:
            about = (file.metadata() or {}).get("about")
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes) is not a whole safetensors file: {error}. "
            "It was cut off or is something else; use an earlier copy or train again"
        ) from error
    return arrays, json.loads(about) if about else {}
