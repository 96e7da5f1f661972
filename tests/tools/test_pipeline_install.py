"""Installing: once, only what is missing, and readable where it cannot go on."""

import ast
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tools import install
from tools.environment import ROOT


@pytest.fixture
def project(tmp_path):
    """A folder with the two files that an installation depends on."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def pretend_installed(project, extras):
    python = install.venv_python(project / ".venv")
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    stamp = {"state": install.state(project), "extras": extras}
    (project / ".venv" / "installed.json").write_text(json.dumps(stamp))


@pytest.fixture
def calls(monkeypatch):
    """The extras of each pip call, none of which runs."""
    made = []
    monkeypatch.setattr(install, "make_venv", lambda venv: venv.mkdir(exist_ok=True))
    monkeypatch.setattr(install, "pip_command", lambda venv, extras, index: made.append(extras))
    monkeypatch.setattr(install, "run_pip", lambda command, root, log: (0, ""))
    return made


def test_a_second_call_does_nothing(project, calls):
    install.install("book", project)
    pretend_installed(project, ["book"])
    install.install("book", project)
    install.install("core", project)
    assert calls == [["book"]]


def test_book_then_test_adds_and_test_then_book_does_nothing(project, calls):
    pretend_installed(project, ["book"])
    install.install("test", project)
    pretend_installed(project, install.GROUPS["test"])
    install.install("book", project)
    assert calls == [["book", "tensorflow", "test", "torch"]]


def test_a_changed_version_installs_again_all_that_was_there(project, calls):
    pretend_installed(project, ["book", "torch"])
    (project / "constraints.txt").write_text("numpy==0.0\n")
    install.install("book", project)
    assert calls == [["book", "torch"]]


def test_groups_are_extras_of_the_package():
    known = install.SPACE.keys() - {"core"}
    assert set(sum(install.GROUPS.values(), [])) <= known
    assert set(install.GROUPS["all"]) == known
    assert not {"torch", "tensorflow"} & set(install.GROUPS["book"])


def test_python_too_old_or_too_new():
    for version in ((3, 10), (2, 7), (3, 14)):
        with pytest.raises(
            install.Failed, match=r"Python 3\.11 to 3\.13 is needed, but /bin/python is Python"
        ):
            install.check_python(version, "/bin/python")
    for minor in (11, 12, 13):
        install.check_python((3, minor), "/bin/python")


def test_old_pythons_can_read_the_installer():
    ast.parse((ROOT / "tools" / "install.py").read_text(), feature_version=(3, 6))


def test_too_little_space_names_both_numbers(tmp_path):
    with pytest.raises(install.Failed, match=r"2\.0 GB are free .* about 5\.8 GB are needed"):
        install.check_space(tmp_path / ".venv", install.GROUPS["test"], free=2.0)
    install.check_space(tmp_path / ".venv", install.GROUPS["book"], free=2.0)


def test_what_is_there_needs_no_space(tmp_path):
    for package, _ in install.SPACE.values():
        (tmp_path / ".venv" / "lib" / "python3.11" / "site-packages" / package).mkdir(parents=True)
    install.check_space(tmp_path / ".venv", install.GROUPS["all"], free=0.01)


FULL = (
    "Collecting torch\nERROR: Could not install packages due to an OSError: [Errno 28] No "
    "space left on device\n"
)
ABSENT = (
    "Collecting numpy\nERROR: Could not find a version that satisfies the requirement arch==99 "
    "(from rnnlib)\nERROR: No matching distribution found for arch==99\n"
)
OFFLINE = (
    "Collecting pooch\nWARNING: Retrying: Failed to establish a new connection: Name or service "
    "not known\nERROR: No matching distribution found for pooch\n"
)
BROKEN = "Collecting nltk\n  error: subprocess-exited-with-error\n"


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (FULL, ["the disk is full", "Free some space"]),
        (ABSENT, ["arch==99 cannot be had", "No matching distribution", "PYTHON=python3.11"]),
        (OFFLINE, ["pooch cannot be had", "does not answer", "Check the network"]),
        (BROKEN, ["pip stopped at nltk", "subprocess-exited-with-error"]),
        ("", ["pip said nothing"]),
    ],
)
def test_what_pip_said_is_explained(log, says):
    assert all(part in install.explain(log) for part in says)


def test_a_disk_that_fills_up_on_the_way(project, monkeypatch, capsys):
    def full(venv):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(install, "make_venv", full)
    assert install.main(["book"], project) == 1
    assert "Installation stopped: the disk is full" in capsys.readouterr().err


def test_a_package_that_cannot_be_had(project):
    """The real pip in a real .venv, cut off from every index."""
    (project / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "install.py", project / "tools")
    cut_off = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(project),
        "PIP_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, "tools/install.py", "core"]
    done = subprocess.run(
        command, cwd=project, env=cut_off, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "Installation stopped: setuptools>=77 cannot be had" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / ".venv" / "installed.json").exists()


def test_an_unknown_group(capsys):
    assert install.main(["everything"]) == 2
    assert "core, book, test, lab, all" in capsys.readouterr().err


def test_an_index_that_does_not_answer_is_left_out_soon():
    with socket.create_server(("localhost", 0)) as silent:
        start = time.monotonic()
        assert not install.reachable(f"http://localhost:{silent.getsockname()[1]}/", seconds=0.2)
        assert time.monotonic() - start < 2


def test_a_name_server_that_does_not_answer_costs_no_more(monkeypatch):
    monkeypatch.setattr(install.urllib.request, "urlopen", lambda url, timeout: time.sleep(5))
    start = time.monotonic()
    assert not install.reachable("http://localhost/", seconds=0.2)
    assert time.monotonic() - start < 2


def test_the_index_of_cpu_builds_is_added_only_where_it_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for answers in (True, False):
        monkeypatch.setattr(install, "reachable", lambda url, answers=answers: answers)
        command = install.pip_command(tmp_path, ["torch"], "https://example.org/cpu")
        assert ("https://example.org/cpu" in command) is answers
        assert "https://example.org/cpu" not in install.pip_command(
            tmp_path, ["book"], "https://example.org/cpu"
        )
    assert "--index-url" not in command  # a reader's own index stays
