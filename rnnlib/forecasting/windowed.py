"""What forecasters that learn from windows share: how windows are cut and scaled, and how answers
become forecasts with intervals.

A window is what is known at its origin: the last `n_in` steps, and the known columns of the steps
ahead.  With `difference=m` a window holds changes over m steps, and what is learnt is how far the
series will be from its value(s) a season of m steps before: 1 for a level that wanders, the season
for one that repeats.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnnlib.core import validation
from rnnlib.forecasting.base import LEVELS, BaseForecaster
from rnnlib.forecasting.intervals import error_quantiles, errors_needed
from rnnlib.forecasting.panel import SeriesSlice
from rnnlib.forecasting.windows import seasonal_ffill

STRATEGIES = ("direct", "recursive")


class Tails(NamedTuple):
    """The ends of N series at their origins, n_in + m steps long, with what is known of K steps
    ahead."""

    y: np.ndarray  # (N, n_in + m)
    season: np.ndarray  # (N, m) the last m steps, what is missing taken from seasons before
    past: np.ndarray  # (N, n_in, P)
    known: np.ndarray  # (N, n_in + K - 1, F), n_in steps up to the one after the origin, and on
    mean: np.ndarray  # (N, 1) of the changes in the training part; deviation likewise
    deviation: np.ndarray


class WindowedForecaster(BaseForecaster):
    """What ridge and network share: windows, scaling, strategy, intervals from a validation part.

    n_in        steps that a window holds
    horizon     steps ahead that are learnt; `predict` goes no further
    strategy    "direct"; all steps at once; "recursive": one step, put back in as if it had come,
                again and again
    difference  0; m steps to take changes over, 0 for none
    valid       None; steps (or their share) at the end of each series that choose and calibrate,
                and are not learnt from; None: a fifth, or as many more as the outermost level needs
    conformal   True; shift each quantile by what it was off on the validation part, step by step
                (asymmetric conformalised quantile regression, Romano et al. 2019); a point forecast
                gets its intervals so
    levels, known, past, calendar  (0.05, 0.5, 0.95), (), (), (); of `Forecaster`

    A child has

    fit_windows(x, y, x_valid, y_valid)  learn from windows x (N, n_in, D) and what came, y (N,
                                         ahead), both float32 and scaled; choose by the second pair
    predict_windows(x)                   answer, (N, ahead, 1 + Q): the point, then the quantiles;
                                         `point_alone` makes them of a point

    `fit` sets `valid_errors_` (N, horizon): what came less the point, from each origin of the
    validation part, NaN where nothing came.  Scaling is learnt from what is before the validation
    part, each series apart.  Missing numbers (NaN) become 0 and a column that says so; windows
    whose target is missing are not learnt from.
    """

    gaps = True

    def __init__(
        self,
        n_in: int,
        horizon: int,
        strategy: str = "direct",
        difference: int = 0,
        valid: int | float | None = None,
        conformal: bool = True,
        levels: Sequence[float] = LEVELS,
        known: Sequence[str] = (),
        past: Sequence[str] = (),
        calendar: Sequence[str | tuple] = (),
    ) -> None:
        super().__init__(levels, known, past, calendar)
        self.n_in = n_in
        self.horizon = horizon
        self.strategy = strategy
        self.difference = difference
        self.valid = valid
        self.conformal = conformal

    @abstractmethod
    def fit_windows(
        self, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray
    ) -> None:
        """Learn from windows x (N, n_in, D) and y (N, ahead); choose by the second pair."""

    @abstractmethod
    def predict_windows(self, x: np.ndarray) -> np.ndarray:
        """Point and quantiles (N, ahead, 1 + Q) after windows x (N, n_in, D)."""

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        validation.positive(self.n_in, "n_in")
        validation.positive(self.horizon, "horizon")
        validation.choice(self.strategy, STRATEGIES, "strategy")
        if self.difference:
            validation.positive(self.difference, "difference")
        if self.valid is not None:
            validation.number(self.valid, "valid", 0)
        validation.flag(self.conformal, "conformal")
        if self.strategy == "recursive" and self.horizon > 1 and len(self.past):
            raise ValueError(
                f"past={tuple(self.past)} are not known ahead, so nothing can be put back in: "
                "use strategy='direct'"
            )

    @property
    def ahead(self) -> int:
        """Steps that one answer holds."""
        if self.strategy == "direct":
            return self.horizon
        return 1

    def check_horizon(self, horizon: int) -> int:
        """The horizon, if it is one of those that were learnt."""
        if validation.positive(horizon, "horizon") > self.horizon:
            raise ValueError(
                f"horizon={horizon}, but this forecaster has learnt {self.horizon} steps: "
                f"build it with horizon={horizon}"
            )
        return horizon

    def known_steps(self, horizon: int) -> int:
        """Steps ahead for which known columns are read: all that are learnt."""
        return self.horizon

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn scales, then from all windows of all series, then the shifts of the quantiles."""
        self._shapes(panel)
        parts: dict[str, list] = {"train": [], "valid": []}
        for view in panel:
            T = len(view.y)
            first = self.n_in + self.difference - 1
            cut = self._cut(view)
            learnt_from = np.arange(first, cut - self.ahead)
            validated_on = np.arange(max(first, cut - 1), T - self.ahead)
            parts["train"].append(self._examples(view, learnt_from))
            parts["valid"].append(self._examples(view, validated_on))
        train, valid = (
            [np.concatenate(arrays) for arrays in zip(*parts[name], strict=True)] for name in parts
        )
        for (x, _), name in ((train, "training"), (valid, "validation")):
            if not len(x):
                raise ValueError(
                    f"every {name} window has a missing target: fill the series, or give a longer "
                    "one"
                )
        self.fit_windows(*train, *valid)
        self.shift_ = self._calibrate(panel)

    def _shapes(self, panel):
        """Scales of the training parts, and what columns a window has."""
        m = self.difference
        self.scales_ = {}
        rows = []
        self.masked_ = any(np.isnan(view.y).any() or np.isnan(view.past).any() for view in panel)
        for view in panel:
            cut = self._cut(view)
            if m:
                change = view.y[m:cut] - view.y[: cut - m]
            else:
                change = view.y[:cut]
            if np.isnan(change).all():
                raise ValueError(
                    f"series {view.key!r} has no two values difference={m} steps apart before "
                    f"{view.ds[cut]}"
                )
            past = _moments(view.past[:cut])
            self.scales_[view.key] = (*_moments(change), *past)
            rows.append(view.known[:cut])
        self.known_mean_, self.known_deviation_ = _moments(np.concatenate(rows))

    def _cut(self, view):
        """The step where the validation part begins."""
        T = len(view.y)
        if self.valid is None:
            if self.conformal:
                needed = errors_needed(self.levels_)
            else:
                needed = 1
            valid = max(round(T / 5), self.horizon - 1 + needed)
        else:
            if self.valid >= 1:
                valid = int(self.valid)
            else:
                valid = round(self.valid * T)
        cut = T - valid
        window = self.n_in + self.difference + self.ahead
        if valid < self.horizon or cut < window:
            raise ValueError(
                f"series {view.key!r} has {T} steps: {cut} to learn from, where one window takes "
                f"{window}, and {valid} to validate on, where the horizon takes {self.horizon}: "
                f"give a longer series, a smaller n_in=, or another valid={self.valid}"
            )
        return cut

    def _tails(self, view, origins, ahead):
        L = self.n_in + self.difference
        if len(origins) and np.min(origins) < L - 1:
            raise ValueError(
                f"series {view.key!r} has {len(view.y)} steps up to its origin, and a window "
                f"takes {L}"
            )
        at = np.asarray(origins)[:, None]  # (N, 1)
        mean, deviation, past_mean, past_deviation = self.scales_[view.key]
        if view.known.shape[1]:
            known = view.known
        else:
            known = np.zeros((len(view.y) + ahead, 0))
        m = self.difference
        return Tails(
            view.y[at + np.arange(1 - L, 1)],
            seasonal_ffill(view.y, m)[at + np.arange(1 - m, 1)] if m else np.zeros((len(at), 0)),
            (view.past[at + np.arange(1 - self.n_in, 1)] - past_mean) / past_deviation,
            (known[at + np.arange(2 - self.n_in, ahead + 1)] - self.known_mean_)
            / self.known_deviation_,
            np.full((len(at), 1), mean),
            np.full((len(at), 1), deviation),
        )

    def _inputs(self, tails, step):
        """x (N, n_in, D) float32 of answers that begin `step` steps after the origin and are
        `ahead` long."""
        m = self.difference
        last = step + self.ahead - 1
        if m:
            change = tails.y[:, m:] - tails.y[:, : tails.y.shape[1] - m]
        else:
            change = tails.y
        z = ((change - tails.mean) / tails.deviation)[:, :, None]
        blocks = [np.nan_to_num(z), np.nan_to_num(tails.past)]
        if self.masked_:
            blocks += [np.isfinite(z), np.isfinite(tails.past)]
        blocks.append(tails.known[:, last - 1 : last - 1 + self.n_in])
        return np.concatenate(blocks, axis=-1).astype("float32")

    def _base(self, tails, ahead):
        """What the answers are counted from, (N, ahead): 0, or the values a season before."""
        m = self.difference
        if not m:
            return np.zeros((len(tails.y), ahead))
        return tails.season[:, np.arange(ahead) % m]

    def _examples(self, view, origins):
        """x (N, n_in, D), y (N, ahead) of the windows whose target is there."""
        if not len(origins):
            origins = np.zeros(0, int)
        tails = self._tails(view, origins, self.ahead)
        target = view.y[np.asarray(origins)[:, None] + np.arange(1, self.ahead + 1)]
        y = (target - self._base(tails, self.ahead) - tails.mean) / tails.deviation
        there = np.isfinite(y).all(axis=1)
        return self._inputs(tails, 1)[there], y[there].astype("float32")

    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
        """Answers after each series' last window, in its units, shifted, [(horizon, 1 + Q)]."""
        last = [self._tails(view, [len(view.y) - 1], self.horizon) for view in panel]
        tails = Tails(*(np.concatenate(arrays) for arrays in zip(*last, strict=True)))
        if self.strategy == "recursive":
            steps = horizon
        else:
            steps = self.horizon
        paths = self.rollout(tails, steps)
        if np.isnan(paths).any():
            view = panel[int(np.argwhere(np.isnan(paths))[0][0])]
            raise ValueError(
                f"series {view.key!r} holds no value a season before some step after {view.ds[-1]} "
                "to count from"
            )
        paths[:, :, 1:] += self.shift_[:steps] * tails.deviation[:, :, None]
        paths[:, :, 1:].sort(axis=-1)
        return list(paths[:, :horizon])

    def rollout(self, tails: Tails, steps: int) -> np.ndarray:
        """Points and quantiles (N, steps, 1 + Q) in the units of y, before they are shifted."""
        found = []
        done = 0
        while done < steps:
            scaled = self._answers(self._inputs(tails, done + 1))  # (N, ahead, 1 + Q)
            offset = (self._base(tails, self.ahead) + tails.mean)[:, :, None]
            found.append(offset + tails.deviation[:, :, None] * scaled)
            done += self.ahead
            point = found[-1][:, :, 0]
            y = np.hstack([tails.y, point])[:, self.ahead :]
            season = np.hstack([tails.season, point])[:, self.ahead :]
            tails = tails._replace(y=y, season=season)
        return np.concatenate(found, axis=1)

    def _answers(self, x):
        """What `predict_windows` gives, if it has the form that it should."""
        answers = np.asarray(self.predict_windows(x))
        shape = (len(x), self.ahead, 1 + len(self.levels_))
        if answers.shape != shape:
            raise ValueError(
                f"{type(self).__name__}.predict_windows must give an array of shape {shape}, "
                f"windows times steps times the point and the {len(self.levels_)} levels, "
                f"got {answers.shape}"
            )
        return answers

    def _calibrate(self, panel):
        """How far off each quantile was at each step of the validation part, in deviations,
        (horizon, Q)."""
        errors = []
        for view in panel:
            T = len(view.y)
            cut = self._cut(view)
            origins = np.arange(max(self.n_in + self.difference - 1, cut - 1), T - 1)
            # targets beyond the end are not there, nor are their known columns: what stands for
            # them changes no other answer
            known = np.vstack([view.known, np.repeat(view.known[-1:], self.horizon, axis=0)])
            tails = self._tails(view._replace(known=known), origins, self.horizon)
            y = np.concatenate([view.y, np.full(self.horizon, np.nan)])
            y = y[origins[:, None] + np.arange(1, self.horizon + 1)]
            off = y[:, :, None] - self.rollout(tails, self.horizon)
            errors.append((off, off / tails.deviation[:, :, None]))
        # both (N, horizon, 1 + Q)
        off, scaled = (np.concatenate(parts) for parts in zip(*errors, strict=True))
        self.valid_errors_ = off[:, :, 0]
        if not self.conformal:
            return np.zeros((self.horizon, len(self.levels_)))
        found = [
            error_quantiles(scaled[:, :, 1 + j], [a])[:, 0] for j, a in enumerate(self.levels_)
        ]
        return np.stack(found, axis=1)

    def point_alone(self, point: np.ndarray) -> np.ndarray:
        """A point (N, ahead) in place of each quantile, (N, ahead, 1 + Q)."""
        return np.repeat(np.asarray(point, float)[:, :, None], 1 + len(self.levels_), axis=2)


def _moments(values):
    """Mean and deviation of each column of what is there (T, ...), 1 for what is constant: scaling
    leaves it 0."""
    if not values.size:
        return np.zeros(values.shape[1:]), np.ones(values.shape[1:])
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, values, 0).sum(axis=0) / count
    deviation = np.sqrt((np.where(there, values - mean, 0) ** 2).sum(axis=0) / count)
    return mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)
