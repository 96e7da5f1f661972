"""Training in PyTorch.  Mirror: rnnlib/tf/training/loop.py.

`fit` reads top to bottom: check, then epochs of updates, each epoch closed by validation and a
checkpoint.
"""

from __future__ import annotations

import copy
import functools
import inspect
import math
import os
import threading
import time
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, get_total_norm

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError, ArgumentTypeError
from rnnlib.data.batches import Batch, Batches
from rnnlib.pt.convert import array, params, require_module
from rnnlib.pt.training import losses
from rnnlib.pt.training.checkpoint import Run
from rnnlib.training import evaluation, optimizers, options, schedules
from rnnlib.training.history import History
from rnnlib.training.objectives import Objective, objective
from rnnlib.training.progress import advance_bar, progress_bar

ROWS = 256  # examples that `predict` takes at a time from a bare array
# model -> the lock of those that must switch its mode
_FLIPS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_FLIPS_LOCK = threading.Lock()


def train_step(
    model: nn.Module,
    loss: Callable[[Any, Batch], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    clip_norm: float | None,
    batch: Batch,
    state: Any = None,
    carry: bool = False,
) -> tuple[float, float, Any]:
    """One update; returns the loss before it, the norm of its gradient, the state.

    No update if one is not finite.
    """
    optimizer.zero_grad()
    outputs, state = outputs_of(model, batch, state, carry, training=True)
    value = loss(outputs, batch)
    value.backward()
    held = [p for group in optimizer.param_groups for p in group["params"]]
    if clip_norm is None:
        norm = get_total_norm([p.grad for p in held if p.grad is not None])
    else:
        norm = clip_grad_norm_(held, clip_norm)
    # both at once: one wait for the device
    value, norm = torch.stack([value.detach(), norm]).tolist()
    if math.isfinite(value) and math.isfinite(norm):
        optimizer.step()
    return value, norm, _detached(state)


def fit(
    model: nn.Module,
    batches: Batches,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    valid: Batches | None = None,
    schedule: Any = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    keep: str = "best",
    callback: Callable[[int, History, Any], Any] | None = None,
    history: History | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    device: Any = None,
) -> History:
    """Train a model until `epochs` epochs are done in all; returns its History.

    model       called as model(x) or, where x has lengths, model(x, lengths); with data that have
                no field x as model(fields), a dict of all fields and lengths; with data that carry
                a state as model.carry(x, state, lengths) -> outputs, state
    batches     a data.Batches; epoch k sees them in an order that depends on its seed and k alone
    loss        "cross_entropy", "mse", "gaussian", "pinball", or (name, options): {"per": "token" |
                "sequence" | "batch"}, {"levels": ...} of "pinball"; of "cross_entropy" also
                class_weights, label_smoothing, ignore; a field `weights` of the data says what each
                target counts. A function (prediction, y, lengths) or (outputs, batch) -> scalar, or
                a loss object of the framework (no lengths); (function, {"per": ...}) says what it
                is the mean over, "sequence" unless said, or with a function batch -> number how
                much each batch counts in means over batches
    optimizer   "sgd", ("sgd", {"lr": 0.1, "momentum": 0.0}), "adam", ("adam", {"lr": 1e-3, "betas":
                (0.9, 0.999), "eps": 1e-8}), "adamw" (adam, {"weight_decay": 0.01} of the rate
                besides), or the framework's own
    valid       a data.Batches, evaluated after each epoch
    schedule    of the rate, by the update: "constant", "linear", "cosine", "step", "exponential" or
                (name, options), see schedules.Schedule; a function update -> factor on the rate; or
                the framework's own
    clip_norm   scale a gradient down to this global norm where it is larger; None: never
    patience    stop when the validation loss has had no new low for so many epochs
    keep        "best": with `valid`, the model has the weights of the best epoch at the end;
                "last": of the last one
    callback    called as callback(epoch, history, model) after each epoch, epoch = 0, 1, ...; True
                stops the run
    history     the History of an earlier call: go on with that run in this process, with its
                optimizer, the order of its next epoch, and its best weights; it is added to in
                place
    checkpoint  file that keeps the run, rewritten after each epoch; with resume=True the run goes
                on from it (from the beginning if there is no such file), with resume=False it is
                replaced
    progress    True or False: show a bar or not; None: where a person watches and RNNLIB_PROGRESS
                is not 0
    device      "cpu", "gpu", "gpu:1" or the framework's own name; None: where the model is

    `fit` called again trains epoch 0 again: to look at a model between epochs use callback, or
    history=, or checkpoint= with resume=True.  Afterwards the model is in evaluation mode.

    Raises core.Diverged, with the History so far, if a loss or a gradient becomes NaN or
    infinite; the model is left as it was before that update.  Ctrl-C raises core.Interrupted,
    with the History so far; the model has the best weights as above, or the last ones.  Bad
    arguments raise ValueError, TypeError or FileNotFoundError, and nothing is changed.  resume=True
    with another run raises core.OtherRun; what cannot be compared is named in a warning.
    """
    require_module(model)
    goal = objective(loss)
    options.validate_fit(
        goal,
        batches,
        optimizer,
        epochs,
        valid,
        clip_norm,
        patience,
        keep,
        callback,
        history,
        checkpoint,
        resume,
    )
    measure = losses.resolve(goal)
    to = device_of(model, device)
    if history is None:
        history = History(updates=len(batches))
    earlier = history.take_up(model, optimizer)
    asked = optimizer
    optimizer = earlier.get("optimizer") or make_optimizer(optimizer, model.to(to))
    rates = Rates(optimizer, schedule, epochs, len(batches), checkpoint is not None)
    keeps = valid is not None and keep == "best"
    if checkpoint is not None or keeps:
        options.check_reach(params(model), _trainable_numbers(model))
    for data in (batches, valid):  # whatever a door refuses is found before the first update
        _examine(model, data, measure, goal)
    run = Run(model, optimizer, history, rates, earlier)
    if checkpoint is not None:
        run.identify(batches, valid, goal, clip_norm)
    if resume and checkpoint is not None:
        run.resume(checkpoint, epochs)
        history = run.history
    remedy = optimizers.remedy(asked, clip_norm)
    try:
        with progress_bar(history, epochs, progress) as bar:
            while len(history) < epochs and not history.waited(patience):
                started = time.perf_counter()
                step = functools.partial(train_step, model, measure, optimizer, clip_norm)
                value = _epoch(model, batches, step, goal, rates, history, remedy, bar, epochs)
                score = _validation_loss(model, valid, measure, goal)
                history.add_epoch(value, score, time.perf_counter() - started, remedy)
                run.note_epoch()
                if checkpoint is not None:
                    run.write(checkpoint)
                if callback is not None and callback(len(history) - 1, history, model):
                    break
    except KeyboardInterrupt:
        raise options.interrupted(history, run.finish(asked, keeps)) from None
    finally:
        rates.restore()
        model.eval()
    run.finish(asked, keeps)
    return history


def _epoch(
    model: nn.Module,
    batches: Batches,
    step: Callable,
    goal: Objective,
    rates: Rates,
    history: History,
    remedy: str,
    bar: Any,
    epochs: int,
) -> float:
    """The updates of one epoch; returns its mean loss."""
    total = 0.0
    count = 0.0
    state = None
    model.train()
    like = next(model.parameters())
    with validation.trusting():
        for batch in batches.epoch(len(history)):
            rates.set(len(history.steps))
            value, norm, state = step(tensors(batch, like), state, batches.carry)
            history.add_step(value, norm, remedy)
            rates.advance()
            share = goal.share(batch)
            total += share * value
            count += share
            advance_bar(bar, history, epochs)
    return total / count


def evaluate(model: nn.Module, batches: Batches, loss: Any) -> float:
    """Mean loss over all batches, exact: each batch weighted by what its loss is the mean over.

    No gradient, no update.

    Changes nothing in the model, its mode least of all, so that several threads may ask at once.
    """
    require_module(model)
    options.check_batches(batches, "batches")
    goal = objective(loss)
    goal.check(batches)
    return _mean(model, batches, losses.resolve(goal), goal)


def predict(
    model: nn.Module, batches_or_x: Batches | np.ndarray, lengths: Any = None
) -> np.ndarray:
    """What the model answers, as one array, in the order of the arrays (of a shuffled Batches too);
    0 after a sequence's end.

    Changes nothing in the model, its mode least of all, so that several threads may ask at once.
    """
    require_module(model)
    data = evaluation.in_order(batches_or_x, lengths, ROWS)
    answers = []
    state = None
    like = next(model.parameters())
    with torch.no_grad(), _quiet(model) as asked:
        for batch in data.epoch(0):
            outputs, state = outputs_of(asked, tensors(batch, like), state, data.carry)
            answers.append(array(outputs))
    return evaluation.join_answers(answers, data)


def _mean(
    model: nn.Module, batches: Batches, measure: Callable, goal: Objective, seen: bool = False
) -> float:
    """The mean loss of a model over batches; `seen`: their numbers were looked at before."""
    total = 0.0
    count = 0.0
    state = None
    like = next(model.parameters())
    with torch.no_grad(), _quiet(model) as asked, validation.trusting(seen):
        for batch in batches.epoch(0):
            given = tensors(batch, like)
            outputs, state = outputs_of(asked, given, state, batches.carry)
            share = goal.share(batch)
            total += share * float(measure(outputs, given))
            count += share
    return total / count


def _validation_loss(
    model: nn.Module, valid: Batches | None, measure: Callable, goal: Objective
) -> float | None:
    """The loss after an epoch on data that are not trained on; None without such data."""
    if valid is None:
        return None
    return _mean(model, valid, measure, goal, seen=True)


def _examine(model: nn.Module, batches: Batches | None, measure: Callable, goal: Objective) -> None:
    """Put the extreme examples through the model and the loss, and all targets through its checks;
    nothing without data."""
    if batches is None:
        return
    classes: list[int] = []

    def watched(outputs: Any, batch: Batch) -> torch.Tensor:
        value = measure(outputs, batch)
        if goal.name == "cross_entropy":
            classes.append(int(outputs.shape[-1]))
        return value

    _mean(model, batches.extremes(), watched, goal)
    goal.check(batches, classes[0] if classes else None)


def outputs_of(
    model: Any, batch: Batch, state: Any = None, carry: bool = False, training: bool = False
) -> tuple[Any, Any]:
    """Call the model on a batch of tensors -> its answer and, where a state is carried, the state
    after it."""
    if carry:
        if not hasattr(model, "carry"):
            raise ArgumentTypeError(
                f"these batches carry a state, but {type(model).__name__} has no method carry(x, "
                "state, lengths) "
                "-> outputs, state: a Tagger has one; or leave out carry=True",
                "fit.carry",
            )
        return model.carry(batch.x, state, batch.lengths)
    if "x" not in batch:
        return model(batch.fields), None
    lengths = batch.lengths
    return model(batch.x) if lengths is None else model(batch.x, lengths), None


def _detached(state: Any) -> Any:
    """A state without its history: no gradient flows further back than the batch."""
    if isinstance(state, dict):
        return {name: _detached(part) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(_detached(part) for part in state)
    if isinstance(state, torch.Tensor):
        return state.detach()
    return state


@contextmanager
def _quiet(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode, without a switch that another thread would see.

    What is asked is a copy of the tree of modules over the same parameters and buffers.  Where a
    module
    holds others in a way that a copy would miss, the model itself is switched, under a lock of its
    own.
    """
    modules = list(model.modules())
    if not any(part.training for part in modules):
        yield model
    elif all(_copies(part) for part in modules):
        yield _shadow(model, {})
    else:
        with _FLIPS_LOCK:
            lock = _FLIPS.setdefault(model, threading.RLock())
        with lock:
            were = [(part, part.training) for part in modules]
            model.eval()
            try:
                yield model
            finally:
                for part, training in were:
                    part.training = training


def _shadow(module: nn.Module, done: dict[int, nn.Module]) -> nn.Module:
    """The tree of modules anew, in evaluation mode, over the same tensors."""
    if id(module) not in done:
        twin = done[id(module)] = copy.copy(module)
        twin.__dict__["_parameters"] = dict(module._parameters)
        twin.__dict__["_buffers"] = dict(module._buffers)
        twin.__dict__["_modules"] = {
            name: part if part is None else _shadow(part, done)
            for name, part in module._modules.items()
        }
        twin.__dict__["training"] = False
    return done[id(module)]


def _copies(module: nn.Module) -> bool:
    """Is all that a module calls below it among its registered modules, so that a copy of the tree
    is the model?"""
    if isinstance(module, torch.jit.ScriptModule) or type(module).__module__.startswith(
        "torch._dynamo"
    ):
        return False
    own = (value for name, value in vars(module).items() if name not in _REGISTERED)
    return not any(_holds(value) for value in own)


_REGISTERED = frozenset(vars(nn.Module())) | {"_flat_weights", "_flat_weight_refs"}


def _holds(value: Any, depth: int = 0) -> bool:
    """May a value lead to a module?"""
    if isinstance(value, (nn.Module, types.MethodType)):
        return True
    if isinstance(value, types.FunctionType):
        value = [cell.cell_contents for cell in value.__closure__ or ()]
    if isinstance(value, functools.partial):
        value = [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        return depth > 3 or any(_holds(part, depth + 1) for part in value)
    return False


def make_optimizer(optimizer: Any, model: nn.Module) -> torch.optim.Optimizer:
    """A neutral name or the framework's own object -> an optimizer of this model's parameters,
    every argument written out."""
    name, o = optimizers.parse_spec(optimizer, optimizers.OPTIMIZERS, "optimizer")
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not trainable:
        raise ArgumentError(
            f"this {type(model).__name__} has no trainable parameters: all are frozen, or it has "
            "none",
            "fit.nothing_to_train",
        )
    if name == "sgd":
        return torch.optim.SGD(
            trainable,
            lr=o["lr"],
            momentum=o["momentum"],
            dampening=0,
            weight_decay=0,
            nesterov=False,
        )
    if name == "adam":
        return torch.optim.Adam(
            trainable,
            lr=o["lr"],
            betas=tuple(o["betas"]),
            eps=o["eps"],
            weight_decay=0,
            amsgrad=False,
        )
    if name == "adamw":
        return torch.optim.AdamW(
            trainable,
            lr=o["lr"],
            betas=tuple(o["betas"]),
            eps=o["eps"],
            weight_decay=o["weight_decay"],
            amsgrad=False,
        )
    _check_optimizer(optimizer, model, trainable)
    return optimizer


def _check_optimizer(optimizer: Any, model: nn.Module, trainable: list[nn.Parameter]) -> None:
    """The framework's own optimizer, of this model, that can do an update without being asked for
    more losses."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ArgumentTypeError(
            f"optimizer is a name, (name, options) or a torch.optim.Optimizer, got {optimizer!r}",
            "fit.optimizer",
        )
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ArgumentError(
            f"{type(optimizer).__name__} measures the loss several times in an update, which fit "
            "does not do: "
            'use optimizer="adam", or a loop of your own',
            "fit.optimizer_closure",
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if held - {id(p) for p in model.parameters()} or {id(p) for p in trainable} - held:
        raise ArgumentError(
            "this optimizer does not hold the parameters of this model: make it with "
            "model.parameters()",
            "fit.optimizer_parameters",
        )


class Rates:
    """The rates of an optimizer through a run: its own, times a factor at each update, or the
    framework's schedule."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule: Any, epochs: int, updates: int, kept: bool
    ) -> None:
        self.optimizer = optimizer
        self.first = [group["lr"] for group in optimizer.param_groups]
        self.own: torch.optim.lr_scheduler.LRScheduler | None = None
        if isinstance(schedule, torch.optim.lr_scheduler.LRScheduler):
            self.own = schedule
        if self.own:
            self.factor = None
        else:
            self.factor = schedules.schedule_of(schedule, epochs, updates)
        if self.own is not None and self.own.optimizer is not optimizer:
            raise ArgumentError(
                "this schedule belongs to another optimizer: pass optimizer=schedule.optimizer",
                "fit.schedule_optimizer",
            )
        if kept and self.own is None and _moved_from_outside(optimizer):
            raise ArgumentError(
                "a schedule or a hook of its own moves this optimizer, which a checkpoint cannot "
                "hold: "
                "pass schedule= and let fit step it, or leave out checkpoint",
                "fit.schedule_hidden",
            )

    def set(self, update: int) -> None:
        """Before an update."""
        if self.factor is None:
            return
        factor = self.factor(update)
        for group, first in zip(self.optimizer.param_groups, self.first, strict=True):
            group["lr"] = first * factor

    def advance(self) -> None:
        """After an update."""
        if self.own is not None:
            self.own.step()

    def restore(self) -> None:
        """Give the optimizer its own rates back."""
        if self.factor is not None:
            for group, first in zip(self.optimizer.param_groups, self.first, strict=True):
                group["lr"] = first

    def described(self) -> Any:
        """What a run's identity holds of it."""
        if self.own is None:
            return self.factor
        moves = ("last_epoch", "_step_count", "_last_lr")
        state = {key: value for key, value in self.own.state_dict().items() if key not in moves}
        return {"class": type(self.own).__qualname__, "state": repr(state)}

    def state(self) -> dict | None:
        """What a checkpoint holds of it."""
        if self.own is None:
            return None
        return self.own.state_dict()

    def load(self, state: dict | None) -> None:
        """Put that back."""
        if self.own is not None and state is not None:
            self.own.load_state_dict(state)


def _moved_from_outside(optimizer: torch.optim.Optimizer) -> bool:
    """Does something beside fit act at each step of an optimizer?"""
    hooks = (optimizer._optimizer_step_post_hooks, optimizer._optimizer_step_pre_hooks)
    return any(hooks) or hasattr(optimizer.step, "_wrapped_by_lr_sched")


def _trainable_numbers(model: nn.Module) -> int:
    """How many numbers the model trains."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def device_of(model: nn.Module, device: Any = None) -> torch.device:
    """The framework's name for "cpu", "gpu", "gpu:1" or its own; None: where the model is.

    ValueError if it is not there.
    """
    if device is None:
        return next(model.parameters()).device
    try:
        chosen = torch.device(str(device).lower().replace("gpu", "cuda"))
        there = (chosen.index or 0) < torch.get_device_module(chosen.type).device_count()
    except RuntimeError:
        there = False
    if not there:
        seen = torch.cuda.device_count()
        raise ArgumentError(
            f"device {str(device)!r} is not there: PyTorch sees {seen} GPUs; use device='cpu'",
            "fit.device",
        )
    return chosen


def tensors(batch: Batch, like: torch.Tensor) -> Batch:
    """A Batch as tensors beside the model's weights: floats in the dtype of `like`, whole numbers
    as int64."""
    dtype = like.dtype
    device = like.device
    return batch.map(
        lambda a: torch.as_tensor(
            a, dtype=dtype if a.dtype.kind == "f" else torch.int64, device=device
        )
    )
