"""Ridge regression on the windows that the network reads."""

from collections.abc import Sequence

import numpy as np

from rnnlib.core import validation
from rnnlib.forecasting.base import LEVELS
from rnnlib.forecasting.neural import ALPHAS
from rnnlib.forecasting.windowed import WindowedForecaster


class Ridge(WindowedForecaster):
    """Linear regression on the numbers of a window (scikit-learn), with a penalty chosen among
    `alphas` on the validation part.

    n_in, horizon  steps that a window holds, and that are learnt
    alphas         (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0); penalties to choose from
    strategy, difference, valid, conformal, levels, known, past, calendar  of `WindowedForecaster`

    Of known columns it sees the steps that it forecasts.  `AR(p)` is n_in=p with a small penalty.
    `fit` sets `alpha_`, `valid_loss_`, `coef_` (ahead, features) and `intercept_` (ahead,).
    """

    packages = ("numpy", "pandas", "scikit-learn")

    def __init__(
        self,
        n_in: int,
        horizon: int,
        alphas: Sequence[float] = ALPHAS,
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
        self.alphas = alphas
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        if not len(self.alphas):
            raise ValueError("alphas is empty: give one penalty at least, such as alphas=(1.0,)")
        for alpha in self.alphas:
            validation.number(alpha, "alpha", 0)

    def _flat(self, x):
        """x (N, n_in, D) -> (N, features): known columns of the last `ahead` steps only."""
        F = len(self.known_mean_)
        own = x[:, :, : x.shape[2] - F]
        known = x[:, max(self.n_in - self.ahead, 0) :, x.shape[2] - F :]
        return np.hstack([own.reshape(len(x), -1), known.reshape(len(x), -1)]).astype(float)

    def fit_windows(
        self, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray
    ) -> None:
        """Least squares with each penalty; the one with the least squared error on the second
        pair."""
        from sklearn.linear_model import Ridge as Regression

        models = {}
        losses = {}
        for alpha in self.alphas:
            alpha = float(alpha)
            models[alpha] = Regression(alpha).fit(self._flat(x), y)
            answers = models[alpha].predict(self._flat(x_valid)).reshape(y_valid.shape)
            losses[alpha] = np.square(answers - y_valid).mean()
        self.alpha_ = min(losses, key=losses.__getitem__)
        self.valid_loss_ = float(losses[self.alpha_])
        self.coef_ = models[self.alpha_].coef_
        self.intercept_ = models[self.alpha_].intercept_

    def predict_windows(self, x: np.ndarray) -> np.ndarray:
        """The line's answers in place of point and quantiles, (N, ahead, 1 + Q)."""
        point = self._flat(x) @ self.coef_.T + self.intercept_
        return self.point_alone(point.reshape(len(x), self.ahead))

    @classmethod
    def example_params(cls) -> list[dict]:
        """One that answers all steps at once, and one that goes step by step."""
        small = {"n_in": 8, "horizon": 5, "valid": 40}
        return [small, {**small, "strategy": "recursive", "difference": 7}]
