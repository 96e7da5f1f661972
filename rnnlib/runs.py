"""What a training run is, whatever the framework: its arguments, its history, its progress bar."""

from __future__ import annotations

import importlib.util
import math
import numbers
import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from rnnlib import checks
from rnnlib.batch import Batches, mask
from rnnlib.errors import ArgumentError, ArgumentTypeError, Diverged, Interrupted
from rnnlib.objectives import LOSSES, Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LOSSES", "OPTIMIZERS", "SCHEDULES", "Diverged", "History", "Interrupted", "Schedule"]

OPTIMIZERS = {
    "sgd": {"lr": 0.1, "momentum": 0.0},
    "adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
    "adamw": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
}
SCHEDULES = {
    "constant": {"warmup": 0},
    "linear": {"warmup": 0, "end": 0.0},
    "cosine": {"warmup": 0, "end": 0.0},
    "step": {"warmup": 0, "every": 10, "factor": 0.1},
    "exponential": {"warmup": 0, "factor": 0.95},
}
KEEP = ("best", "last")
LARGEST_RATE = 1e30  # beyond, the bias correction of Adam leaves float32


@dataclass(frozen=True)
class Schedule:
    """The factor on the optimizer's rate at each update k = 0, 1, ...

    of `total`, the same in both frameworks.

    constant     1
    linear       from 1 down to `end` at the end of the run
    cosine       from 1 down to `end` along half a cosine (Loshchilov & Hutter 2017, without
                 restarts)
    step         `factor` ** n after n times `every` epochs
    exponential  `factor` ** (epochs done, with fractions)

    Each rises from 1/warmup to 1 in the first `warmup` updates; the others go on from there.
    """

    name: str
    options: dict[str, Any]
    total: int
    updates: int

    def __call__(self, update: int) -> float:
        """The factor at this update."""
        warmup = self.options["warmup"]
        if update < warmup:
            return (update + 1) / warmup
        done = (update - warmup) / max(1, self.total - warmup)
        if self.name == "constant":
            return 1.0
        if self.name == "step":
            return self.options["factor"] ** (update // self.updates // self.options["every"])
        if self.name == "exponential":
            return self.options["factor"] ** ((update - warmup) / self.updates)
        end = self.options["end"]
        fall = 1 - done if self.name == "linear" else (1 + math.cos(math.pi * done)) / 2
        return end + (1 - end) * fall


def schedule_of(schedule: Any, epochs: int, updates: int) -> Callable[[int], float] | None:
    """A name, (name, options) or a function of the update -> a function of the update; None for
    None."""
    if schedule is None:
        return None
    if not isinstance(schedule, (str, tuple, list)):
        return _own_schedule(schedule)
    name, options = checks.named(schedule, SCHEDULES, "schedule")
    warmup = options["warmup"]
    if isinstance(warmup, bool) or not isinstance(warmup, (int, np.integer)) or warmup < 0:
        raise ArgumentError(
            f"warmup is a number of updates, 0 or more, got {warmup!r}", "schedule.warmup"
        )
    if "every" in options:
        checks.positive(options["every"], "every, in epochs,")
    for key in ("end", "factor"):
        if key in options:
            options[key] = checks.number(options[key], key, 0)
    return Schedule(name, options, epochs * updates, updates)


def _own_schedule(schedule: Any) -> Callable[[int], float]:
    if not callable(schedule):
        raise ArgumentTypeError(
            "schedule is a name, (name, options), a function update -> factor or the "
            "framework's own, "
            f"got {schedule!r}",
            "schedule",
        )

    def factor(update: int) -> float:
        value = schedule(update)
        if not real(value) or not 0 <= value < math.inf:
            raise ArgumentError(
                f"the schedule gives {value!r} at update {update}: a factor of at least 0 on the "
                "rate",
                "schedule.factor",
            )
        return float(value)

    factor.schedule = schedule
    return factor


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
        self._live = {}  # what a run that goes on takes up: its optimizer, weights

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
        return int(np.argmin(self.valid)) if self.valid else None

    def waited(self, patience: int | None) -> bool:
        """Have `patience` epochs passed since the best one?  Always False for patience None."""
        return (
            patience is not None
            and bool(self.valid)
            and len(self) - 1 - self.best_epoch >= patience
        )

    def add_step(self, loss: float, norm: float, remedy: str | None = None) -> None:
        """Note one update.

        Raises Diverged, and notes nothing, if its loss or its gradient is not finite.
        """
        if not (math.isfinite(loss) and math.isfinite(norm)):
            value = (
                f"the loss is {loss}"
                if not math.isfinite(loss)
                else f"the norm of the gradient is {norm}"
            )
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
        if self.valid:
            text += f", validation loss {self.valid[-1]:.4g}"
            text += f", lowest {self.valid[self.best_epoch]:.4g} in epoch {self.best_epoch + 1}"
        return text

    def plot(self, ax: Axes | None = None, label: str = "") -> Axes:
        """Loss over epochs: each update (faint), each epoch's mean, validation.

        Draws into `ax` or a new figure; returns the axes.
        """
        if ax is None:
            from rnnlib import show

            _, ax = show.figure()
        label = f"{label}, " if label else ""
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
        if self.valid:
            (line,) = ax.plot(
                ends,
                self.valid,
                "--",
                marker="s",
                ms=3,
                label=f"{label}validation, end of the epoch",
            )
            best = self.best_epoch
            ax.plot(best + 1, self.valid[best], "o", ms=9, mfc="none", color=line.get_color())
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.legend()
        return ax


def check(
    goal: Objective,
    batches: Batches,
    optimizer: Any,
    epochs: int,
    valid: Batches | None,
    clip_norm: float | None,
    patience: int | None,
    keep: str,
    callback: Any,
    history: History | None,
    checkpoint: Any,
    resume: bool,
) -> None:
    """Refuse what `fit` cannot do, before anything is touched."""
    for data, role in ((batches, "batches"), (valid, "valid")):
        if data is not None or role == "batches":
            check_batches(data, role)
            goal.check(data)
    spec(optimizer, OPTIMIZERS, "optimizer")
    checks.positive(epochs, "epochs")
    if clip_norm is not None and not (real(clip_norm) and 0 < clip_norm < math.inf):
        raise ArgumentError(
            "clip_norm is the largest norm a gradient may have, above 0, or None; got "
            f"{clip_norm!r}",
            "fit.clip_norm",
        )
    if patience is not None:
        checks.positive(patience, "patience")
        if valid is None:
            message = f"patience={patience} waits for the validation loss: pass valid=Batches(...)"
            raise ArgumentError(message, "fit.patience")
    checks.choice(keep, KEEP, "keep")
    if callback is not None and not callable(callback):
        message = f"callback is a function (epoch, history, model), got {callback!r}"
        raise ArgumentTypeError(message, "fit.callback")
    _check_file(checkpoint, resume)
    _check_history(history, batches, valid, resume)


def _check_file(checkpoint: Any, resume: bool) -> None:
    if resume and checkpoint is None:
        raise ArgumentError(
            "resume=True needs the file to go on from: pass checkpoint=PATH", "fit.resume"
        )
    if checkpoint is None:
        return
    if not Path(checkpoint).name or Path(checkpoint).is_dir():
        raise ArgumentError(
            f"checkpoint={str(checkpoint)!r} names no file: give a path such as run.safetensors",
            "fit.checkpoint",
        )
    if not Path(checkpoint).resolve().parent.is_dir():
        raise FileNotFoundError(
            f"no folder {Path(checkpoint).resolve().parent} for the checkpoint: make it first"
        )


def _check_history(
    history: History | None, batches: Batches, valid: Batches | None, resume: bool
) -> None:
    if history is None:
        return
    if not isinstance(history, History):
        message = f"history is what an earlier fit returned, got {type(history).__name__}"
        raise ArgumentTypeError(message, "fit.history")
    if resume:
        message = "history goes on in this process, resume=True from a file: leave out one of them"
        raise ArgumentError(message, "fit.history")
    if len(history) and history.updates != len(batches):
        raise ArgumentError(
            f"the history has {history.updates} updates in an epoch, these batches "
            f"{len(batches)}: go on with "
            "the same data and batch size, or without history=",
            "fit.history",
        )
    if len(history) and bool(history.valid) != (valid is not None):
        raise ArgumentError(
            "the history and this call differ in whether there is a validation loss: pass valid "
            "in all "
            "pieces of a run or in none",
            "fit.history",
        )
    history.updates = len(batches)


def check_batches(data: Any, role: str) -> None:
    """A Batches (which refuses NaN itself), or an error that says how to make one."""
    if not isinstance(data, Batches):
        raise ArgumentTypeError(
            f"{role} must be a Batches, got {type(data).__name__}: wrap the arrays, "
            "Batches((x, y), batch_size=32, rng=0), from rnnlib.batch",
            f"fit.{role}",
        )


def spec(value: Any, known: Mapping[str, dict], role: str) -> tuple[str | None, Any]:
    """(name, options) of a neutral spec, its numbers checked; (None, value) for an object or a
    function."""
    if not isinstance(value, (str, tuple, list)):
        return None, value
    name, options = checks.named(value, known, role)
    for key, number in options.items():
        fits, expected = OPTIONS[key]
        if not fits(number):
            message = f"{role} {name!r}: {key} must be {expected}, got {number!r}"
            raise ArgumentError(message, f"{role}.{key}")
        if real(number):
            options[key] = float(number)  # Keras takes no number of NumPy
    return name, options


def _share(value: Any) -> bool:
    return real(value) and 0 <= value < 1


OPTIONS = {  # of optimizers: what fits, in code and in words
    "lr": (
        lambda value: real(value) and 0 < value < LARGEST_RATE,
        f"above 0 and below {LARGEST_RATE:g}",
    ),
    "eps": (lambda value: real(value) and 0 <= value < math.inf, "0 or above"),
    "weight_decay": (lambda value: real(value) and 0 <= value < math.inf, "0 or above"),
    "momentum": (_share, "from 0 to below 1"),
    "betas": (
        lambda value: (
            isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_share, value))
        ),
        "two numbers from 0 to below 1",
    ),
}


