"""Checkpoints of version 0.1.0: an optimizer's moments from the layout of a framework's own layer
to that of our cells.

That version trained the arrays of nn.RNN, nn.LSTM and nn.GRU, or of their equals in Keras, where a
model ran them.  A moment goes the way of its gradient: the input bias has the gradient of our `b`,
of the second bias only the candidate's part, `b_n`, was trained.
"""

from __future__ import annotations

import re

import numpy as np

TORCH = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
KERAS = ("kernel", "recurrent_kernel", "bias")
Moments = dict[str, np.ndarray]  # of one parameter: name of the moment, value


def is_native(updates: list[str]) -> bool:
    """Whether a list of what an optimizer updates names arrays of a framework's own layer."""
    names = {entry.split(" ")[0].rsplit(".", 1)[-1] for entry in updates}
    return TORCH[0] in names or set(KERAS) <= names


def from_torch(updates: list[str], arrays: Moments) -> tuple[list[str], Moments]:
    """What is updated, and moments `INDEX.NAME`, as our cells have them, out of PyTorch's."""
    named = []
    for index, entry in enumerate(updates):
        name = entry.split(" ")[0]
        start = f"{index}."
        found = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
        prefix, dot, last = name.rpartition("layer.")
        if dot and last in TORCH:
            ours = ("W_x", "W_h", "b", "b_n")[TORCH.index(last)]
            named.append((f"{prefix}cell.{ours}", _each(_torch_part(last), found), entry))
        else:
            named.append((name, found, entry))
    moments = {
        f"{index}.{key}": value
        for index, (_, found, _) in enumerate(named)
        for key, value in found.items()
    }
    return [_entry(name, found, entry) for name, found, entry in named], moments


def from_keras(updates: list[str], arrays: Moments, gates: int) -> tuple[list[str], Moments]:
    """What is updated, and moments by their number, as our cells have them, out of Keras' layout.

    gates  3 where the cells are GRUs, whose gates Keras has in the order z, r, n
    """
    leading = 2  # the number of updates and the rate
    slots = (len(arrays) - leading) // len(updates)
    values = [arrays[str(number)] for number in range(leading)]
    names = []
    for place, entry in enumerate(updates):
        name = entry.split(" ")[0]
        numbers = range(leading + place * slots, leading + (place + 1) * slots)
        found = [arrays[str(number)] for number in numbers]
        for ours, part in _keras_parts(name, gates, found):
            names.append((ours, _shape(entry, part)))
            values += part
    moments = {str(number): value for number, value in enumerate(values)}
    return [f"{name} {shape}" for name, shape in names], moments


def without_seeds(extra: Moments, layers: int) -> Moments:
    """The numbered variables that nothing trains, less the seed that each layer of Keras held."""
    seeds = [
        key for key, value in extra.items() if value.shape == (2,) and value.dtype.kind in "iu"
    ]
    if len(seeds) != layers:
        return extra
    kept = [extra[key] for key in sorted(extra, key=int) if key not in seeds]
    return {str(number): value for number, value in enumerate(kept)}


def native_layers(updates: list[str]) -> int:
    """How many layers of Keras a list of what is updated has."""
    return sum(entry.split(" ")[0] == KERAS[1] for entry in updates)


def _torch_part(last):
    """The change of layout of one array of PyTorch."""
    if last.startswith("weight"):
        return np.transpose
    if last == "bias_hh_l0":
        return _candidate
    return np.asarray


def _each(change, found):
    """The moments of one parameter, changed; the number of steps, a scalar, as it is."""
    return {key: np.ascontiguousarray(change(v)) if v.ndim else v for key, v in found.items()}


def _candidate(bias):
    """The candidate's part (H,) of a bias (3H,)."""
    return bias[len(bias) // 3 * 2 :]


def _rzn(value, gates):
    """Blocks of the last axis from Keras' order to ours."""
    if gates != 3:
        return value
    z, r, n = np.split(value, 3, axis=-1)
    return np.concatenate([r, z, n], axis=-1)


def _keras_parts(name, gates, found):
    """[(our name, moments)] for the moments of one variable."""
    if name == KERAS[0]:
        return [("W_x", [_rzn(value, gates) for value in found])]
    if name == KERAS[1]:
        return [("W_h", [_rzn(value, gates) for value in found])]
    if name != KERAS[2]:
        return [(name, found)]
    if all(value.ndim == 1 for value in found):
        return [("b", [_rzn(value, gates) for value in found])]
    first = [_rzn(value[0], gates) for value in found]
    return [("b", first), ("b_n", [_candidate(value[1]) for value in found])]


def _shape(entry, part):
    """The shape of what a moment belongs to; as it was said where an optimizer has no moments."""
    if part:
        return tuple(part[0].shape)
    return entry.split(" ", 1)[1]


def _entry(name, found, entry):
    """`NAME SHAPE` of one parameter."""
    shapes = [tuple(value.shape) for value in found.values() if value.ndim]
    if shapes:
        return f"{name} {shapes[0]}"
    return re.sub(r"^\S+", name, entry)
