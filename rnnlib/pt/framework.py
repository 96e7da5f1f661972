"""Import PyTorch, before any other module of this half does."""

from importlib import import_module

from rnnlib import load_order


def load() -> None:
    """Import the framework; an ImportError says what to do where that cannot be done."""
    load_order.require_triton_first()
    try:
        import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(
            "rnnlib.pt needs PyTorch, which is not installed: pip install 'rnnlib[torch]'",
            name="torch",
        ) from None
