"""What a training run is, whatever the framework: its arguments, its history, its progress bar."""

import importlib.util
import math
import numbers
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rnnlib import checks
from rnnlib.batch import Batches, mask
from rnnlib.quantiles import levels

LOSSES = {
    "cross_entropy": {"per": "token"},
    "mse": {"per": "token"},
    "pinball": {"levels": (0.05, 0.5, 0.95)},
    "gaussian": {},
}
OPTIMIZERS = {
    "sgd": {"lr": 0.1, "momentum": 0.0},
    "adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
}


class Diverged(FloatingPointError):
    """The loss, or the norm of its gradient, became NaN or infinite; `.history` is the run up to there, this update left out."""

    def __init__(self, message, history):
        super().__init__(message)
        self.history = history


@dataclass
class History:
    """What a run leaves behind, in plain lists of floats; epochs and updates count from 0 here.

    steps     loss of each update, measured before it
    norms     global norm of each update's gradient, before clipping
    epochs    mean training loss of each epoch: of `steps`, each weighted by what its loss is the mean over
              (sequences; valid steps for per="token" where there is a target for each step)
    valid     validation loss after each epoch; empty without `valid`
    seconds   wall-clock seconds of each epoch, validation included
    updates   updates in an epoch
    """

    updates: int = 1
    steps: list = field(default_factory=list)
    norms: list = field(default_factory=list)
    epochs: list = field(default_factory=list)
    valid: list = field(default_factory=list)
    seconds: list = field(default_factory=list)

    def __len__(self):
        return len(self.epochs)

    @property
    def best_epoch(self):
        """Index of the epoch with the lowest validation loss, the first of equals; None without validation."""
        return int(np.argmin(self.valid)) if self.valid else None

    def waited(self, patience):
        """Have `patience` epochs passed since the best one?  Always False for patience None."""
        return patience is not None and bool(self.valid) and len(self) - 1 - self.best_epoch >= patience

    def add_step(self, loss, norm):
        """Note one update.  Raises Diverged, and notes nothing, if its loss or its gradient is not finite."""
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = "the loss" if not math.isfinite(loss) else "the norm of the gradient"
            epoch, update = divmod(len(self.steps), self.updates)
            raise Diverged(
                f"{what} is {norm if math.isfinite(loss) else loss} in epoch {epoch + 1}, update {update + 1} of {self.updates}: "
                "the run diverged, and the model is left as it was before this update. "
                "Lower the optimizer's lr or pass clip_norm, for instance clip_norm=1.0",
                self,
            )
        self.steps.append(float(loss))
        self.norms.append(float(norm))

    def add_epoch(self, loss, valid, seconds):
        """Note the end of an epoch.  Raises Diverged if the validation loss is not finite."""
        if valid is not None and not math.isfinite(valid):
            raise Diverged(
                f"the validation loss is {valid} after epoch {len(self) + 1}, at a training loss of {loss:.4g}: the run diverged. "
                "Lower the optimizer's lr, pass clip_norm, or look at the validation data",
                self,
            )
        self.epochs.append(float(loss))
        self.seconds.append(float(seconds))
        if valid is not None:
            self.valid.append(float(valid))

    def __repr__(self):
        text = f"History: {len(self)} epochs of {self.updates} updates"
        if self.epochs:
            text += f", training loss {self.epochs[-1]:.4g}"
        if self.valid:
            text += f", validation loss {self.valid[-1]:.4g}"
            text += f", lowest {self.valid[self.best_epoch]:.4g} in epoch {self.best_epoch + 1}"
        return text

    def plot(self, ax=None, label=""):
        """Loss over epochs: each update (faint), each epoch's mean, validation.  Draws into `ax` or a new figure; returns the axes."""
        if ax is None:
            from rnnlib import show

            _, ax = show.figure()
        label = f"{label}, " if label else ""
        ends = np.arange(1, len(self) + 1)
        (mean,) = ax.plot(
            ends - 0.5, self.epochs, "-", marker="o", ms=3, label=f"{label}training, mean of the epoch"
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
                ends, self.valid, "--", marker="s", ms=3, label=f"{label}validation, end of the epoch"
            )
            best = self.best_epoch
            ax.plot(best + 1, self.valid[best], "o", ms=9, mfc="none", color=line.get_color())
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.legend()
        return ax


def check(batches, loss, optimizer, epochs, valid, clip_norm, patience, checkpoint, resume):
    """Refuse what `fit` cannot do, before anything is touched."""
    for data, what in ((batches, "batches"), (valid, "valid")):
        if data is not None or what == "batches":
            check_batches(data, what)
    spec(loss, LOSSES, "loss")
    spec(optimizer, OPTIMIZERS, "optimizer")
    checks.positive(epochs, "epochs")
    if clip_norm is not None and not (real(clip_norm) and 0 < clip_norm < math.inf):
        raise ValueError(
            f"clip_norm is the largest norm a gradient may have, above 0, or None; got {clip_norm!r}"
        )
    if patience is not None:
        checks.positive(patience, "patience")
        if valid is None:
            raise ValueError(f"patience={patience} waits for the validation loss: pass valid=Batches(...)")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the file to go on from: pass checkpoint=PATH")
    if checkpoint is not None and (not Path(checkpoint).name or Path(checkpoint).is_dir()):
        raise ValueError(f"checkpoint={str(checkpoint)!r} names no file: give a path such as run.safetensors")
    if checkpoint is not None and not Path(checkpoint).resolve().parent.is_dir():
        raise FileNotFoundError(
            f"no folder {Path(checkpoint).resolve().parent} for the checkpoint: make it first"
        )


