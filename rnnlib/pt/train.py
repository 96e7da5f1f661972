"""Training in PyTorch.  Mirror: rnnlib/tf/train.py.

`fit` reads top to bottom: check, then epochs of updates, each epoch closed by validation and a checkpoint.
"""

import math
import time
from functools import partial

import torch
from torch.nn.utils import clip_grad_norm_

from rnnlib import runs, saved
from rnnlib.pt import checkpoint as files
from rnnlib.pt import losses
from rnnlib.pt.convert import array, check, load, params

ROWS = 256  # examples that `predict` takes at a time from a bare array


def train_step(model, loss, optimizer, clip_norm, x, y, lengths=None):
    """One update; returns the loss before it and the norm of its gradient.  No update if one of them is not finite."""
    optimizer.zero_grad()
    value = loss(_outputs(model, x, lengths), y, lengths)
    value.backward()
    norm = clip_grad_norm_(model.parameters(), math.inf if clip_norm is None else clip_norm)
    if torch.isfinite(value) and torch.isfinite(norm):
        optimizer.step()
    return value.detach(), norm


def fit(
    model,
    batches,
    *,
    loss,
    optimizer,
    epochs,
    valid=None,
    clip_norm=None,
    patience=None,
    checkpoint=None,
    resume=False,
    progress=None,
    device=None,
):
    """Train a model until `epochs` epochs are done in all; returns its History.

    model       called as model(x) or, where the batches have lengths, model(x, lengths)
    batches     a batch.Batches; epoch k sees them in an order that depends on its seed and k alone
    loss        "cross_entropy", "mse", (name, {"per": "token" | "sequence" | "batch"}), "gaussian", ("pinball", {"levels": ...}),
                a function (prediction, y, lengths) -> scalar, or a loss object of the framework (no lengths)
    optimizer   "sgd", ("sgd", {"lr": 0.1, "momentum": 0.0}), "adam", ("adam", {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}),
                or the framework's own optimizer
    valid       a batch.Batches, evaluated after each epoch
    clip_norm   scale a gradient down to this global norm where it is larger; None: never
    patience    stop when the validation loss has had no new low for so many epochs, and restore the best weights
    checkpoint  file that keeps the run, rewritten after each epoch; with resume=True the run goes on from it (from the beginning
                if there is no such file), with resume=False it is replaced
    progress    True or False: show a bar or not; None: where a person watches and RNNLIB_PROGRESS is not 0
    device      "cpu", "gpu", "gpu:1" or the framework's own name; None: where the model is

    Raises runs.Diverged, with the History so far, if a loss or a gradient becomes NaN or infinite; the model is left as it was
    before that update.  Bad arguments raise ValueError, TypeError or FileNotFoundError, and nothing is changed.
    """
    check(model)
    runs.check(batches, loss, optimizer, epochs, valid, clip_norm, patience, checkpoint, resume)
    measure, to = loss_function(loss), device_of(model, device)
    optimizer = make_optimizer(optimizer, model.to(to))
    history, best = runs.History(updates=len(batches)), None
    if checkpoint is not None:
        settings = saved.settings(model, batches, valid, loss, files.describe(optimizer, model), clip_norm)
    if checkpoint is not None or patience is not None:
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        runs.check_reach(params(model), trainable)
    for data in (batches, valid):  # whatever a door refuses is found before the first update
        if data is not None:
            evaluate(model, data.extremes(), loss)
    if resume:
        history, best = files.resume(checkpoint, model, optimizer, history, epochs, settings)
    with runs.bar(history, epochs, progress) as bar:
        while len(history) < epochs and not history.waited(patience):
            started, total, count = time.perf_counter(), 0.0, 0
            model.train()
            for batch in batches.epoch(len(history)):
                value, norm = train_step(model, measure, optimizer, clip_norm, *tensors(batch, model))
                history.add_step(value.item(), norm.item())
                share = runs.weight(loss, batches, batch)
                total, count = total + share * history.steps[-1], count + share
                runs.advance(bar, history, epochs)
            score = None if valid is None else evaluate(model, valid, loss)
            history.add_epoch(total / count, score, time.perf_counter() - started)
            if history.best_epoch == len(history) - 1:
                best = params(model)
            if checkpoint is not None:
                files.write(checkpoint, model, optimizer, history, best, settings)
    if patience is not None:
        load(model, best)
    return history


