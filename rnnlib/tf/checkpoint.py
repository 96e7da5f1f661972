"""Weights and whole runs in files, TensorFlow's end.  Mirror: rnnlib/pt/checkpoint.py.  What stands in them: rnnlib/saved.py."""

from dataclasses import asdict
from pathlib import Path

import keras
import tensorflow as tf

from rnnlib import saved, weights
from rnnlib.runs import History
from rnnlib.tf.convert import array, assign, load, params

FRAMEWORK, VERSIONS = "tf", {"tensorflow": tf.__version__, "keras": keras.__version__}


def save(path, model, /, **about):
    """Write a model's weights to a safetensors file that either framework reads, with `about` (plain values) in its header."""
    weights.write(path, params(model), saved.header("weights", FRAMEWORK, VERSIONS, about=about))


def restore(path, model):
    """Load weights from a file of `save`, or of `fit` (the best so far), into a model of the same shape; returns its `about`.

    ValueError, and the model untouched, if the file is cut off or holds other names or shapes.
    """
    arrays, about = saved.weights_of(path)
    load(model, arrays)
    return about.get("about", {})


def write(path, model, optimizer, history, best, settings):
    """Write the state of a run after an epoch: all that `resume` needs."""
    arrays = {str(i): array(variable) for i, variable in enumerate(optimizer.variables)}
    about = saved.header(
        "checkpoint",
        FRAMEWORK,
        VERSIONS,
        history=asdict(history),
        settings=settings,
        optimizer=[variable.path for variable in optimizer.variables],
    )
    parts = saved.sections(model=params(model), best=best or {}, optimizer=arrays, extra=extra(model))
    weights.write(path, parts, about)


def resume(path, model, optimizer, history, epochs, settings):
    """Put a run back to where the file left it; returns its history and best weights (as given, None, if there is no file).

    ValueError, and nothing changed, if the file is of another framework, model or run, or cut off.
    """
    if not Path(path).exists():
        return history, None
    arrays, about = saved.run_of(path, FRAMEWORK, params(model), epochs, settings)
    load_extra(model, saved.section(arrays, "extra"))
    load_optimizer(optimizer, saved.section(arrays, "optimizer"), about["optimizer"])
    load(model, saved.section(arrays, "model"))
    return History(**about["history"]), saved.section(arrays, "best") or None


def describe(optimizer, model):
    """An optimizer's kind and options, and what it updates, as plain values."""
    options = {key: value for key, value in optimizer.get_config().items() if key != "name"}
    updates = [f"{variable.name} {tuple(variable.shape)}" for variable in model.trainable_variables]
    return {"kind": type(optimizer).__name__, "options": options, "updates": updates}


def load_optimizer(optimizer, arrays, options):
    """Give an optimizer the state that a file holds."""
    have = {str(i): variable for i, variable in enumerate(optimizer.variables)}
    found = weights.match({name: array(variable) for name, variable in have.items()}, arrays, "optimizer")
    for name, variable in have.items():
        assign(variable, found[name])


def extra(model):
    """What moves besides weights: the state of random numbers (dropout) and buffers (running means), {name: array}."""
    return {str(i): array(variable) for i, variable in enumerate(model.non_trainable_variables)}


def load_extra(model, arrays):
    """Put that back."""
    arrays = weights.match(extra(model), arrays, type(model).__name__)
    for i, variable in enumerate(model.non_trainable_variables):
        assign(variable, arrays[str(i)])
