"""Scores of what a backtest gave, for each series and step ahead."""

import re

import numpy as np
import pandas as pd

from rnnlib.core import validation
from rnnlib.forecasting import tables
from rnnlib.metrics import probabilistic, regression


def scores(
    found: pd.DataFrame, table: pd.DataFrame, *, m: int, by: str | None = None
) -> pd.DataFrame:
    """What a backtest says: a table of MAE, RMSE, MASE, pinball loss, CRPS, and coverage of the
    outermost interval.

    table  the long table of the backtest; each series up to its own first origin gives its scale of
           MASE
    m      steps in a season for MASE (1: none), always said: the number depends on it
    by     a column, "step" or "unique_id", to score apart; None: all together
    Steps whose `y` is missing are left out.
    """
    names = _quantiles_of(found, by)
    scale = _scales(found, table, validation.positive(m, "m"))
    levels = probabilistic.check_levels([float(name[1:]) for name in names])
    found = found[found["y"].notna()]
    if not len(found):
        raise ValueError("no value has come: column 'y' of the forecasts is missing everywhere")
    validation.finite(found["forecast"].to_numpy(float), "forecast")
    rows = {}
    for value, part in [("all", found)] if by is None else found.groupby(by, sort=True):
        y = part["y"].to_numpy()
        q = part[names].to_numpy()
        error = np.abs(y - part["forecast"].to_numpy())
        rows[value] = {
            "forecasts": len(part),
            "MAE": error.mean(),
            "RMSE": np.sqrt((error**2).mean()),
            "MASE": (error / part["unique_id"].map(scale).to_numpy(float)).mean(),
            "pinball": probabilistic.pinball(y, q, levels),
            "CRPS": probabilistic.crps_quantiles(y, q, levels),
            "coverage": probabilistic.coverage(y, q[:, 0], q[:, -1]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _quantiles_of(found, by):
    """The columns of quantiles of a backtest's table, which has what is scored."""
    if not isinstance(found, pd.DataFrame):
        raise TypeError(f"found is the table that backtest gave, got {type(found).__name__}")
    for name in ("unique_id", "origin", "y", "forecast"):
        if name not in found:
            raise ValueError(
                f"no column {name!r} in the table of forecasts: it has {', '.join(map(str, found))}"
            )
    if by is not None and by not in list(found):
        raise ValueError(
            f"no column {by!r} to score by: the forecasts have {', '.join(map(str, found))}"
        )
    names = [name for name in found if re.fullmatch(r"q\d[\d.e-]*", str(name))]
    if not names:
        raise ValueError("no column of a quantile, such as q0.5, in the table of forecasts")
    return names


def _scales(found, table, m):
    """What MASE divides by, for each series that was forecast: of its steps up to its own first
    origin."""
    tables.check_long(table, ("unique_id", "ds", "y"))
    if len(found) and not tables.same_kind_of_times(found["origin"].dtype, table["ds"].dtype):
        raise TypeError(
            f"column 'ds' of the table holds {table['ds'].dtype}, the origins "
            f"{found['origin'].dtype}: pass the table of the backtest"
        )
    parts = dict(list(table.groupby("unique_id", sort=False)))
    scale = {}
    for key, first in found.groupby("unique_id", sort=False)["origin"].min().items():
        if key not in parts:
            raise ValueError(f"series {key!r} is not in the table: pass the one of the backtest")
        part = parts[key].sort_values("ds")
        scale[key] = regression.naive_scale(
            part.loc[part["ds"] <= first, "y"], m, f"series {key!r}"
        )
    return scale
