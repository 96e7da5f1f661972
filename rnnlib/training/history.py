"""What a run leaves behind: its losses, norms and times."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlib.core.errors import Diverged
from rnnlib.training.optimizers import _plain_spec

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class History:
    """What a run leaves behind, in plain lists of floats; epochs and updates count from 0 here.

    steps     loss of each update, measured before it
    norms     global norm of each update's gradient, before clipping
    epochs    mean training loss of each epoch: of `steps`, each weighted by what its loss is the
              mean over
    valid     validation loss after each epoch; empty without `valid`
    seconds   wall-clock seconds of each epoch, validation included
    updates   updates in an epoch

    `fit(..., history=history)` goes on with a run in the same process.
    """

    updates: int = 1
    steps: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._live: dict[str, Any] = {}  # what a run that goes on takes up: its optimizer, weights

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_live"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _live={})

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def best_epoch(self) -> int | None:
        """Index of the epoch with the lowest validation loss, the first of equals; None without
        validation."""
        if self.valid:
            return int(np.argmin(self.valid))
        return None

    def waited(self, patience: int | None) -> bool:
        """Have `patience` epochs passed since the best one?  Always False for patience None."""
        best = self.best_epoch
        return patience is not None and best is not None and len(self) - 1 - best >= patience

    def add_step(self, loss: float, norm: float, remedy: str | None = None) -> None:
        """Note one update.

        Raises Diverged, and notes nothing, if its loss or its gradient is not finite.
        """
        if not (math.isfinite(loss) and math.isfinite(norm)):
            if not math.isfinite(loss):
                value = f"the loss is {loss}"
            else:
                value = f"the norm of the gradient is {norm}"
            epoch, update = divmod(len(self.steps), self.updates)
            remedy = (
                remedy or "Lower the optimizer's lr or pass clip_norm, for instance clip_norm=1.0"
            )
            raise Diverged(
                f"{value} in epoch {epoch + 1}, update {update + 1} of {self.updates}: "
                f"the run diverged, and the model is left as it was before this update. {remedy}",
                self,
            )
        self.steps.append(loss)
        self.norms.append(norm)

    def add_epoch(
        self, loss: float, valid: float | None, seconds: float, remedy: str | None = None
    ) -> None:
        """Note the end of an epoch.  Raises Diverged if the validation loss is not finite."""
        if valid is not None and not math.isfinite(valid):
            remedy = (
                remedy or "Lower the optimizer's lr or pass clip_norm, for instance clip_norm=1.0"
            )
            raise Diverged(
                f"the validation loss is {valid} after epoch {len(self) + 1}, at a training loss "
                f"of {loss:.4g}: "
                f"the run diverged. {remedy}, or look at the validation data",
                self,
            )
        self.epochs.append(float(loss))
        self.seconds.append(float(seconds))
        if valid is not None:
            self.valid.append(float(valid))

    def take_up(self, model: object, optimizer: Any) -> dict[str, Any]:
        """What an earlier piece of this run left for the same model; updates of an unfinished epoch
        go."""
        del self.steps[len(self) * self.updates :], self.norms[len(self) * self.updates :]
        known = self._live.get("model")
        if known is None or known() is not model:
            self._live = {}
        if self._live.get("asked") != _plain_spec(optimizer):
            self._live.pop("optimizer", None)
        return self._live

    def leave(self, model: object, asked: Any, optimizer: Any, **weights: Any) -> None:
        """Keep what a next piece of this run will take up."""
        self._live = {
            "model": weakref.ref(model),
            "asked": _plain_spec(asked),
            "optimizer": optimizer,
            **weights,
        }

    def __repr__(self) -> str:
        text = f"History: {len(self)} epochs of {self.updates} updates"
        if self.epochs:
            text += f", training loss {self.epochs[-1]:.4g}"
        best = self.best_epoch
        if best is not None:
            text += f", validation loss {self.valid[-1]:.4g}"
            text += f", lowest {self.valid[best]:.4g} in epoch {best + 1}"
        return text

    def plot(self, ax: Axes | None = None, label: str = "") -> Axes:
        """Loss over epochs: each update (faint), each epoch's mean, validation.

        Draws into `ax` or a new figure; returns the axes.
        """
        if ax is None:
            from rnnlib.display import figures

            _, ax = figures.figure()
        if label:
            label = f"{label}, "
        else:
            label = ""
        ends = np.arange(1, len(self) + 1)
        (mean,) = ax.plot(
            ends - 0.5,
            self.epochs,
            "-",
            marker="o",
            ms=3,
            label=f"{label}training, mean of the epoch",
        )
        ax.plot(
            (np.arange(len(self.steps)) + 1) / self.updates,
            self.steps,
            color=mean.get_color(),
            alpha=0.3,
            lw=0.8,
        )
        best = self.best_epoch
        if best is not None:
            (line,) = ax.plot(
                ends,
                self.valid,
                "--",
                marker="s",
                ms=3,
                label=f"{label}validation, end of the epoch",
            )
            ax.plot(best + 1, self.valid[best], "o", ms=9, mfc="none", color=line.get_color())
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.legend()
        return ax
