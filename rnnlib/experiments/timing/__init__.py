"""Stored times of layers and recurrences, as the scripts in benchmarks/ took them; chapters read
them from here.
"""

from pathlib import Path

from rnnlib.experiments import store

FOLDER = Path(__file__).parent


def path(name: str) -> Path:
    """The file of one comparison: "native", "recurrences", "sru_sizes" or "gpu"."""
    return FOLDER / f"{name}.json"


def load(name: str) -> dict:
    """The stored times of one comparison; ValueError, with the names that there are, for
    another.
    """
    if not path(name).is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json")))
        raise ValueError(f"no stored times {name!r}; there are: {known}")
    return store.read(path(name))
