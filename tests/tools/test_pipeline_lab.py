"""A chapter opens in JupyterLab as a notebook, with its outputs, and saves as the same pair."""

import json
import os

import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class
from mini_project import make_project, pretend_recorded, write_source

from tools import chapters, lab
from tools.environment import ROOT

CELLS = ("# Title\n\nOne.", ("print(1)",), "Two.", ("print(2)", "hide-input"))


@pytest.fixture
def chapter(tmp_path):
    project = make_project(tmp_path)
    source = write_source(project, "chapter", *CELLS)
    pretend_recorded(source, "1\n", "2\n")
    return source


def test_the_header_is_the_one_jupyterlab_writes(chapter):
    """Seen in JupyterLab 4: it sets these three, in this order, when a kernel starts."""
    header = (
        "kernelspec:\n  name: python3\n  display_name: Python 3 (ipykernel)\n  language: "
        "python\n---\n"
    )
    assert header in chapter.read_text()


def contents(chapter):
    """What JupyterLab reads and writes files through, in a server just started."""
    manager = build_sync_jupytext_contents_manager_class(LargeFileManager)
    return manager(root_dir=str(chapter.parents[1]))


def save(manager, path, notebook):
    manager.save({"type": "notebook", "format": "json", "content": notebook}, path)


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
@pytest.mark.parametrize("older", [".md", ".ipynb"])
def test_a_fresh_clone_opens_and_saves_unchanged(chapter, suffix, older):
    os.utime(chapter.with_suffix(older), (1e9, 1e9))  # git gives files any time
    before = [chapter.with_suffix(s).read_bytes() for s in (".md", ".ipynb")]
    manager, path = contents(chapter), f"notebooks/chapter{suffix}"
    notebook = manager.get(path, type="notebook", content=True)["content"]
    assert [c.outputs[0].text for c in chapters.code(notebook)] == ["1\n", "2\n"]
    save(manager, path, notebook)
    assert [chapter.with_suffix(s).read_bytes() for s in (".md", ".ipynb")] == before
    assert chapters.why_due(chapter) is None


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
def test_an_edit_of_the_text_shows_in_the_notebook(chapter, suffix):
    write_source(chapter.parents[1], "chapter", "# Title\n\nOne and a half.", *CELLS[1:])
    manager, path = contents(chapter), f"notebooks/chapter{suffix}"
    notebook = manager.get(path, type="notebook", content=True)["content"]
    assert "One and a half." in notebook.cells[0].source
    assert [c.outputs[0].text for c in chapters.code(notebook)] == ["1\n", "2\n"]
    save(manager, path, notebook)
    assert chapters.why_due(chapter) is None


def test_a_cell_edited_and_run_there_is_seen_as_unrecorded(chapter):
    manager = contents(chapter)
    notebook = manager.get("notebooks/chapter.md", type="notebook", content=True)["content"]
    notebook.cells[1].source = "print(7)"
    notebook.cells[1].outputs[0].text = "7\n"
    save(manager, "notebooks/chapter.md", notebook)
    assert "print(7)" in chapter.read_text()
    assert "make record` did not write" in chapters.why_due(chapter)


def test_other_text_files_are_not_paired(chapter):
    readme = chapter.parents[1] / "README.md"
    readme.write_text("# Read me\n")
    manager = contents(chapter)
    save(manager, "README.md", manager.get("README.md", type="notebook", content=True)["content"])
    assert not readme.with_suffix(".ipynb").exists()


def test_md_files_open_as_notebooks_by_a_double_click(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "elsewhere")
    first, second = lab.environment()["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert second == "elsewhere"
    assert first == str(ROOT / "tools" / "jupyter")
    text = (ROOT / "tools/jupyter/labconfig/default_setting_overrides.json").read_text()
    viewers = json.loads(text)["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]
    assert viewers["markdown"] == "Jupytext Notebook"
