"""What stands in a file of `save` or `fit`: the header, the identity of a run, and what must agree before it goes on.

One safetensors file.  Tensors of a weights file go by the names of `rnn.params`; those of a checkpoint by section and name:
`model/…` the weights, `best/…` those of the best epoch so far, `optimizer/…` its state, `extra/…` whatever else moves.
"""

import hashlib
import json

import numpy as np

from rnnlib import __version__, runs, weights

FORMAT = 1


def header(kind, framework, versions, **rest):
    """The JSON of a file: what it is, who wrote it, and the rest.  TypeError for what JSON cannot hold."""
    about = {
        "format": FORMAT,
        "kind": kind,
        "framework": framework,
        "versions": {"rnnlib": __version__, **versions},
        **rest,
    }
    try:
        return json.loads(json.dumps(about, default=plain))
    except (TypeError, ValueError) as error:
        raise TypeError(f"the header of a file holds text, numbers, lists and dicts only: {error}") from None


def plain(value):
    """A number of NumPy or of a framework as one of Python: whole numbers stay whole."""
    return value.item() if isinstance(value, np.generic) else float(value)


def read(path):
    """-> arrays, header, of any safetensors file; ValueError if a later rnnlib wrote it."""
    arrays, about = weights.read(path)
    if about.get("format", FORMAT) > FORMAT:
        raise ValueError(
            f"{path} has format {about['format']}, this rnnlib reads up to {FORMAT}: install a newer rnnlib"
        )
    return arrays, about


def section(arrays, name):
    """The tensors of one section, without its name."""
    return {
        key.removeprefix(f"{name}/"): value for key, value in arrays.items() if key.startswith(f"{name}/")
    }


def sections(**parts):
    """Dicts of arrays side by side in one dict, as `section` takes them apart."""
    return {f"{part}/{name}": value for part, arrays in parts.items() for name, value in arrays.items()}


def weights_of(path):
    """Weights and header of a weights file or a checkpoint (of that the best so far, the last without validation)."""
    arrays, about = read(path)
    if about.get("kind") == "checkpoint":
        arrays = section(arrays, "best") or section(arrays, "model")
        about["about"] = {"epochs": len(about["history"]["epochs"]), "settings": about["settings"]}
    return arrays, about


def run_of(path, framework, have, epochs, settings):
    """Arrays and header of a checkpoint that this run can go on from; ValueError says what does not fit."""
    arrays, about = read(path)
    if about.get("kind") != "checkpoint":
        raise ValueError(
            f"{path} is no checkpoint of fit, it holds {len(arrays)} tensors: load weights alone with rnn.restore"
        )
    if about["framework"] != framework:
        raise ValueError(
            f"{path} was written by rnnlib.{about['framework']}, and rnnlib.{framework} cannot use its optimizer's state: "
            "go on there, or take the weights alone with rnn.restore(path, model)"
        )
    kept = section(arrays, "model")
    try:
        weights.match(have, kept, "model")
    except ValueError as error:
        raise ValueError(f"{path} is the checkpoint of another model: {error}") from None
    for name, value in have.items():
        if kept[name].dtype != value.dtype:
            raise ValueError(
                f"{path} holds {name} as {kept[name].dtype}, the model as {value.dtype}: build with that dtype="
            )
    differ = differences(about["settings"], settings)
    if differ:
        raise ValueError(
            f"{path} is the checkpoint of another run: {'; '.join(differ)}. Use the same settings, another file, or resume=False"
        )
    done = len(about["history"]["epochs"])
    if done > epochs:
        raise ValueError(
            f"{path} has {done} epochs done, and epochs={epochs} is the total asked for: ask for {done} or more"
        )
    return arrays, about


def settings(model, batches, valid, loss, optimizer, clip_norm):
    """What two runs must share for one to go on from the other's checkpoint, as plain values.  `optimizer` comes described."""
    name, options = runs.spec(loss, runs.LOSSES, "loss")
    values = {
        "model": getattr(model, "about", type(model).__name__),
        "loss": [name, options] if name else getattr(loss, "__qualname__", type(loss).__qualname__),
        "optimizer": optimizer,
        "clip_norm": None if clip_norm is None else float(clip_norm),
        "batches": describe(batches),
        "valid": None if valid is None else describe(valid),
    }
    return json.loads(json.dumps(values, default=str))  # as they will come back from a file


def describe(batches):
    """A Batches as plain values: sizes, order, and a digest of each array."""
    rng = batches.rng
    arrays = {"x": batches.x, "y": batches.y, "lengths": batches.lengths}
    return {
        **{
            name: None if a is None else f"{a.dtype} {a.shape} SHA-256 {digest(a)}"
            for name, a in arrays.items()
        },
        "batch_size": batches.batch_size,
        "bucket": bool(batches.bucket),
        "rng": None if rng is None else f"entropy {rng.entropy}, spawn_key {tuple(rng.spawn_key)}",
    }


def digest(array):
    """First 16 digits of the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()[:16]


def differences(then, now, path=""):
    """Where two settings differ, in words, one string for each place."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = {**then, **now}
        return [
            text
            for key in keys
            for text in differences(then.get(key), now.get(key), f"{path}.{key}".strip("."))
        ]
    return [] if then == now else [f"{path} is {then} there, {now} here"]
