"""`make record`: what it writes, what it refuses, and that a refusal leaves the old recording as it was."""

import os

import pytest
from mini_project import make_project, pretend_recorded, write_source

from rnnlib import datasets
from tools import chapters, processor, record


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "available", lambda name: name == "here")
    return make_project(tmp_path)


def test_recording_twice_gives_the_same_bytes(project):
    source = write_source(
        project, "good", "# Good", ("print(1 + 1)",), ("2 / 3", "needs-here", "raises-exception")
    )
    record.record(source, "a" * 64)
    recorded = source.with_suffix(".ipynb")
    first = recorded.read_bytes()
    record.record(source, "a" * 64)
    assert recorded.read_bytes() == first
    assert chapters.why_due(source) is None
    cells = chapters.code(chapters.read_recorded(recorded))
    assert cells[0].outputs[0].text == "2\n"
    assert cells[1].outputs[0].data["text/plain"] == "0.6666666666666666"
    about = chapters.read_recorded(recorded).metadata["rnnlib"]
    assert about["library"] == "a" * 64
    assert about["processor"] == processor.describe()
    assert {"python", "numpy"} <= set(about["versions"])


def test_what_a_library_writes_past_python_is_not_output(project, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # kernels would behave better than usual
    source = write_source(project, "chapter", ("import os\n\n_ = os.write(2, b'hello from a library')",))
    record.record(source, "a" * 64)
    assert chapters.code(chapters.read_recorded(source.with_suffix(".ipynb")))[0].outputs == []


def test_data_are_found_quietly_in_a_notebook_without_widgets(project):
    hide = "import sys\n\nsys.modules['ipywidgets'] = None"
    look = "from rnnlib import datasets\n\ndatasets.available('fsdd')\n_ = datasets._pooch().os_cache"
    source = write_source(project, "chapter", (hide,), (look,))
    record.record(source, "a" * 64)  # refuses what goes to stderr


REFUSED = {
    "a cell raises": (("1 / 0",), "ZeroDivisionError"),
    "a check cell fails": (("assert 1 == 2", "hide-input"), "AssertionError"),
    "a cell whose data is here raises": (("1 / 0", "needs-here", "raises-exception"), "ZeroDivisionError"),
    "stderr": (("import warnings; warnings.warn('old')",), "wrote to stderr"),
    "a widget": (("display({'application/vnd.jupyter.widget-view+json': {}}, raw=True)",), "widget"),
    "a data set is absent": (("1", "needs-elsewhere", "raises-exception"), "elsewhere"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_and_untouched(project, fault):
    cell, says = REFUSED[fault]
    source = write_source(project, "chapter", ("print(1)",))
    recorded = pretend_recorded(source, "1\n")
    before = recorded.read_bytes()
    write_source(project, "chapter", ("print(1)",), cell)
    with pytest.raises(record.Refused, match=says):
        record.record(source, "a" * 64)
    assert recorded.read_bytes() == before
    assert sorted(path.name for path in source.parent.iterdir()) == ["chapter.ipynb", "chapter.md"]


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text("old")
    monkeypatch.setattr(
        os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space left"):
        chapters.write_atomically(path, "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.ipynb", "old")]


def test_a_change_of_the_library_ages_a_recording(project):
    source = write_source(project, "chapter", ("print(1)",))
    recorded = pretend_recorded(source, "1\n")
    before = chapters.library_digest(project)
    recorded.write_text(recorded.read_text().replace("0" * 64, before))
    assert not record.aged(source, before)
    (project / "rnnlib" / "__init__.py").write_text("x = 1\n")
    assert record.aged(source, chapters.library_digest(project))


def test_names_of_chapters(project):
    write_source(project, "one", "# One")
    write_source(project, "two", "# Two")
    folder = project / "notebooks"
    chosen = record.choose(["notebooks/two.md", "one", "two.ipynb"], folder)
    assert [path.name for path in chosen] == ["two.md", "one.md", "two.md"]
    assert [path.name for path in record.choose([], folder)] == ["one.md", "two.md"]
    with pytest.raises(SystemExit, match="no chapter three; there are: one, two"):
        record.choose(["three"], folder)


def test_a_data_set_that_nobody_knows(tmp_path):
    source = write_source(make_project(tmp_path), "chapter", ("1", "needs-sunspost", "raises-exception"))
    with pytest.raises(record.Refused, match="sunspots"):
        record.record(source, "a" * 64)
