"""The reference in NumPy: every cell forward and backward with gradients derived by hand, which
both frameworks are tested against.
"""

from rnnlib.ref import loop, recompute, scan
from rnnlib.ref.cells import elman, gru, lstm, mingru, minlstm, sru
from rnnlib.ref.gradcheck import central_differences, relative_error

__all__ = [
    "central_differences",
    "elman",
    "gru",
    "loop",
    "lstm",
    "mingru",
    "minlstm",
    "recompute",
    "relative_error",
    "scan",
    "sru",
]
