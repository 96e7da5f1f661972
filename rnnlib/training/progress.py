"""The progress bar of a run, shown where a person watches."""

from __future__ import annotations

import importlib.util
import os
import sys

from tqdm import tqdm

from rnnlib.training.history import History


def wants_bar(progress: bool | None = None) -> bool:
    """Show progress?  As told; else where a person watches (terminal, Jupyter) and RNNLIB_PROGRESS
    is not 0."""
    if progress is not None:
        return bool(progress)
    return os.environ.get("RNNLIB_PROGRESS") != "0" and (sys.stderr.isatty() or in_notebook())


def in_notebook() -> bool:
    """Does this code run in a Jupyter kernel?"""
    ipython = sys.modules.get("IPython")
    if ipython:
        shell = ipython.get_ipython()
    else:
        shell = None
    return getattr(shell, "kernel", None) is not None


def progress_bar(history: History, epochs: int, progress: bool | None = None) -> tqdm:
    """A tqdm bar over the updates of a whole run, silent where nobody watches; a context
    manager."""
    kind = tqdm
    if in_notebook() and importlib.util.find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as widget

        kind = widget
    return kind(
        total=epochs * history.updates,
        initial=len(history.steps),
        unit="update",
        disable=not wants_bar(progress),
        dynamic_ncols=True,
    )


def advance_bar(shown: tqdm, history: History, epochs: int) -> None:
    """Move the bar on by one update and say where the run is."""
    shown.update()
    if not shown.disable:
        text = f"epoch {min(len(history) + 1, epochs)}/{epochs}, loss {history.steps[-1]:.4g}"
        text += f", validation {history.valid[-1]:.4g}" if history.valid else ""
        shown.set_description_str(text, refresh=False)
