"""`make book` on a small book: warnings are fatal, again and again, and prose reaches the page without a run."""

import os
import subprocess
import sys

import pytest
from mini_project import make_project, pretend_recorded, write_source

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
        "format: jb-book\nroot: book/index\nchapters: [{file: notebooks/chapter}]\n"
    )
    (project / "book").mkdir()
    (project / "book" / "index.md").write_text("# Start\n")
    pretend_recorded(write_source(project, "chapter", *CHAPTER), "one line of output\n")
    return project


def build(project):
    """(exit status, what it said) of `python -m tools.build`."""
    command = [sys.executable, "-m", "tools.build"]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def page(project):
    return (project / "_build" / "html" / "notebooks" / "chapter.html").read_text(encoding="utf-8")


def test_faults_stop_the_build_and_prose_does_not(project):
    status, said = build(project)
    assert status == 0, said
    assert (project / "_build" / "html" / "index.html").as_uri() in said
    assert "one line of output" in page(project)

    write_source(project, "chapter", *CHAPTER, "Also {eq}`two`.")
    for _ in range(2):  # a second run must not find that nothing changed
        status, said = build(project)
        assert status == 1, said
        assert "equation not found: two" in said

    write_source(project, "chapter", *CHAPTER, "One sentence more.")
    status, said = build(project)
    assert status == 0, said
    assert "One sentence more." in page(project)
    assert "one line of output" in page(project)  # it was never run: `print(1)` prints something else

    (project / "book" / "index.md").write_text("# Start\n\nSee {eq}`one`.\n")
    status, said = build(project)
    assert status == 0, said
    write_source(project, "chapter", "# Chapter\n\n$$x = 1$$ (uno)", CHAPTER[1], "As {eq}`uno` says.")
    status, said = build(project)  # the page with the broken reference was not edited itself
    assert status == 1, said
    assert "equation not found: one" in said

    write_source(project, "chapter", CHAPTER[0], ("print(2)",), CHAPTER[2])
    status, said = build(project)
    assert status == 1
    assert "make record CH=chapter" in said
