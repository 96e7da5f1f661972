"""Weights and whole runs in files, PyTorch's end.  Mirror: rnnlib/tf/checkpoint.py.  What stands in them: rnnlib/saved.py."""

from dataclasses import asdict
from pathlib import Path

import torch

from rnnlib import saved, weights
from rnnlib.pt.convert import array, assign, load, params
from rnnlib.runs import History

FRAMEWORK, VERSIONS = "pt", {"torch": torch.__version__}


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
    state = optimizer.state_dict()
    arrays = {
        f"{i}.{key}": array(torch.as_tensor(value))
        for i, part in state["state"].items()
        for key, value in part.items()
        if value is not None
    }
    about = saved.header(
        "checkpoint",
        FRAMEWORK,
        VERSIONS,
        history=asdict(history),
        settings=settings,
        optimizer=[
            {key: value for key, value in group.items() if key != "params"} for group in state["param_groups"]
        ],
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
    groups = [
        {key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups
    ]
    updates = [f"{name} {tuple(p.shape)}" for name, p in model.named_parameters() if p.requires_grad]
    return {"kind": type(optimizer).__name__, "options": groups, "updates": updates}


def load_optimizer(optimizer, arrays, options):
    """Give an optimizer the state that a file holds."""
    state = {}
    for name, value in arrays.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = torch.as_tensor(value)
    groups = [
        {**group, **new} for group, new in zip(optimizer.state_dict()["param_groups"], options, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def extra(model):
    """What moves besides weights: the state of random numbers (dropout) and buffers (running means), {name: array}."""
    return {
        "rng": array(torch.get_rng_state()),
        **{f"buffer.{name}": array(value) for name, value in model.named_buffers()},
    }


def load_extra(model, arrays):
    """Put that back."""
    arrays = weights.match(extra(model), arrays, type(model).__name__)
    torch.set_rng_state(torch.as_tensor(arrays["rng"]))
    for name, value in model.named_buffers():
        assign(value, arrays[f"buffer.{name}"])
