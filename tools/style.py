"""How dense the code is: `python -m tools.style [FOLDER ...]` counts, and fails above the limits.

Four figures, each with its limit: packed assignments and conditional expressions in a thousand
lines, lines of more than 100 columns, and the median number of nodes of the syntax tree in a simple
statement.
"""

import argparse
import ast
import statistics
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("rnnlib", "tools", "benchmarks", "book/_ext")
COLUMNS = 100
PACKED = 3.0  # the limits
TERNARIES = 8.0
WIDE = 0
NODES = 10
COMPOUND = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)


@dataclass
class Counts:
    """What was counted in some files."""

    lines: int = 0
    packed: list[str] = field(default_factory=list)  # places, "file:line"
    ternaries: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)  # of each simple statement

    def per_thousand(self, places: list[str]) -> float:
        """Places in a thousand lines."""
        return 1000 * len(places) / max(self.lines, 1)

    def median(self) -> float:
        """Nodes in the median simple statement."""
        return statistics.median(self.nodes or [0])


def is_packed(node: ast.AST) -> bool:
    """Whether a statement assigns several values to several names at once, as in `a, b = x, y`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    target = node.targets[0]
    return isinstance(target, ast.Tuple) and len(target.elts) == len(node.value.elts) > 1


def is_simple(node: ast.AST) -> bool:
    """Whether a node is a statement that holds no other statements."""
    return isinstance(node, ast.stmt) and not isinstance(node, COMPOUND)


def count(path: Path, counts: Counts, name: str) -> None:
    """Add what stands in one file."""
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        counts.lines += 1
        if len(line) > COLUMNS:
            counts.wide.append(f"{name}:{number}")
    for node in ast.walk(ast.parse(text)):
        place = f"{name}:{getattr(node, 'lineno', 0)}"
        if is_packed(node):
            counts.packed.append(place)
        if isinstance(node, ast.IfExp):
            counts.ternaries.append(place)
        if is_simple(node):
            counts.nodes.append(sum(1 for _ in ast.walk(node)))


def count_folders(folders: list[str], root: Path = ROOT) -> Counts:
    """What stands in all Python files below some folders."""
    counts = Counts()
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            count(path, counts, path.relative_to(root).as_posix())
    return counts


def report(counts: Counts) -> list[tuple[str, float, float, list[str]]]:
    """(figure, its value, its limit, places) of each count."""
    return [
        (
            "packed assignments per 1000 lines",
            counts.per_thousand(counts.packed),
            PACKED,
            counts.packed,
        ),
        (
            "conditional expressions per 1000 lines",
            counts.per_thousand(counts.ternaries),
            TERNARIES,
            counts.ternaries,
        ),
        (f"lines over {COLUMNS} columns", len(counts.wide), WIDE, counts.wide),
        ("nodes in the median simple statement", counts.median(), NODES, []),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 if one is above its limit."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.style", description=__doc__.split("\n")[0]
    )
    parser.add_argument("folders", nargs="*", default=FOLDERS, help="below the repository's root")
    parser.add_argument("--places", action="store_true", help="list where")
    options = parser.parse_args(arguments)
    status = 0
    for name, value, limit, places in report(count_folders(list(options.folders))):
        above = value > limit
        status |= above
        print(f"{name}: {value:.1f} (limit {limit:g}){' ABOVE' if above else ''}")
        if options.places or (above and places):
            if options.places:
                shown = places
            else:
                shown = places[:5]
            print("  " + ", ".join(shown))
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main())
