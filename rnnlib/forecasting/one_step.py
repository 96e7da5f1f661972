"""Forecasts of arrays one step ahead, without a network:
persistence, the last season, an autoregression.
"""

import numpy as np

from rnnlib.core import validation


def persistence(history, rest):
    """One-step forecasts of `rest` (N,): the value before.

    `history` are the steps before `rest` -> (N,).
    """
    return seasonal_naive(history, rest, m=1)


def seasonal_naive(history, rest, *, m):
    """One-step forecasts of `rest` (N,): the value a season of `m` steps before -> (N,).

    `history` has at least m steps.

    >>> seasonal_naive([1, 2, 3], [4, 5, 6, 7], m=3).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    m = validation.positive(m, "m")
    history = _steps(history, "history")
    rest = _steps(rest, "rest")
    _long_enough(history, m, "m")
    return np.concatenate([history[-m:], rest])[: len(rest)]


class AutoRegression:
    """AR(p): y_t = c + a_1 y_{t-1} + ...

    + a_p y_{t-p} + noise, by least squares (statsmodels' AutoReg).

    `fit(train)` sets `params_` (p + 1,), c first; they stay fixed when the later parts are
    forecast.
    """

    def __init__(self, p):
        self.p = validation.positive(p, "p")

    def fit(self, train):
        """Learns from the training part (T,), T > 2p + 1."""
        from statsmodels.tsa.ar_model import AutoReg

        train = _steps(train, "train")
        if len(train) <= 2 * self.p + 1:
            raise ValueError(
                f"{len(train)} steps are too few for AR({self.p}): at least {2 * self.p + 2} are "
                "needed"
            )
        self.params_ = np.asarray(AutoReg(train, lags=self.p, trend="c").fit().params)
        return self

    def predict(self, history, rest):
        """One-step forecasts of `rest` (N,), each from the p true values before it -> (N,).

        `history` comes right before.
        """
        if not hasattr(self, "params_"):
            raise ValueError(f"this AR({self.p}) has not been fitted: call fit(train) first")
        history = _steps(history, "history")
        rest = _steps(rest, "rest")
        _long_enough(history, self.p, "p")
        known = np.concatenate([history[-self.p :], rest[:-1]])  # (p + N - 1,)
        past = np.lib.stride_tricks.sliding_window_view(known, self.p)  # (N, p), oldest first
        return self.params_[0] + past @ self.params_[:0:-1]


def _steps(values, what):
    values = validation.floats(values, what)
    validation.rank(values.shape, "(T)", what)
    return validation.finite(values, what)


def _long_enough(history, steps, what):
    if len(history) < steps:
        raise ValueError(
            f"history of {len(history)} steps is shorter than {what}={steps}: give the steps "
            "right before `rest`"
        )
