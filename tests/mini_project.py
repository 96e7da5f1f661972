"""A small project in a temporary folder, with the real tools, in which faults are planted."""

import shutil

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import chapters
from tools.environment import ROOT

HEADER = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def make_project(folder):
    """Copy the tools and the test set-up; a package that knows the data set `here` and no other."""
    for name in ("pyproject.toml", "jupytext.toml", "conftest.py", "tests/sanitize.cfg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "notebooks").mkdir()
    for room in ("rnnlib", "rnnlib/core", "rnnlib/data"):
        (folder / room).mkdir()
        (folder / room / "__init__.py").write_text("")
    for name in ("files.py", "errors.py"):  # what the tools write with
        shutil.copy(ROOT / "rnnlib/core" / name, folder / "rnnlib/core" / name)
    (folder / "rnnlib" / "data" / "datasets.py").write_text(
        "def available(name):\n    return name == 'here'\n"
    )
    return folder


def write_source(project, name, *cells):
    """Write notebooks/NAME.md; a cell is prose, or (code, tag, ...). Returns its path."""
    path = project / "notebooks" / f"{name}.md"
    parts = [HEADER]
    for cell in cells:
        if isinstance(cell, str):
            parts.append(cell)
        else:
            source, *tags = cell
            marked = f":tags: [{', '.join(tags)}]\n\n" if tags else ""
            parts.append(f"```{{code-cell}} ipython3\n{marked}{source}\n```")
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    path.write_text(chapters.canonical(path), encoding="utf-8")
    return path


def pretend_recorded(source, *printed):
    """Write NAME.ipynb as `make record` would, had each code cell printed the given text."""
    notebook = chapters.read_source(source)
    ran = new_notebook()
    for number, (cell, text) in enumerate(zip(chapters.code(notebook), printed, strict=True), 1):
        outputs = [new_output("stream", name="stdout", text=text)] if text else []
        ran.cells.append(
            new_code_cell(
                cell.source, metadata=cell.metadata, execution_count=number, outputs=outputs
            )
        )
    about = {"rnnlib": {"files": {}, "outputs": chapters.outputs_digest(ran), "versions": {}}}
    text = chapters.assemble(notebook, ran, about)
    source.with_suffix(".ipynb").write_text(text, encoding="utf-8")
    return source.with_suffix(".ipynb")


def change(path, edit):
    """Change a notebook file in place: `edit(notebook)` does it."""
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)
