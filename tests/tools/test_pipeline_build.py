"""`make book` on a small book: warnings are fatal, again and again, and prose reaches the page
without a run.
"""

import os
import subprocess
import sys

import pytest
from mini_project import make_project, pretend_recorded, write_source

pytest.importorskip("jupyter_book")  # the extra that builds pages

CONFIG = """title: Small
author: Nobody
only_build_toc_files: true
exclude_patterns: [_build, "notebooks/*.md"]
execute: {execute_notebooks: "off"}
html: {use_issues_button: false, use_repository_button: false}
"""
CHAPTER = ("# Chapter\n\n$$x = 1$$ (one)", ("print(1)",), "As {eq}`one` says.")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("project"))
    (project / "constraints.txt").write_text("")
    (project / "_config.yml").write_text(CONFIG)
    (project / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters: [{file: notebooks/chapter}, {file: "
        "book/after}]\n"
    )
    (project / "book").mkdir()
    (project / "book" / "index.md").write_text("# Start\n")
    (project / "book" / "after.md").write_text("# After\n\nSee {eq}`one`.\n")
    pretend_recorded(write_source(project, "chapter", *CHAPTER), "one line of output\n")
    return project


def build(project):
    """(exit status, what it said) of the build in a process of its own:
    Sphinx compares settings across processes.
    """
    command = [sys.executable, "-m", "tools.build"]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def page(project):
    return (project / "_build" / "html" / "notebooks" / "chapter.html").read_text(encoding="utf-8")


def test_a_sound_book_builds(project):
    status, said = build(project)
    assert status == 0, said
    assert (project / "_build" / "html" / "index.html").as_uri() in said
    assert "one line of output" in page(project)


def test_a_broken_reference_is_fatal_each_time(project):
    write_source(
        project, "chapter", "# Chapter\n\n$$x = 1$$ (uno)", CHAPTER[1], "As {role}`uno` says."
    )
    for _ in range(2):  # a second run must not find that nothing changed
        status, said = build(project)
        assert status == 1, said
        assert "after.md" in said  # which was not edited, but refers to what is gone
        assert "equation not found: one" in said
        assert 'Unknown interpreted text role "role"' in said


def test_prose_reaches_the_page_without_a_run(project):
    write_source(project, "chapter", *CHAPTER, "One sentence more.")
    status, said = build(project)
    assert status == 0, said
    assert "One sentence more." in page(project)
    # it was never run: `print(1)` prints something else
    assert "one line of output" in page(project)


def test_edited_code_demands_a_recording(project):
    write_source(project, "chapter", CHAPTER[0], ("print(2)",), CHAPTER[2])
    status, said = build(project)
    assert status == 1
    assert "make record CH=chapter" in said