def _plain_spec(optimizer: Any) -> Any:
    """An optimizer as it was asked for, comparable; an object is itself."""
    name, options = spec(optimizer, OPTIMIZERS, "optimizer")
    return id(optimizer) if name is None else (name, sorted(options.items()))


def remedy(optimizer: Any, clip_norm: float | None) -> str:
    """What helps a run that diverges, in code form, of what this call has not done yet."""
    name, options = spec(optimizer, OPTIMIZERS, "optimizer")
    lower = "the rate of your optimizer"
    if name is not None:
        rate = options["lr"] / 10
        lower = f'the optimizer\'s lr, for instance optimizer=("{name}", {{"lr": {rate:g}}})'
    clip = "pass clip_norm=1.0" if clip_norm is None else f"clip_norm={clip_norm / 10:g}"
    return f"Lower {lower}, or {clip}"


def interrupted(history: History, best: bool) -> Interrupted:
    """What Ctrl-C becomes: the history in hand, and which weights the model has."""
    updates = len(history.steps) - len(history) * history.updates
    done = f"{len(history)} epochs and {updates} updates were done"
    weights = "those after the last update"
    if best:
        weights = f"those of epoch {history.best_epoch + 1}, the best"
    return Interrupted(
        f"interrupted: {done}; the model's weights are {weights}. The History is this error's "
        ".history "
        "(in a notebook: import sys; sys.last_value.history)",
        history,
    )