def check_batches(data, what):
    """A Batches (which refuses NaN itself), or an error that says how to make one."""
    if not isinstance(data, Batches):
        raise TypeError(
            f"{what} must be a Batches, got {type(data).__name__}: wrap the arrays, Batches((x, y), batch_size=32, rng=0), "
            "from rnnlib.batch"
        )


def spec(value, known, what):
    """(name, options) of a neutral spec, its numbers checked; (None, value) for an object or a function."""
    if not isinstance(value, (str, tuple, list)):
        return None, value
    name, options = checks.named(value, known, what)
    for key, number in options.items():
        ok, expected = True, ""
        if key == "lr":
            ok, expected = real(number) and 0 < number < math.inf, "above 0"
        elif key == "eps":
            ok, expected = real(number) and 0 <= number < math.inf, "0 or above"
        elif key == "momentum":
            ok, expected = real(number) and 0 <= number < 1, "from 0 to below 1"
        elif key == "betas":
            pair = isinstance(number, (tuple, list)) and len(number) == 2
            ok, expected = (
                pair and all(real(b) and 0 <= b < 1 for b in number),
                "two numbers from 0 to below 1",
            )
        elif key == "per":
            checks.choice(number, ("token", "sequence", "batch"), "averaging per")
        elif key == "levels":
            options[key] = levels(number)
        if not ok:
            raise ValueError(f"{what} {name!r}: {key} must be {expected}, got {number!r}")
        if real(number):
            options[key] = float(number)  # Keras takes no number of NumPy
    return name, options


def real(value):
    """A plain number, no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_reach(kept, trainable):
    """Everything trainable has a name, or a file and the best weights would miss some of it."""
    named = sum(value.size for value in kept.values())
    if named < trainable:
        raise ValueError(
            f"the model trains {trainable} numbers, but rnn.params finds {named} of them by name: "
            "make every layer an attribute of the model, or train without checkpoint and patience"
        )


def check_scalar(value):
    """A loss is a tensor of one number."""
    if not hasattr(value, "shape"):
        raise TypeError(
            f"the loss must return a tensor of one number, got {value!r}: use the framework's functions"
        )
    if len(value.shape):
        raise ValueError(f"the loss must be one number, got shape {tuple(value.shape)}: average it")


def check_own_loss(own, lengths):
    """A framework's loss object would average over padding too."""
    if own and lengths is not None:
        raise ValueError(
            "a framework's own loss object knows no lengths: pass a function (prediction, y, lengths) or a neutral name"
        )


def weight(loss, batches, batch):
    """What the loss of this batch is the mean over: its number of sequences, or of valid steps (per="token", a target a step)."""
    name, options = spec(loss, LOSSES, "loss")
    if name is None or options.get("per") != "token" or not batches.per_step:
        return len(batch.x)
    return batch.x.shape[0] * batch.x.shape[1] if batch.lengths is None else int(batch.lengths.sum())


def in_order(batches_or_x, lengths, rows):
    """A Batches of the same examples in the order of their arrays, or of a bare array x, `rows` at a time."""
    if isinstance(batches_or_x, Batches):
        if lengths is not None:
            raise ValueError("lengths belong to a bare array x; a Batches brings its own")
        data = batches_or_x
        data = Batches((data.x, data.y, data.lengths), data.batch_size)
    else:
        x = checks.numbers(batches_or_x, "x")
        data = Batches((x, np.zeros(x.shape[:1]), lengths), rows)
    return data


def join(found, data):
    """Answers of successive batches as one array; per-step answers (B, T, K) are 0 after the end of a sequence."""
    if data.lengths is None or found[0].ndim < 3:
        return np.concatenate(found)
    whole = np.zeros((data.num_examples, data.x.shape[1], *found[0].shape[2:]), found[0].dtype)
    for start, part in zip(range(0, data.num_examples, data.batch_size), found, strict=True):
        whole[start : start + len(part), : part.shape[1]] = part
    whole[~mask(data.lengths, data.x.shape[1])] = 0
    return whole


def wants_bar(progress=None):
    """Show progress?  As told; else where a person watches (terminal, Jupyter) and RNNLIB_PROGRESS is not 0."""
    if progress is not None:
        return bool(progress)
    return os.environ.get("RNNLIB_PROGRESS") != "0" and (sys.stderr.isatty() or in_notebook())


def in_notebook():
    """Does this code run in a Jupyter kernel?"""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def bar(history, epochs, progress=None):
    """A tqdm bar over the updates of a whole run, silent where nobody watches; a context manager."""
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


def advance(shown, history, epochs):
    """Move the bar on by one update and say where the run is."""
    shown.update()
    if not shown.disable:
        text = f"epoch {min(len(history) + 1, epochs)}/{epochs}, loss {history.steps[-1]:.4g}"
        text += f", validation {history.valid[-1]:.4g}" if history.valid else ""
        shown.set_description_str(text, refresh=False)
