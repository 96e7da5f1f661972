"""`make record`: what it writes, what it refuses, and that a refusal leaves the old recording as
it was.
"""

import os

import pytest
from mini_project import change, make_project, pretend_recorded, write_source

from rnnlib.data import datasets
from tools import chapters, processor, record


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "available", lambda name: name == "here")
    return make_project(tmp_path)


def test_recording_twice_gives_the_same_bytes(project):
    source = write_source(
        project, "good", "# Good", ("print(1 + 1)",), ("2 / 3", "needs-here", "raises-exception")
    )
    record.record(source, project)
    recorded = source.with_suffix(".ipynb")
    first = recorded.read_bytes()
    record.record(source, project)
    assert recorded.read_bytes() == first
    assert chapters.why_due(source) is None
    cells = chapters.code(chapters.read_recorded(recorded))
    assert cells[0].outputs[0].text == "2\n"
    assert cells[1].outputs[0].data["text/plain"] == "0.6666666666666666"
    about = chapters.read_recorded(recorded).metadata["rnnlib"]
    assert about["files"] == {}  # it ran nothing of the package
    assert about["processor"] == processor.describe()
    assert {"python", "numpy"} <= set(about["versions"])


def test_what_a_library_writes_past_python_is_not_output(project, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # kernels would behave better than usual
    source = write_source(
        project, "chapter", ("import os\n\n_ = os.write(2, b'hello from a library')",)
    )
    record.record(source, project)
    assert chapters.code(chapters.read_recorded(source.with_suffix(".ipynb")))[0].outputs == []


def test_data_are_found_quietly_in_a_notebook_without_widgets(project):
    hide = "import sys\n\nsys.modules['ipywidgets'] = None"
    look = (
        "from rnnlib.data import datasets\n\ndatasets.available('fsdd')\n"
        "_ = datasets._pooch().os_cache"
    )
    source = write_source(project, "chapter", (hide,), (look,))
    record.record(source, project)  # refuses what goes to stderr


REFUSED = {
    "a cell raises": (("1 / 0",), "ZeroDivisionError"),
    "a check cell fails": (("assert 1 == 2", "hide-input"), "AssertionError"),
    "a cell whose data is here raises": (
        ("1 / 0", "needs-here", "raises-exception"),
        "ZeroDivisionError",
    ),
    "stderr": (("import warnings; warnings.warn('old')",), "wrote to stderr"),
    "a widget": (
        ("display({'application/vnd.jupyter.widget-view+json': {}}, raw=True)",),
        "widget",
    ),
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
        record.record(source, project)
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


def test_a_chapter_ages_by_what_it_ran_and_read(project, monkeypatch):
    package = project / "rnnlib"
    for name in ("used", "shown", "other"):
        (package / f"{name}.py").write_text(f"NAME = {name!r}\n")
    (package / "results.json").write_text("[1]")
    monkeypatch.setenv("PYTHONPATH", str(project))
    cells = (
        ("from rnnlib import used",),
        ("from pathlib import Path\n\nfolder = Path(used.__file__).parent",),
        ("print((folder / 'shown.py').read_text(), (folder / 'results.json').read_text())",),
        ("print([name for name in dir() if not name.startswith('_')])",),
    )
    source = write_source(project, "chapter", *cells)
    record.record(source, project)
    recorded = chapters.read_recorded(source.with_suffix(".ipynb"))
    names = ["__init__.py", "results.json", "shown.py", "used.py"]
    assert sorted(recorded.metadata["rnnlib"]["files"]) == [f"rnnlib/{name}" for name in names]
    ran = chapters.code(recorded)
    assert "opened" not in ran[3].outputs[0].text  # the names of the cells are theirs alone
    assert [cell.execution_count for cell in ran] == [1, 2, 3, 4]
    assert record.why_stale(source, project) is None
    (package / "other.py").write_text("NAME = 1\n")
    assert record.why_stale(source, project) is None
    for name in ("used.py", "shown.py", "results.json"):
        before = (package / name).read_bytes()
        (package / name).write_text("[2]\n")
        assert record.why_stale(source, project) == f"ran with another rnnlib/{name}"
        (package / name).write_bytes(before.replace(b"\n", b"\r\n"))
        assert record.why_stale(source, project) is None
    (package / "used.py").unlink()
    assert record.why_stale(source, project) == "ran with another rnnlib/used.py"


def test_a_recording_that_does_not_say_what_it_ran_has_aged(project, capsys):
    source = write_source(project, "chapter", ("print(1)",))
    recorded = pretend_recorded(source, "1\n")
    assert record.why_stale(source, project) is None

    def of_an_earlier_kind(notebook):
        notebook.metadata["rnnlib"]["library"] = "0" * 64
        del notebook.metadata["rnnlib"]["files"]

    change(recorded, of_an_earlier_kind)
    assert chapters.why_due(source) is None  # what it shows is still what was run
    assert record.why_stale(source, project) == "does not say which files of rnnlib it ran"
    assert record.main(["--stale"], project) == 0
    assert "[1/1] chapter (does not say which files" in capsys.readouterr().out
    assert record.main(["--stale"], project) == 0
    assert "0 of 0 chapters recorded" in capsys.readouterr().out


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
    project = make_project(tmp_path)
    source = write_source(project, "chapter", ("1", "needs-sunspost", "raises-exception"))
    with pytest.raises(record.Refused, match="sunspots"):
        record.record(source, project)