def real(value: Any) -> bool:
    """A plain number, no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_reach(kept: Mapping[str, np.ndarray], trainable: int) -> None:
    """Everything trainable has a name, or a file and the best weights would miss some of it."""
    named = sum(value.size for value in kept.values())
    if named < trainable:
        raise ArgumentError(
            f"the model trains {trainable} numbers, but rnn.params finds {named} of them by name: "
            "make every layer an attribute of the model, or train without checkpoint and with "
            'keep="last"',
            "fit.unnamed",
        )


def check_scalar(value: Any) -> None:
    """A loss is a tensor of one number."""
    if not hasattr(value, "shape"):
        raise ArgumentTypeError(
            f"the loss must return a tensor of one number, got {value!r}: use the framework's "
            "functions",
            "loss.scalar",
        )
    if len(value.shape):
        message = f"the loss must be one number, got shape {tuple(value.shape)}: average it"
        raise ArgumentError(message, "loss.scalar")


def check_own_loss(own: bool, lengths: Any) -> None:
    """A framework's loss object would average over padding too."""
    if own and lengths is not None:
        raise ArgumentError(
            "a framework's own loss object knows no lengths: pass a function (prediction, y, "
            "lengths) or a "
            "neutral name",
            "loss.lengths",
        )


def in_order(batches_or_x: Batches | np.ndarray, lengths: Any, rows: int) -> Batches:
    """A Batches of the same examples in the order of their arrays, or of a bare array x, `rows` at
    a time."""
    if isinstance(batches_or_x, Batches):
        if lengths is not None:
            message = "lengths belong to a bare array x; a Batches brings its own"
            raise ArgumentError(message, "predict.lengths")
        return batches_or_x.in_order()
    x = checks.numbers(batches_or_x, "x")
    return Batches({"x": x, "lengths": lengths}, rows)


