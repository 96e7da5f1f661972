"""Write book/architecture.md, the map of the package, from the docstrings of its rooms and modules.

    python -m tools.map_page

A test compares the page with the docstrings, so run this after every new module.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "book/architecture.md"
ROOMS = [
    "core",
    "display",
    "metrics",
    "speech",
    "data",
    "training",
    "text",
    "forecasting",
    "ref",
    "pt",
    "tf",
]
ROOMS += ["experiments"]
HEAD = """\
# The map of the package

`rnnlib` has rooms by subject. A room imports only rooms that stand above it on this page, never one
below; a test reads the sources and says so. Each public name has one address: what both frameworks
have is `rnn.NAME` after `import rnnlib.pt as rnn` or `import rnnlib.tf as rnn`; everything else is
`rnnlib.ROOM.NAME`, as the room's `__all__` lists it. The modules inside a room are its own affair.
Inside the package, a module imports from the module where a thing is defined, never from a room.

This page is made from the docstrings: `python -m tools.map_page`.

## Where does X go?

"""
PLACES = {  # a new thing -> where it goes
    "a cell": "a row in `rnnlib/core/cells.py`, and a file in `rnnlib/ref/cells/`, "
    "`rnnlib/pt/cells/` and `rnnlib/tf/cells/`, the last two with the same outline",
    "a layer, a model, a loss": "the same file in `rnnlib/pt/` and in `rnnlib/tf/`, in `layers/`, "
    "`models/` or `training/`; its name in both `__init__.py`",
    "a data set": "its entry and its loader in `rnnlib/data/catalog/`, in the file of its subject",
    "a task with made data": "`rnnlib/data/synthetic.py`",
    "a metric": "`rnnlib/metrics/`, in the file of its subject; a test of a difference in "
    "`significance.py`",
    "a forecaster": "`rnnlib/forecasting/`: a child of `BaseForecaster` in `naive.py`, "
    "`statistical.py`, `linear.py` or `neural.py`",
    "a tokenizer, a classifier of texts": "`rnnlib/text/`",
    "a chapter": "`notebooks/NAME.md`, recorded as `NAME.ipynb`, and a line in `_toc.yml`",
    "a study, the long runs of a chapter": "a folder in `rnnlib/experiments/`",
    "a test": "`tests/`, in the folder of its room",
}


def table(places):
    """A Markdown table of {thing: its place}."""
    rows = ["| X | Where |", "|---|---|"]
    rows += [f"| {thing} | {place} |" for thing, place in places.items()]
    return "\n".join(rows) + "\n"


def first_sentences(path):
    """The first paragraph of a module's docstring, without the pointer to its twin."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.split("  Mirror:")[0].split(" Mirror:")[0].strip()


def entries(folder, depth=0):
    """Lines of the modules below a folder, folders with theirs."""
    lines = []
    for path in sorted(folder.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        indent = "  " * depth
        if path.suffix == ".py" and path.name != "__init__.py":
            lines.append(f"{indent}- `{path.name}`: {first_sentences(path)}")
        elif (path / "__init__.py").is_file():
            lines.append(f"{indent}- `{path.name}/`: {first_sentences(path / '__init__.py')}")
            lines += entries(path, depth + 1)
    return lines


def page(package=ROOT / "rnnlib"):
    """The whole page."""
    parts = [HEAD + table(PLACES)]
    for room in ROOMS:
        folder = package / room
        if not (folder / "__init__.py").is_file():
            continue
        parts.append(f"## `rnnlib/{room}/`\n\n{first_sentences(folder / '__init__.py')}\n")
        if room == "tf":
            parts.append("The same files as `rnnlib/pt/`.\n")
            continue
        parts.append("\n".join(entries(folder)) + "\n")
    return "\n".join(parts)


def main():
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
