"""Every class of a kind that the package has, wherever it stands: a new one needs no line in a
test."""

import importlib
import inspect
import pkgutil

from backends import INSTALLED
from rnnlib.forecasting.base import descendants
from rnnlib.training.estimators import HALVES

BESIDE = (
    "rnnlib.pt",
    "rnnlib.tf",
    "rnnlib.experiments.parity",
    "rnnlib.__main__",
)  # hold no estimators


def all_of(kind):
    """The concrete classes below `kind` in all modules of the package, by name."""
    package = importlib.import_module("rnnlib")
    for module in pkgutil.walk_packages(package.__path__, "rnnlib."):
        if not module.name.startswith(BESIDE):
            importlib.import_module(module.name)
    found = {c for c in descendants(kind) if c.__module__.startswith("rnnlib.")}
    return sorted((c for c in found if not inspect.isabstract(c)), key=lambda c: c.__name__)


def examples_of(kind):
    """(label, class, arguments) of the examples that a class names, with each installed
    framework."""
    for number, params in enumerate(kind.example_params()):
        if "rnn" not in inspect.signature(kind).parameters:
            yield f"{kind.__name__} {number}", kind, params
            continue
        for half in INSTALLED:
            yield f"{kind.__name__} {number} {half}", kind, {"rnn": HALVES[half], **params}