def join(answers: Sequence[np.ndarray], data: Batches) -> np.ndarray:
    """Answers of successive batches as one array; per-step answers (B, T, K) are 0 after the end of
    a sequence.

    Of fields without x, whose answers may be of any length, shorter ones are filled up with 0.
    """
    if "x" not in data.fields:
        steps = max(part.shape[1] if part.ndim > 2 else 0 for part in answers)
        valid = None
    else:
        steps = len(data.x[0]) if isinstance(data.x, list) else data.x.shape[1]
        steps = steps if data.lengths is None else max(steps, int(data.lengths.max()))
        valid = data.lengths if _by_steps(answers, data) else None
        steps = steps if valid is not None else 0
    if steps == 0:
        return np.concatenate(answers)
    whole = np.zeros((data.num_examples, steps, *answers[0].shape[2:]), answers[0].dtype)
    for start, part in zip(_starts(data), answers, strict=True):
        whole[start : start + len(part), : part.shape[1]] = part
    if valid is not None:
        whole[~mask(valid, steps)] = 0
    return whole


def _starts(data: Batches) -> range:
    return range(0, data.num_examples, data.batch_size)


def _by_steps(answers: Sequence[np.ndarray], data: Batches) -> bool:
    """Do answers (B, T, K) go by the steps of x, of which each batch has as many as its longest
    sequence?"""
    if data.lengths is None or answers[0].ndim < 3:
        return False
    longest = [data.lengths[start : start + data.batch_size].max() for start in _starts(data)]
    return [part.shape[1] for part in answers] == longest


def wants_bar(progress: bool | None = None) -> bool:
    """Show progress?  As told; else where a person watches (terminal, Jupyter) and RNNLIB_PROGRESS
    is not 0."""
    if progress is not None:
        return bool(progress)
    return os.environ.get("RNNLIB_PROGRESS") != "0" and (sys.stderr.isatty() or in_notebook())


def in_notebook() -> bool:
    """Does this code run in a Jupyter kernel?"""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def bar(history: History, epochs: int, progress: bool | None = None) -> tqdm:
    """A tqdm bar over the updates of a whole run, silent where nobody watches; a context
    manager."""
    kind = tqdm
    if in_notebook() and importlib.util.find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as kind
    return kind(
        total=epochs * history.updates,
        initial=len(history.steps),
        unit="update",
        disable=not wants_bar(progress),
        dynamic_ncols=True,
    )


def advance(shown: tqdm, history: History, epochs: int) -> None:
    """Move the bar on by one update and say where the run is."""
    shown.update()
    if not shown.disable:
        text = f"epoch {min(len(history) + 1, epochs)}/{epochs}, loss {history.steps[-1]:.4g}"
        text += f", validation {history.valid[-1]:.4g}" if history.valid else ""
        shown.set_description_str(text, refresh=False)
