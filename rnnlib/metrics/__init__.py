"""How good a forecast, a classification or a language model is, and whether a difference is more
than chance.
"""

from rnnlib.metrics.calibration import (
    Reliability,
    brier,
    calibration_error,
    reliability,
    temperature,
)
from rnnlib.metrics.classification import accuracy
from rnnlib.metrics.language import bits_per_character, perplexity
from rnnlib.metrics.probabilistic import (
    coverage,
    crps_normal,
    crps_quantiles,
    crps_samples,
    pinball,
)
from rnnlib.metrics.regression import mae, mase, naive_scale, rmse, smape
from rnnlib.metrics.significance import (
    block_bootstrap_ratio,
    bootstrap,
    diebold_mariano,
    holm,
    mcnemar,
    permutation_p,
    t_interval,
)

__all__ = [
    "Reliability",
    "accuracy",
    "bits_per_character",
    "block_bootstrap_ratio",
    "bootstrap",
    "brier",
    "calibration_error",
    "coverage",
    "crps_normal",
    "crps_quantiles",
    "crps_samples",
    "diebold_mariano",
    "holm",
    "mae",
    "mase",
    "mcnemar",
    "naive_scale",
    "permutation_p",
    "perplexity",
    "pinball",
    "reliability",
    "rmse",
    "smape",
    "t_interval",
    "temperature",
]
