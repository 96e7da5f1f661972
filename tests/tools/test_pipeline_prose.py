"""Prose is free, code is not: which edits of NAME.md reach NAME.ipynb without a run, and which
stop the build.
"""

import pytest
from mini_project import change, make_project, pretend_recorded, write_source

from tools import build, chapters, record


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(record, "NotebookClient", refuse)


CELLS = ("# Title\n\nOne.", ("print(1)",), "Two.", ("print(2)", "hide-input"))


def recorded_chapter(project):
    source = write_source(project, "chapter", *CELLS)
    return source, pretend_recorded(source, "1\n", "2\n")


PROSE = {
    "a word": ("# Title\n\nOne and a half.", CELLS[1], "Two.", CELLS[3]),
    "a paragraph more": (*CELLS[:3], "Three.", CELLS[3], "Four."),
    "a paragraph less": (CELLS[1], CELLS[3]),
    "no change": CELLS,
}


@pytest.mark.parametrize("edit", PROSE)
def test_prose_reaches_the_notebook_without_a_run(project, edit):
    source, recorded = recorded_chapter(project)
    before = chapters.read_recorded(recorded)
    write_source(project, "chapter", *PROSE[edit])
    assert chapters.why_due(source) is None
    assert build.bring_prose([source]) == []
    after = chapters.read_recorded(recorded)
    prose = [c.source for c in after.cells if c.cell_type == "markdown"]
    assert prose == [
        c.source for c in chapters.read_source(source).cells if c.cell_type == "markdown"
    ]
    assert [c.outputs for c in chapters.code(after)] == [c.outputs for c in chapters.code(before)]
    assert after.metadata == before.metadata
    assert chapters.why_due(source) is None
    assert chapters.refresh_prose(source) is False  # nothing left to do


def test_an_inserted_paragraph_changes_no_other_cell(project):
    def ids(path):
        return {cell.source: cell.id for cell in chapters.read_recorded(path).cells}

    source = write_source(project, "chapter", *CELLS[1:])
    recorded = pretend_recorded(source, "1\n", "2\n")
    before = ids(recorded)
    write_source(project, "chapter", "New.", *CELLS[1:])
    chapters.refresh_prose(source)
    after = ids(recorded)
    assert after.keys() - before.keys() == {"New."}
    assert {text: after[text] for text in before} == before


def test_equal_cells_have_ids_of_their_own(project):
    source = write_source(project, "chapter", ("print(1)",), ("print(1)",))
    cells = chapters.read_recorded(pretend_recorded(source, "1\n", "1\n")).cells
    assert cells[0].id != cells[1].id


CODE = {
    "an edited cell": (
        (*CELLS[:3], ("print(3)", "hide-input")),
        "edited code cell, number 1: 'print(3)'",
    ),
    "an edited tag": ((*CELLS[:3], ("print(2)",)), "edited code cell, number 1"),
    "a cell more": ((*CELLS, ("print(3)",)), "has 3 code cells, but 2 are recorded"),
    "a cell less": (CELLS[:3], "has 1 code cells, but 2 are recorded"),
    "cells that changed places": ((CELLS[3], CELLS[1]), "edited code cell, number 0"),
}


@pytest.mark.parametrize("edit", CODE)
def test_an_edited_cell_demands_a_recording(project, edit):
    cells, says = CODE[edit]
    source, recorded = recorded_chapter(project)
    before = recorded.read_bytes()
    write_source(project, "chapter", *cells)
    (problem,) = build.bring_prose([source])
    assert says in problem
    assert "make record CH=chapter" in problem
    assert recorded.read_bytes() == before


def test_a_chapter_that_was_never_recorded(project):
    source = write_source(project, "chapter", *CELLS)
    assert build.bring_prose([source]) == [
        "chapter.md was never recorded. Run: make record CH=chapter"
    ]


def edited_output(notebook):
    notebook.cells[1].outputs[0].text = "7\n"


def emptied_output(notebook):
    notebook.cells[1].outputs = []


def unrun(notebook):
    notebook.cells[1].execution_count = None  # nbval would not compare it
    notebook.cells[1].outputs = []


def run_again_elsewhere(notebook):
    notebook.cells[1].execution_count = 5


def no_digest(notebook):
    del notebook.metadata["rnnlib"]


def code_edited_in_both(notebook):
    notebook.cells[1].source = "print(2 - 1)"


FORGERIES = [edited_output, emptied_output, unrun, run_again_elsewhere, no_digest]


@pytest.mark.parametrize("forge", FORGERIES)
def test_outputs_that_record_did_not_write(project, forge):
    source, recorded = recorded_chapter(project)
    change(recorded, forge)
    (problem,) = build.bring_prose([source])
    assert "outputs that `make record` did not write" in problem


def test_code_edited_by_hand_in_both_files(project):
    source, recorded = recorded_chapter(project)
    change(recorded, code_edited_in_both)
    write_source(project, "chapter", CELLS[0], ("print(2 - 1)",), *CELLS[2:])
    (problem,) = build.bring_prose([source])
    assert "outputs that `make record` did not write" in problem


def test_the_share_of_outputs_not_compared(project):
    source = write_source(
        project, "chapter", ("print(1)",), ("print(2)", "nbval-ignore-output"), ("x = 1",)
    )
    pretend_recorded(source, "1\n", "2\n", "")
    assert chapters.share_ignored(project / "notebooks") == (2, 1)