@torch.no_grad()
def evaluate(model, batches, loss):
    """Mean loss over all batches, exact: each batch weighted by what its loss is the mean over.  No gradient, no update."""
    check(model)
    runs.check_batches(batches, "batches")
    measure, was_training = loss_function(loss), model.training
    model.eval()
    total, count = 0.0, 0
    try:
        for batch in batches.epoch(0):
            x, y, *lengths = tensors(batch, model)
            share, value = (
                runs.weight(loss, batches, batch),
                measure(_outputs(model, x, *lengths), y, *lengths),
            )
            total, count = total + share * value.item(), count + share
    finally:
        model.train(was_training)
    return total / count


@torch.no_grad()
def predict(model, batches_or_x, lengths=None):
    """What the model answers, as one array, in the order of the arrays (of a shuffled Batches too); 0 after a sequence's end."""
    check(model)
    data, was_training = runs.in_order(batches_or_x, lengths, ROWS), model.training
    model.eval()
    found = []
    try:
        for batch in data.epoch(0):
            x, _, *lengths = tensors(batch, model)
            found.append(array(_outputs(model, x, *lengths)))
    finally:
        model.train(was_training)
    return runs.join(found, data)


def _outputs(model, x, lengths=None):
    """Call the model; where there are no lengths, a model of x alone will do."""
    return model(x) if lengths is None else model(x, lengths)


def loss_function(loss):
    """A neutral name, a loss object of the framework or a function -> function (prediction, y, lengths) -> scalar."""
    name, options = runs.spec(loss, runs.LOSSES, "loss")
    if name is not None:
        return partial(getattr(losses, name), **options)
    if not callable(loss):
        raise TypeError(
            f"loss is a name, (name, options) or a function (prediction, y, lengths) -> scalar, got {loss!r}"
        )
    own = isinstance(loss, torch.nn.modules.loss._Loss)

    def measure(prediction, y, lengths=None):
        runs.check_own_loss(own, lengths)
        value = loss(prediction, y) if own else loss(prediction, y, lengths)
        runs.check_scalar(value)
        return value

    return measure


def make_optimizer(optimizer, model):
    """A neutral name or the framework's own object -> an optimizer of this model's parameters, every argument written out."""
    name, o = runs.spec(optimizer, runs.OPTIMIZERS, "optimizer")
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not trainable:
        raise ValueError(f"this {type(model).__name__} has no trainable parameters")
    if name == "sgd":
        return torch.optim.SGD(
            trainable, lr=o["lr"], momentum=o["momentum"], dampening=0, weight_decay=0, nesterov=False
        )
    if name == "adam":
        return torch.optim.Adam(
            trainable, lr=o["lr"], betas=tuple(o["betas"]), eps=o["eps"], weight_decay=0, amsgrad=False
        )
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer is a name, (name, options) or a torch.optim.Optimizer, got {optimizer!r}")
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if held - {id(p) for p in model.parameters()} or {id(p) for p in trainable} - held:
        raise ValueError(
            "this optimizer does not hold the parameters of this model: make it with model.parameters()"
        )
    return optimizer


def device_of(model, device=None):
    """The framework's name for "cpu", "gpu", "gpu:1" or its own; None: where the model is.  ValueError if it is not there."""
    if device is None:
        return next(model.parameters()).device
    try:
        found = torch.device(str(device).lower().replace("gpu", "cuda"))
        there = (found.index or 0) < torch.get_device_module(found.type).device_count()
    except RuntimeError:
        there = False
    if not there:
        seen = torch.cuda.device_count()
        raise ValueError(f"device {str(device)!r} is not there: PyTorch sees {seen} GPUs; use device='cpu'")
    return found


def tensors(batch, model):
    """A Batch as tensors beside the model's weights, (x, y) or (x, y, lengths): floats in their dtype, whole numbers as int64."""
    like = next(model.parameters())

    def move(a):
        return torch.as_tensor(
            a, dtype=like.dtype if a.dtype.kind == "f" else torch.int64, device=like.device
        )

    return tuple(move(a) for a in batch if a is not None)
