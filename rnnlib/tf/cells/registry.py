"""Which class is the cell of which name, in TensorFlow.  Mirror: rnnlib/pt/cells/registry.py."""

from collections.abc import Callable

import keras
import numpy as np

from rnnlib.core import cells

CLASSES: dict[str, type[keras.layers.Layer]] = {}  # kind, as in `rnnlib.core.cells`, -> class


def registered(kind: str) -> Callable[[type], type]:
    """Decorator of the class that is the cell `kind` of `rnnlib.core.cells`:
    models and tests find it by that name."""

    def keep(cell_class):
        cell_class.kind = cells.row(kind).kind
        CLASSES[kind] = cell_class
        return cell_class

    return keep


def kind_of(cell: object) -> str | None:
    """The kind of a cell of the table; None for a reader's own, a subclass of ours among them."""
    kind = getattr(type(cell), "kind", None)
    if kind is not None and CLASSES.get(kind) is type(cell):
        return kind
    return None


def make_cell(
    cell: str | tuple[str, dict],
    input_size: int,
    hidden_size: int,
    rng: int | np.random.SeedSequence = 0,
    dtype: str = "float32",
) -> keras.layers.Layer:
    """A cell by its name, or (name, options), of `rnnlib.core.cells`: `rnn.make_cell(("gru",
    {"reset_after": False}), D, H)`."""
    kind, options = cells.named(cell)
    if kind not in CLASSES:
        raise ValueError(
            f"{kind!r} is a layer and no cell: choose one of {', '.join(sorted(CLASSES))}, "
            "or build a model with it"
        )
    return CLASSES[kind](input_size, hidden_size, rng=rng, dtype=dtype, **options)
