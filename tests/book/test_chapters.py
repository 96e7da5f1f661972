"""What holds for every chapter, besides that it runs:
recorded, readable, honest about absent data.
"""

import ast
import builtins

import pytest

from rnnlib.data import catalog
from tools import chapters
from tools.environment import ROOT

FOLDER = ROOT / "notebooks"
SOURCES = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("*.md"))]
each = pytest.mark.parametrize("source", SOURCES)


@each
def test_recorded_as_it_stands(source):
    reason = chapters.why_due(source)
    assert reason is None, f"{source.name} {reason}. Run: make record CH={source.stem}"


@each
def test_prose_is_the_same_in_both_files(source):
    if not source.with_suffix(".ipynb").exists():
        pytest.skip("never recorded")
    text, recorded = (
        chapters.read_source(source),
        chapters.read_recorded(source.with_suffix(".ipynb")),
    )
    prose = [
        [c.source for c in notebook.cells if c.cell_type == "markdown"]
        for notebook in (text, recorded)
    ]
    assert prose[0] == prose[1], (
        "an edit of prose waits for `make book` to bring it into the notebook"
    )


@each
def test_text_is_as_jupytext_saves_it(source):
    assert chapters.canonical(source) == source.read_text(encoding="utf-8"), (
        "make record rewrites it"
    )
    assert "data:image" not in source.read_text(encoding="utf-8")


@each
def test_no_cell_is_too_long(source):
    cells = chapters.code(chapters.read_source(source))
    lengths = {number: cell.source.count("\n") + 1 for number, cell in enumerate(cells)}
    assert {n: lines for n, lines in lengths.items() if lines > chapters.LONGEST_CELL} == {}


@each
def test_tags_for_absent_data(source):
    notebook = chapters.read_source(source)
    for cell in chapters.code(notebook):
        tags = chapters.tags(cell)
        needs = any(tag.startswith("needs-") for tag in tags)
        assert needs == ("raises-exception" in tags), chapters.summary(cell.source)
    assert set(chapters.data_sets(notebook)) <= set(catalog.REGISTRY)


def names(source, kind):
    """Names a cell stores or loads at any depth."""
    tree = ast.parse(source)
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}
    if kind is ast.Store:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, ast.arg):
                found.add(node.arg)
    return found


def depends_on_absent_data(cells):
    """(cell, names) of untagged cells that use a name only cells with `needs-` tags give."""
    always, found = set(dir(builtins)), []
    sometimes = set()
    for cell in cells:
        if any(tag.startswith("needs-") for tag in chapters.tags(cell)):
            sometimes |= names(cell.source, ast.Store)
            continue
        always |= names(cell.source, ast.Store)
        missing = (names(cell.source, ast.Load) & sometimes) - always
        if missing:
            found.append((chapters.summary(cell.source), sorted(missing)))
    return found


@each
def test_no_untagged_cell_depends_on_data_that_may_be_absent(source):
    assert depends_on_absent_data(chapters.code(chapters.read_source(source))) == []


def test_the_rule_for_absent_data_finds_a_planted_fault():
    def cell(source, *tags):
        return chapters.nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})

    first = cell("a = 1\nb = load()", "needs-ptb", "raises-exception")
    assert depends_on_absent_data([first, cell("a = 2"), cell("print(a)")]) == []
    assert depends_on_absent_data([first, cell("print(b)", "needs-ptb", "raises-exception")]) == []
    assert depends_on_absent_data([first, cell("print(b)")]) == [("'print(b)'", ["b"])]


def test_most_text_outputs_are_compared():
    shown, ignored = chapters.share_ignored(FOLDER)
    print(f"{ignored} of {shown} cells with text output are tagged nbval-ignore-output")
    assert ignored <= shown / 5


def test_notebooks_stay_small():
    size = sum(path.stat().st_size for path in FOLDER.glob("*.ipynb"))
    assert size < 15e6, f"notebooks/*.ipynb take {size / 1e6:.1f} MB"
