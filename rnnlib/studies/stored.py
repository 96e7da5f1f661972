"""What the studies have in common: the file of their runs, curves made short, and a rate chosen on the tuning runs alone."""

import json
import platform
from importlib import metadata

import numpy as np


def load(path, settings, packages=("numpy", "torch"), lists=("runs",)):
    """The results in `path`; where there is no file, the settings, versions of `packages`, the machine and empty `lists`.

    ValueError if the file was made with other settings: it is not added to.
    """
    settings = json.loads(json.dumps(settings))  # lists for tuples, as in the file
    if not path.exists():
        about = {
            "settings": settings,
            "versions": {name: metadata.version(name) for name in packages},
            "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, one thread",
        }
        return about | {name: [] for name in lists}
    results = json.loads(path.read_text())
    have = results["settings"]
    if have != settings:
        changed = sorted(k for k in have.keys() | settings.keys() if have.get(k) != settings.get(k))
        then, now = ({k: values.get(k) for k in changed} for values in (have, settings))
        raise ValueError(
            f"{path} was made with the settings {then}, now they are {now}: move the file away first"
        )
    return results


def curve(steps, every):
    """Losses of the updates, averaged over every `every` of them; what is left at the end is left out."""
    n = len(steps) // every * every
    return np.reshape(steps[:n], (-1, every)).mean(axis=1)


def best(rates, runs, cost, by="rate"):
    """The rate with the lowest mean cost(run) over its `runs`; a run that diverged (None, NaN) counts as infinitely bad.

    by  what is chosen, where it is no rate: its name in a run
    """
    costs = {rate: [cost(run) for run in runs if run[by] == rate] for rate in rates}
    missing = [rate for rate in rates if not costs[rate]]
    if missing:
        raise ValueError(f"no run to choose a {by} by for {missing}: the study is not finished")
    return min(
        rates, key=lambda rate: np.mean([np.inf if c is None or np.isnan(c) else c for c in costs[rate]])
    )
