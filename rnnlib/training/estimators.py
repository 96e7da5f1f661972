"""What estimators share: the framework by name, hyper-parameters of a training run, networks that
pickle and copy.

An estimator keeps its hyper-parameters as they were given, so that scikit-learn's `clone` and
`set_params` work; they are checked where it is built and, since `set_params` can change them, again
by `fit`.  One is not kept as given: a framework given as its module is kept by name, since a module
can be neither copied nor pickled.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
from sklearn.base import BaseEstimator

from rnnlib.core import packing, seeds, validation
from rnnlib.core.errors import ArgumentError, Diverged
from rnnlib.data.batches import Batches
from rnnlib.training import optimizers, schedules
from rnnlib.training.history import History

FRAMEWORKS = {"torch": "rnnlib.pt", "tensorflow": "rnnlib.tf"}  # name -> our half for it
HALVES = {"pt": "torch", "tf": "tensorflow"}  # what a file says -> name
packing.register(History)


def framework_name(rnn: str | ModuleType) -> str:
    """The name "torch" or "tensorflow", from that name or from the module rnnlib.pt or rnnlib.tf;
    TypeError for all else."""
    if isinstance(rnn, str) and rnn in FRAMEWORKS:
        return rnn
    for name, module in FRAMEWORKS.items():
        if isinstance(rnn, ModuleType) and rnn.__name__ == module:
            return name
    raise TypeError(
        f"rnn is 'torch' or 'tensorflow', or the module rnnlib.pt or rnnlib.tf, got {rnn!r}: give "
        "rnn='torch'"
    )


def framework_of(name: str) -> ModuleType:
    """rnnlib.pt or rnnlib.tf, by the name of the framework."""
    return import_module(FRAMEWORKS[name])


class NetworkEstimator(BaseEstimator):
    """An estimator whose `model_` is a network of a framework: copies and pickles hold its weights
    as arrays.

    A child trains by `_train`; `framework_`, `network_kind_` and `architecture_` then say
    how the same network is built again, whatever `set_params` does later.
    """

    def _build(self, kind: str, architecture: dict) -> object:
        """A fresh network: `kind` is a model of the framework, `architecture` its arguments."""
        return getattr(framework_of(self.rnn), kind)(**architecture)

    def _keep(self, network: object, kind: str, architecture: dict) -> None:
        self.framework_ = self.rnn
        self.network_kind_ = kind
        self.architecture_ = architecture
        self.model_ = network

    def _train(
        self, network: object, kind: str, architecture: dict, batches: Batches, **options
    ) -> History:
        """Train a network with the hyper-parameters of the run and keep it; returns its History.

        Ctrl-C keeps it as it was then, with the History so far if there is one, and is raised.
        """
        try:
            history = framework_of(self.rnn).fit(
                network, batches, **options, **training_options(self)
            )
        except KeyboardInterrupt as stopped:
            self._keep(network, kind, architecture)
            self.history_ = getattr(stopped, "history", None)
            raise
        except Diverged as error:
            raise self._own_remedy(error) from None
        self._keep(network, kind, architecture)
        return history

    def _own_remedy(self, error: Diverged) -> Diverged:
        """The error of `rnn.fit` with a remedy among the options of this estimator."""
        spec = optimizer_of(self.optimizer, self.lr)
        theirs = optimizers.remedy(spec, self.clip_norm)
        ours = optimizers.remedy(spec, self.clip_norm, rate=self.lr)
        return Diverged(str(error).replace(theirs, ours), error.history)

    def _predict(self, *arrays: np.ndarray) -> np.ndarray:
        """What the network answers, float64."""
        return framework_of(self.framework_).predict(self.model_, *arrays).astype(float)

    def _weights(self) -> dict[str, np.ndarray]:
        """The network's parameters, {name: array}."""
        return framework_of(self.framework_).params(self.model_)

    def _rebuild(self, arrays: dict[str, np.ndarray], framework: str | None = None) -> None:
        """The network as `architecture_` says, with these weights, in this framework or that of the
        fit."""
        if framework is not None:
            self.framework_ = framework
        rnn = framework_of(self.framework_)
        model = getattr(rnn, self.network_kind_)(**self.architecture_)
        rnn.load(model, arrays)
        self.model_ = model

    def __getstate__(self) -> dict:
        state = dict(super().__getstate__())
        if "model_" in state:
            state["model_"] = self._weights()
        return state

    def __setstate__(self, state: dict) -> None:
        rest = dict(state)
        arrays = rest.pop("model_", None)
        super().__setstate__(rest)
        if arrays is not None:
            self._rebuild(arrays)


def check_training(estimator: BaseEstimator) -> None:
    """The hyper-parameters of a training run, whatever the estimator; the first bad one is
    named."""
    validation.positive(estimator.epochs, "epochs")
    validation.positive(estimator.batch_size, "batch_size")
    _check_rate(estimator)
    optimizers.parse_spec(
        optimizer_of(estimator.optimizer, estimator.lr), optimizers.OPTIMIZERS, "optimizer"
    )
    schedules.schedule_of(estimator.schedule, estimator.epochs, 1)
    if estimator.clip_norm is not None and not (
        optimizers.is_real(estimator.clip_norm) and 0 < estimator.clip_norm < np.inf
    ):
        raise ValueError(
            "clip_norm is the largest norm a gradient may have, above 0, or None; "
            f"got {estimator.clip_norm!r}: for instance clip_norm=1.0"
        )
    if estimator.patience is not None:
        validation.positive(estimator.patience, "patience")
    if validation.flag(estimator.resume, "resume") and estimator.checkpoint is None:
        raise ValueError("resume=True needs the file to go on from: give checkpoint=PATH")
    seeds.child_seeds(estimator.rng, 1)


def _check_rate(estimator: BaseEstimator) -> None:
    """The rate is an option of its own here, and that is what the error names."""
    fits, expected = optimizers.OPTIONS["lr"]
    if not fits(estimator.lr):
        name, options = optimizer_of(estimator.optimizer, estimator.lr)
        default = optimizers.OPTIMIZERS.get(name, options)["lr"]
        message = f"optimizer {name!r}: lr must be {expected}, got {estimator.lr!r}"
        raise ArgumentError(f"{message}: for instance lr={default!r}", "optimizer.lr")


def optimizer_of(optimizer: str | tuple, lr: float) -> tuple[str, dict]:
    """An optimizer by name or (name, options), with its rate, as `rnn.fit` takes it."""
    if isinstance(optimizer, str):
        return optimizer, {"lr": lr}
    pair = isinstance(optimizer, (tuple, list)) and len(optimizer) == 2
    if not (pair and isinstance(optimizer[1], dict)):
        raise TypeError(f"optimizer is a name or a pair (name, options), got {optimizer!r}")
    name, options = optimizer
    if "lr" in options:
        rest = (name, {key: value for key, value in options.items() if key != "lr"})
        raise ValueError(
            f"the optimizer's options say lr={options['lr']!r} and lr={lr!r} is given besides: "
            f"leave it out of the options, optimizer={rest!r}"
        )
    return name, {**options, "lr": lr}


def training_options(estimator: BaseEstimator) -> dict:
    """The arguments of `rnn.fit` that an estimator's hyper-parameters say."""
    return {
        "optimizer": optimizer_of(estimator.optimizer, estimator.lr),
        "schedule": estimator.schedule,
        "epochs": estimator.epochs,
        "clip_norm": estimator.clip_norm,
        "patience": estimator.patience,
        "checkpoint": estimator.checkpoint,
        "resume": estimator.resume,
        "progress": estimator.progress,
        "device": estimator.device,
    }
