"""What a test run says of a chapter in which each cell holds a fault, or none."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from mini_project import make_project, pretend_recorded, write_source

import conftest
from tools import environment

# code, tags, what is recorded, how the cell must fare
CELLS = [
    ("print(1 + 1)", [], "2\n", "PASSED"),
    ("print(0.125)", [], "0.126\n", "FAILED"),  # a changed digit
    ("assert 1 == 2", ["hide-input"], "", "FAILED"),  # a check cell
    ("print(3)", ["needs-elsewhere", "raises-exception"], "3\n", "SKIPPED"),
    ("print(4)", ["needs-here", "raises-exception"], "4\n", "PASSED"),
    ("print(5)", ["needs-here", "raises-exception"], "6\n", "FAILED"),
    ("1 / 0", ["needs-here", "raises-exception", "nbval-ignore-output"], "", "FAILED"),
    ("import sys; print('old', file=sys.stderr)", [], "", "FAILED"),
    ("import os; _ = os.write(2, b'from a library')", [], "", "PASSED"),
    ("print(id(object()))", ["nbval-ignore-output"], "1\n", "PASSED"),
    ("print('at 0x7f')", [], "at 0x8a\n", "PASSED"),  # an address says nothing
    ("import os; print(os.environ['OMP_NUM_THREADS'])", [], "1\n", "PASSED"),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """The output of one test run over a chapter made of CELLS."""
    project = make_project(tmp_path_factory.mktemp("project"))
    source = write_source(project, "chapter", *[(code, *tags) for code, tags, _, _ in CELLS])
    pretend_recorded(source, *[printed for _, _, printed, _ in CELLS])
    command = [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "notebooks"]
    environment = {**os.environ, "COLUMNS": "150", "PYTHONPATH": str(project)}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("number", range(len(CELLS)))
def test_each_cell_fares_as_it_must(said, number):
    assert re.search(rf"::Cell {number} {CELLS[number][3]}", said), said


def test_the_run_says_why(said):
    assert "0.126" in said
    assert "data set elsewhere is not here: make data" in said
    assert "ZeroDivisionError" in said
    assert re.search(r"not compared: 1 of 8", said), said
    fates = [fate for *_, fate in CELLS]
    assert f"{fates.count('FAILED')} failed, {fates.count('PASSED')} passed, 1 skipped" in said


def test_a_misspelt_data_set_stops_the_run():
    cell = SimpleNamespace(nodeid="notebooks/chapter.ipynb::Cell 0")
    with pytest.raises(pytest.UsageError, match="Cell 0: unknown data set 'sunspost'.* 'sunspots'"):
        conftest.prepare_cell(cell, ["needs-sunspost", "raises-exception"])


@pytest.mark.parametrize("promised", [True, False])
def test_digits_are_compared_where_they_are_promised(monkeypatch, promised):
    monkeypatch.setattr(environment, "promised", lambda: promised)
    config = SimpleNamespace(option=SimpleNamespace(nbval_lax=False))
    conftest.pytest_configure(config)
    assert config.option.nbval_lax is not promised


def test_where_digits_are_promised(monkeypatch):
    def here(system, machine, version):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(environment.platform, "machine", lambda: machine)
        monkeypatch.setattr(sys, "version_info", version)
        return environment.promised()

    assert here("linux", "x86_64", (3, 11, 7))
    assert not here("linux", "x86_64", (3, 12, 1))
    assert not here("linux", "aarch64", (3, 11, 7))
    assert not here("darwin", "x86_64", (3, 11, 7))
