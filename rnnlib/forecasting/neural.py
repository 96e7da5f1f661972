"""A recurrent network of either framework as a forecaster."""

import os
from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np

from rnnlib.core import cells, validation
from rnnlib.data.batches import Batches
from rnnlib.forecasting.base import LEVELS
from rnnlib.forecasting.intervals import normal_path
from rnnlib.forecasting.panel import SeriesSlice
from rnnlib.forecasting.windowed import WindowedForecaster
from rnnlib.training.estimators import NetworkEstimator, check_training, framework_name

ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
HEADS = ("point", "quantile", "gaussian")
VALID_ROWS = 256  # windows of the validation part that are answered at a time


class RNNForecaster(WindowedForecaster, NetworkEstimator):
    """A recurrent network of either framework: equal arguments give equal networks in both.

    rnn          "torch" or "tensorflow", or the module rnnlib.pt or rnnlib.tf, kept by its name
    n_in, horizon  steps that a window holds, and that are learnt
    cell         "gru"; a name, or (name, options), of `rnn.ForecastNet`
    hidden_size  16; units of a recurrent layer
    head         "point" (least squares), "quantile" (pinball loss at `levels`, 0.5 among them) or
                 "gaussian" (mean and deviation, by likelihood): what it answers
    lr           1e-2; the optimizer's rate
    epochs       60; passes over the windows, at most
    batch_size   32; windows in an update
    patience     10; stop when so many epochs have brought no lower validation loss, the epoch with
                 the lowest is kept
    clip_norm    1.0; a longer gradient is scaled down to this norm, None: never
    rng          0; a whole number or a SeedSequence: weights, and the order of windows
    network_options  None; further arguments of `rnn.ForecastNet`, {"num_layers": 2, "dropout": 0.1}
    optimizer    "adam"; a name, or (name, options), of `rnn.fit`, without its rate
    schedule     None; of the rate, a name or (name, options) of `rnn.fit`: "cosine"
    checkpoint, resume  None, False; file that keeps the run after each epoch, whether to go on
    device       None; "cpu", "gpu", "gpu:1": where to learn, and to answer after `fit`; None: the
                 framework's choice
    progress     None; show a bar? None: where a person watches
    strategy, difference, valid, conformal, levels, known, past, calendar  of `WindowedForecaster`

    A recursive forecast puts its point back in.  `fit` sets `model_`, the network, and `history_`.
    """

    def __init__(
        self,
        rnn: str | ModuleType,
        n_in: int,
        horizon: int,
        cell: str | tuple = "gru",
        hidden_size: int = 16,
        head: str = "point",
        lr: float = 1e-2,
        epochs: int = 60,
        batch_size: int = 32,
        patience: int | None = 10,
        clip_norm: float | None = 1.0,
        rng: int | np.random.SeedSequence = 0,
        network_options: Mapping[str, object] | None = None,
        optimizer: str | tuple = "adam",
        schedule: str | tuple | None = None,
        checkpoint: str | os.PathLike | None = None,
        resume: bool = False,
        device: str | None = None,
        progress: bool | None = None,
        strategy: str = "direct",
        difference: int = 0,
        valid: int | float | None = None,
        conformal: bool = True,
        levels: Sequence[float] = LEVELS,
        known: Sequence[str] = (),
        past: Sequence[str] = (),
        calendar: Sequence[str | tuple] = (),
    ) -> None:
        super().__init__(
            n_in, horizon, strategy, difference, valid, conformal, levels, known, past, calendar
        )
        self.rnn = framework_name(rnn)
        self.cell = cell
        self.hidden_size = hidden_size
        self.head = head
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.clip_norm = clip_norm
        self.rng = rng
        self.network_options = network_options
        self.optimizer = optimizer
        self.schedule = schedule
        self.checkpoint = checkpoint
        self.resume = resume
        self.device = device
        self.progress = progress
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        framework_name(self.rnn)
        cells.named(self.cell)
        validation.positive(self.hidden_size, "hidden_size")
        validation.choice(self.head, HEADS, "head")
        if self.head == "quantile" and 0.5 not in self.levels:
            raise ValueError(
                f"levels={tuple(self.levels)} lack 0.5, which is the point forecast of "
                "head='quantile': give levels=(0.05, 0.5, 0.95)"
            )
        if self.network_options is not None and not isinstance(self.network_options, Mapping):
            raise TypeError(
                "network_options is a dict of arguments of rnn.ForecastNet, got "
                f"{self.network_options!r}"
            )
        check_training(self)

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn as `WindowedForecaster` does; Ctrl-C keeps what was learned up to then, and is
        raised.
        """
        self.__dict__.pop("model_", None)
        try:
            super().fit_panel(panel)
        except KeyboardInterrupt:
            if hasattr(self, "model_"):
                self.shift_ = self._calibrate(panel)
                self.views_ = panel
            raise

    def fit_windows(
        self, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray
    ) -> None:
        """Train a fresh network on windows; the epoch with the lowest loss on the second pair
        stays."""
        head, loss = {
            "point": ("point", "mse"),
            "quantile": (
                ("quantile", {"outputs": len(self.levels_)}),
                ("pinball", {"levels": self.levels_}),
            ),
            "gaussian": ("gaussian", "gaussian"),
        }[self.head]
        architecture = {
            "input_size": x.shape[2],
            "hidden_size": self.hidden_size,
            "horizon": self.ahead,
            "cell": self.cell,
            "head": head,
            "rng": self.rng,
            **(self.network_options or {}),
        }
        network = self._build("ForecastNet", architecture)
        train = Batches((x, y), self.batch_size, rng=self.rng)
        valid = Batches((x_valid, y_valid), VALID_ROWS)
        self.history_ = self._train(
            network, "ForecastNet", architecture, train, loss=loss, valid=valid
        )

    def predict_windows(self, x: np.ndarray) -> np.ndarray:
        """The network's answers as point and quantiles, (N, ahead, 1 + Q)."""
        answers = self._predict(x)
        if self.head == "point":
            return self.point_alone(answers)
        if self.head == "quantile":
            answers = np.sort(answers, axis=-1)
            point = answers[:, :, [self.levels_.index(0.5)]]
            return np.concatenate([point, answers], axis=-1)
        mean = answers[:, :, 0].ravel()
        deviation = np.exp(answers[:, :, 1].ravel())
        return normal_path(mean, deviation, self.levels_).reshape(*answers.shape[:2], -1)

    def learned_state(self) -> dict:
        """What `fit` has learned, the network as its weights."""
        return {**super().learned_state(), "model_": self._weights()}

    def restore_state(self, state: dict) -> None:
        """Put back what `learned_state` gave: the network in the framework that `rnn` names."""
        rest = dict(state)
        arrays = rest.pop("model_")
        super().restore_state(rest)
        self._rebuild(arrays, self.rnn)

    @classmethod
    def example_params(cls) -> list[dict]:
        """One that answers with points, and one with quantiles step by step."""
        small = {"n_in": 8, "horizon": 5, "valid": 40, "hidden_size": 3, "epochs": 2}
        stepwise = {"strategy": "recursive", "difference": 7, "head": "quantile"}
        return [small, {**small, **stepwise}]
