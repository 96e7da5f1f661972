"""What all studies have in common: settings that a file of results must match, and a choice that is
blind to the test.

A study is a frozen dataclass.  Its fields are all that decides its runs; their digest stands in the
file of results, and `load` refuses a file of other settings.  The methods of a study say what one
run is and what the stored runs found; the order of the runs stands in `run.py` beside it, and
`rnnlib.experiments.runner` works it off.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from rnnlib.experiments import engines, machine, store

Record = dict[str, Any]  # one run: what it was asked, and what it found


class OtherSettings(ValueError):
    """A file of results was made with settings that are not those of the study."""


class Unfinished(ValueError):
    """A choice cannot be made yet, since runs that it rests on are missing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Study:
    """Settings of a study as fields, and what can be done with its file of results.

    engines  engines of the recurrent models in order of preference: `rnnlib.experiments.engines`
    """

    packages: ClassVar[tuple[str, ...]] = ("numpy", "torch")  # whose versions are kept
    lists: ClassVar[tuple[str, ...]] = ("runs",)  # the lists of runs in a file
    # what a run found on the test part; "a.b" is entry b of a
    test_fields: ClassVar[tuple[str, ...]] = ()

    engines: tuple[str, ...]

    # ---- settings

    def settings(self) -> dict:
        """All fields as JSON gives them back: lists for tuples, strings for keys."""
        return json.loads(json.dumps(asdict(self)))

    def digest(self) -> str:
        """SHA-256 of the settings."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()

    def engine(self, rnn: ModuleType, cell: str | tuple[str, dict]) -> dict[str, str]:
        """The keyword arguments that give a model of `rnn` with this cell its engine."""
        return engines.options(rnn, cell, self.engines)

    # ---- results

    @property
    def path(self) -> Path:
        """The file of results: results.json beside the module of the study."""
        return Path(str(sys.modules[type(self).__module__].__file__)).parent / "results.json"

    def empty(self) -> dict:
        """Results without runs: the settings, the versions of `packages`, the kind of machine."""
        about = {"settings": self.settings(), "digest": self.digest()}
        about |= {"versions": store.versions(self.packages), "machine": machine.describe()}
        return about | {name: [] for name in self.lists}

    def load(self, path: Path | None = None) -> dict:
        """The results so far; `empty` where there is no file.  OtherSettings if the file was made
        with others.
        """
        if path is None:
            path = self.path
        else:
            path = Path(path)
        if not path.exists():
            return self.empty()
        results = store.read(path)
        self.check(results, path)
        return results

    def check(self, results: dict, path: Path) -> None:
        """OtherSettings, with the names and both values, where results were not made with the
        settings of this study.
        """
        changed = list(differences(results["settings"], self.settings()))
        if changed:
            lines = [f"  {name}: then {then}, now {now}" for name, then, now in changed]
            text = "\n".join([f"{path} was made with other settings:", *lines])
            raise OtherSettings(
                f"{text}\nundo the change, or move the file away and make the runs anew"
            )
        if results["digest"] != self.digest():
            raise OtherSettings(
                f"the settings in {path} do not have the digest that stands beside them: the file "
                "was edited. Take it from the repository again, or move it away and make the runs "
                "anew"
            )

    def save(self, results: dict, path: Path | None = None) -> Path:
        """Writes the results; OtherSettings if they are not of this study."""
        if path is None:
            path = self.path
        else:
            path = Path(path)
        self.check(results, path)
        return store.write(path, results)

    def select(self, results: dict, runs: str = "runs", /, **wanted: object) -> list[Record]:
        """The stored runs with these values: `select(results, T=50, seed=(1, 2))`.

        A tuple means one of them.
        """
        return matching(results[runs], **wanted)

    # ---- choices

    def choose(
        self,
        records: Iterable[Record],
        cost: Callable[[Record], float | None],
        among: Sequence,
        by: str = "rate",
        seeds: Sequence[int | None] = (),
    ) -> Any:
        """The value of `by` among `among` with the lowest mean cost over the runs of `seeds`.

        The runs come to `cost` without what they found on the test part, so that nothing can be
        chosen by it.  A run that diverged (None, NaN) counts as infinitely bad.  Unfinished if a
        value has no run.
        """
        costs: dict[Any, list] = {value: [] for value in among}
        for record in records:
            if record.get("seed") in seeds and record[by] in costs:
                costs[record[by]].append(cost(self.without_test(record)))
        missing = [value for value in among if len(costs[value]) < len(seeds)]
        if missing:
            raise Unfinished(f"no run to choose a {by} by for {missing}: the study is not finished")
        return min(among, key=lambda value: np.mean([_or_infinity(c) for c in costs[value]]))

    def without_test(self, record: Record) -> Record:
        """A copy of a run without what it found on the test part."""
        seen = dict(record)
        for name in self.test_fields:
            *outer, last = name.split(".")
            place: dict[str, Any] = seen
            for key in outer:
                place[key] = dict(place.get(key, {}))
                place = place[key]
            place.pop(last, None)
        return seen

    def reports(self, runs: str, record: Record) -> bool:
        """Whether a run of the list `runs` was made to be reported, after the choices."""
        study: Any = self  # a child has these seeds, or a method of its own
        return record.get("seed") in study.reported_seeds

    def choices(self, results: dict) -> dict:
        """All that was chosen by the results; it cannot depend on what was found on the test
        part.
        """
        return {}

    def curve(self, steps: Sequence[float]) -> np.ndarray:
        """Losses of the updates, averaged over every `every` of them; what is left at the end is
        left out.
        """
        study: Any = self  # a child with curves says how many
        n = len(steps) // study.every * study.every
        return np.reshape(np.asarray(steps[:n]), (-1, study.every)).mean(axis=1)


def _or_infinity(cost: float | None) -> float:
    if cost is None or np.isnan(cost):
        return np.inf
    return cost


def matching(records: Iterable[Record], **wanted: object) -> list[Record]:
    """The records with these values, where a tuple means one of them."""
    return [
        record
        for record in records
        if all(
            record.get(key) in value if isinstance(value, tuple) else record.get(key) == value
            for key, value in wanted.items()
        )
    ]


def differences(then: dict, now: dict, above: str = "") -> Iterable[tuple[str, object, object]]:
    """(name, then, now) of each setting that differs; the name of a setting inside another is
    "outer.inner".
    """
    for key in sorted(then.keys() | now.keys()):
        old = then.get(key)
        new = now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{above}{key}.")
        elif old != new:
            yield above + key, old, new
