"""What every other room stands on: checks of arguments, seeds, the table of cells, initial
weights, layouts, weight files.
"""

from rnnlib.core import cells, rounding
from rnnlib.core.errors import (
    ArgumentError,
    ArgumentTypeError,
    CannotCompare,
    Diverged,
    ExportError,
    FileError,
    Interrupted,
    NotFittedError,
    OtherRun,
    RnnlibError,
)
from rnnlib.core.initializers import draw_weights, embedding, glorot, orthogonal
from rnnlib.core.layouts import (
    OnnxLayer,
    below_prefix,
    from_keras,
    from_onnx,
    from_torch,
    reorder_gates,
    to_keras,
    to_onnx,
    to_torch,
)
from rnnlib.core.seeds import child_seeds
from rnnlib.core.weight_files import read_weights, write_weights

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CannotCompare",
    "Diverged",
    "ExportError",
    "FileError",
    "Interrupted",
    "NotFittedError",
    "OnnxLayer",
    "OtherRun",
    "RnnlibError",
    "below_prefix",
    "cells",
    "child_seeds",
    "draw_weights",
    "embedding",
    "from_keras",
    "from_onnx",
    "from_torch",
    "glorot",
    "orthogonal",
    "read_weights",
    "reorder_gates",
    "rounding",
    "to_keras",
    "to_onnx",
    "to_torch",
    "write_weights",
]
