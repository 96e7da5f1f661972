"""What stands in a file of `save` or `fit`: the header, the identity of a run, and what must agree
before it goes on.

One safetensors file.  Tensors of a weights file go by the names of `rnn.params`; those of a
checkpoint by section and name: `model/…` the weights, `best/…` those of the best epoch so far,
`optimizer/…` its state, `extra/…` whatever else moves, `best_extra/…` the same at the best epoch,
`history/…` the lists of the History.

Format 1 (version 0.1.0) had the history in the header; it is read as before.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnlib import __version__
from rnnlib.core import weight_files
from rnnlib.core.errors import ArgumentError, CannotCompare, OtherRun
from rnnlib.data.batches import Batches
from rnnlib.training import identity, native_moments
from rnnlib.training.history import History
from rnnlib.training.objectives import LOSSES, Objective
from rnnlib.training.schedules import Schedule

FORMAT = 2
LISTS = ("steps", "norms", "epochs", "valid", "seconds")  # of a History
Arrays = dict[str, np.ndarray]


def header(kind: str, framework: str | None, versions: Mapping[str, str], **rest: object) -> dict:
    """The JSON of a file: what it is, who wrote it, and the rest.

    TypeError for what JSON cannot hold.
    """
    about = {
        "format": FORMAT,
        "kind": kind,
        "framework": framework,
        "versions": {"rnnlib": __version__, **versions},
        **rest,
    }
    try:
        return json.loads(json.dumps(about, default=to_plain))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"the header of a file holds text, numbers, lists and dicts only: {error}"
        ) from None


def to_plain(value: Any) -> int | float | bool:
    """A number of NumPy or of a framework as one of Python: whole numbers stay whole."""
    if isinstance(value, np.generic):
        return value.item()
    return float(value)


def read(path: str | os.PathLike[str]) -> tuple[Arrays, dict]:
    """-> arrays, header, of any safetensors file; ValueError if a later rnnlib wrote it.

    The header of a checkpoint has its `history` as a dict of lists, wherever the file keeps it.
    """
    arrays, about = weight_files.read_weights(path)
    if about.get("format", FORMAT) > FORMAT:
        raise ArgumentError(
            f"{path} has format {about['format']}, this rnnlib reads up to {FORMAT}: install a "
            "newer rnnlib",
            "file.format",
        )
    if about.get("kind") == "checkpoint":
        lists = {name: value.tolist() for name, value in section(arrays, "history").items()}
        about["history"] = {**about["history"], **lists}
    return arrays, about


def section(arrays: Mapping[str, np.ndarray], name: str) -> Arrays:
    """The tensors of one section, without its name."""
    start = f"{name}/"
    return {
        key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)
    }


def sections(**parts: Mapping[str, np.ndarray]) -> Arrays:
    """Dicts of arrays side by side in one dict, as `section` takes them apart."""
    return {
        f"{part}/{name}": value for part, arrays in parts.items() for name, value in arrays.items()
    }


def history_arrays(history: History) -> Arrays:
    """The lists of a History as arrays: three million updates are no text."""
    return {name: np.asarray(getattr(history, name), float) for name in LISTS}


def weights_of(path: str | os.PathLike[str]) -> tuple[Arrays, dict]:
    """Weights and header of a weights file or a checkpoint (of that the best so far, the last
    without validation)."""
    arrays, about = read(path)
    if about.get("kind") == "checkpoint":
        arrays = section(arrays, "best") or section(arrays, "model")
        about["about"] = {"epochs": len(about["history"]["epochs"]), "settings": about["settings"]}
    return arrays, about


def run_of(
    path: str | os.PathLike[str],
    framework: str,
    have: Arrays,
    epochs: int,
    settings: dict,
    opaque: list[str],
) -> tuple[Arrays, dict]:
    """Arrays and header of a checkpoint that this run can go on from; ValueError says what does not
    fit."""
    arrays, about = read(path)
    if about.get("kind") != "checkpoint":
        raise ArgumentError(
            f"{path} is no checkpoint of fit, it holds {len(arrays)} tensors: "
            "load weights alone with rnn.restore(path, model)",
            "resume.no_checkpoint",
        )
    if about["framework"] != framework:
        raise ArgumentError(
            f"{path} was written by rnnlib.{about['framework']}, and rnnlib.{framework} cannot "
            "use its "
            "optimizer's state: go on there, or take the weights alone with rnn.restore(path, "
            "model)",
            "resume.framework",
        )
    _check_model(path, section(arrays, "model"), have)
    done = len(about["history"]["epochs"])
    if done > epochs:
        raise ArgumentError(
            f"{path} has {done} epochs done, and epochs={epochs} is the total asked for: "
            f"give epochs={done} or more",
            "resume.epochs",
        )
    then = about["settings"]
    unknown = list(opaque)
    if about["format"] == 1:
        then = _from_format_1(then, settings, unknown)
        if native_moments.is_native(then["optimizer"]["updates"]):
            arrays = _with_our_moments(arrays, then, framework)
    now = {**settings}
    if identity.digest_of(have) in {
        identity.digest_of(section(arrays, part)) for part in ("model", "best")
    }:
        now["first_weights"] = then["first_weights"]  # the model as the run left it
    _check_settings(path, then, now, unknown)
    settings["first_weights"] = then["first_weights"]
    return arrays, about


def _with_our_moments(arrays: Arrays, then: dict, framework: str) -> Arrays:
    """The arrays of a checkpoint whose optimizer held a framework's own layout, in ours.

    What the settings `then` say is updated changes with them.
    """
    updates = then["optimizer"]["updates"]
    moments = section(arrays, "optimizer")
    extra = section(arrays, "extra")
    if framework == "pt":
        ours, moments = native_moments.from_torch(updates, moments)
    else:
        gates = 3 if "'gru'" in str(then["model"]) else 1
        ours, moments = native_moments.from_keras(updates, moments, gates)
        extra = native_moments.without_seeds(extra, native_moments.native_layers(updates))
    then["optimizer"] = {**then["optimizer"], "updates": ours}
    rest = {k: v for k, v in arrays.items() if not k.startswith(("optimizer/", "extra/"))}
    return {**rest, **sections(optimizer=moments, extra=extra)}


def _check_model(path: Any, kept: Arrays, have: Arrays) -> None:
    """The file's weights have the names, shapes and dtypes of the model's."""
    try:
        weight_files.match_parameters(have, kept, "model")
    except ValueError as error:
        message = f"{path} is the checkpoint of another model: {error}"
        raise ArgumentError(message, "resume.other_model") from None
    for name, value in have.items():
        if kept[name].dtype != value.dtype:
            raise ArgumentError(
                f"{path} holds {name} as {kept[name].dtype}, the model as {value.dtype}: "
                f"build with dtype={str(kept[name].dtype)!r}",
                "resume.dtype",
            )


def _check_settings(path: Any, then: dict, now: dict, unknown: list[str]) -> None:
    """Refuse another run by the names of what differs; say what cannot be compared."""
    found = differences(then, now, unknown)
    if found:
        raise OtherRun(
            f"{path} is the checkpoint of another run: {'; '.join(_words(found))}. "
            "Use the same settings, another file, or resume=False",
            found,
        )
    if unknown:
        warnings.warn(
            f"{path} says too little to compare {', '.join(dict.fromkeys(unknown))} with the run "
            "that wrote it: make sure that they are the same; where they are, "
            "warnings.simplefilter('ignore', core.CannotCompare) keeps this quiet",
            CannotCompare,
            stacklevel=5,
        )


def _from_format_1(then: dict, now: dict, unknown: list[str]) -> dict:
    """The settings that version 0.1.0 wrote, with what it did not write as it is now."""
    then = {**then}
    if isinstance(then["loss"], list):
        name, options = then["loss"]
        defaults = json.loads(json.dumps(LOSSES.get(name, {})))
        then["loss"] = [name, {**defaults, **options}]
    elif _is_own(then["loss"], now["loss"]):
        then["loss"] = now["loss"]
        unknown.append("the numbers inside the loss")
    for key in ("batches", "valid"):
        if then[key] is not None and now[key] is not None:
            then[key] = {**now[key], **then[key]}
    for key in ("first_weights", "attributes"):
        unknown.append(
            {"first_weights": "the first weights", "attributes": "the model's own attributes"}[key]
        )
        then[key] = now[key]
    then["schedule"] = None
    return then


def _is_own(name: str, now: Any) -> bool:
    """Does a description of now go by this name of a function or a class?"""
    described = json.dumps(now)
    return isinstance(now, dict) and name in described


def settings(
    model: object,
    attributes: dict,
    first_weights: Arrays,
    batches: Batches,
    valid: Batches | None,
    goal: Objective,
    optimizer: dict,
    schedule: Any,
    clip_norm: float | None,
    opaque: list[str],
) -> dict:
    """What two runs must share for one to go on from the other's checkpoint, as plain values.

    `optimizer` comes described.  What leaves nothing to compare is added to `opaque`.
    """
    if goal.name is not None:
        loss: Any = [goal.name, goal.options]
    else:
        loss = {
            "of": identity.describe(goal.function, opaque, "loss"),
            "options": identity.describe(goal.options, opaque, "loss"),
        }
    values = {
        "model": getattr(model, "about", type(model).__name__),
        "attributes": attributes,
        "first_weights": identity.digest_of(first_weights),
        "loss": loss,
        "optimizer": optimizer,
        "schedule": _described_schedule(schedule, opaque),
        "clip_norm": None if clip_norm is None else float(clip_norm),
        "batches": describe(batches),
        "valid": None if valid is None else describe(valid),
    }
    return json.loads(json.dumps(values, default=str))  # as they will come back from a file


def _described_schedule(schedule: Any, opaque: list[str]) -> Any:
    if isinstance(schedule, Schedule):
        falls = schedule.name in (
            "linear",
            "cosine",
        )  # whose factors depend on the length of the run
        if falls:
            total = schedule.total
        else:
            total = None
        return {"name": schedule.name, "options": schedule.options, "total": total}
    if isinstance(schedule, dict) or schedule is None:
        return schedule
    return identity.describe(getattr(schedule, "schedule", schedule), opaque, "schedule")


def describe(batches: Batches) -> dict:
    """A Batches as plain values: sizes, order, and a digest of each array."""
    rng = batches.rng
    fields = {"x": None, "y": None, **batches.fields, "lengths": batches.lengths}
    for name, lengths in batches.field_lengths.items():
        if name != "x":
            fields[f"{name}_lengths"] = lengths
    return {
        **{name: _field(values) for name, values in fields.items()},
        "batch_size": batches.batch_size,
        "bucket": bool(batches.bucket),
        "rng": None if rng is None else f"entropy {rng.entropy}, spawn_key {tuple(rng.spawn_key)}",
        "per_step": dict(batches.follows),
        "carry": batches.carry,
    }


def _field(values: np.ndarray | list[np.ndarray] | None) -> str | None:
    if values is None:
        return None
    if isinstance(values, list):
        total = identity.digest_of({f"{k:09d}": part for k, part in enumerate(values)})
        return f"{len(values)} sequences SHA-256 {total}"
    return f"{values.dtype} {values.shape} SHA-256 {identity.digest(values)}"


def differences(
    then: Any, now: Any, unknown: list[str], path: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Where two settings differ, {place: (there, here)}; functions of two versions of Python are
    not compared."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = {**then, **now}
        if "python" in keys and then.get("python") != now.get("python"):
            unknown.append(f"{path} (written under Python {then.get('python')})")
            keys = {key: None for key in keys if key not in ("python", "code")}
        found = {}
        for key in keys:
            place = f"{path}.{key}".strip(".")
            found.update(differences(then.get(key), now.get(key), unknown, place))
        return found
    if then == now:
        return {}
    return {path: (then, now)}


def _words(found: dict[str, tuple[Any, Any]]) -> list[str]:
    return [f"{place} is {there} there, {here} here" for place, (there, here) in found.items()]
