"""How results are kept: read whole, written whole, with versions and the kind of machine."""

import json
import re
from importlib import metadata
from pathlib import Path

from rnnlib.core import files
from rnnlib.experiments import machine

LEAF = re.compile(
    r"\[\n([^\[\]{}]*)\]"
)  # a list without lists or objects in it; a string holds no line break


def read(path: Path) -> dict:
    """The results in a file of JSON."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path: Path, results: dict) -> Path:
    """Writes results whole or not at all, a list of numbers to a line -> the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, LEAF.sub(_on_one_line, json.dumps(results, indent=1)) + "\n")
    return path


def _on_one_line(leaf: re.Match) -> str:
    return (
        "["
        + ", ".join(line.strip().removesuffix(",") for line in leaf[1].strip().splitlines())
        + "]"
    )


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """{package: version} of what is installed here."""
    return {name: metadata.version(name) for name in packages}


def provenance(results: dict) -> str:
    """One line to print under a table of stored results: the versions and the kind of machine that
    made them.
    """
    packages = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    kind = results.get("machine")
    if kind is None:
        return packages
    return f"{packages}; {kind if isinstance(kind, str) else machine.sentence(kind)}"
