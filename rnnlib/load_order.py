"""The order in which the frameworks' shared libraries are loaded: triton before TensorFlow.

PyTorch's ordinary build for Linux brings triton and loads it when the first optimizer is made.
With TensorFlow 2.21 in the process by then, loading triton 3.7.1 ends in a segmentation fault; with
triton loaded before TensorFlow all is well, in whatever order the two frameworks are imported.
"""

import sys
from importlib import import_module
from importlib.util import find_spec


def load_triton() -> bool:
    """Load triton where that is safe -> whether TensorFlow came before it.

    `import rnnlib` calls this once. Without triton there is nothing to do and nothing to fear.
    """
    if "triton" in sys.modules:
        return False
    spec = find_spec("triton")
    if spec is None or spec.origin is None:  # a mere folder of that name has no origin
        return False
    if "tensorflow" in sys.modules:
        return True
    try:
        import_module("triton")
    except Exception:  # a triton that is broken is PyTorch's to report, where PyTorch is used
        return False
    return False


def require_triton_first() -> None:
    """Raise ImportError where TensorFlow was loaded before triton; `rnnlib.pt` calls this.

    Otherwise the process would end without a word at the first optimizer of PyTorch.
    """
    if TENSORFLOW_CAME_FIRST and "triton" not in sys.modules:
        raise ImportError(
            "TensorFlow was imported before triton, which PyTorch loads at its first optimizer: in "
            "this order the process would end in a segmentation fault. Start Python anew, and put "
            "`import rnnlib` before the first `import tensorflow` or `import keras`",
            name="triton",
        )


TENSORFLOW_CAME_FIRST = load_triton()
