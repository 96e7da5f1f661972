"""The workflows run what exists and what README promises; the sources are as ruff wants them."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
import yaml

from tools.environment import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WORKFLOWS = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in FILES}
JOBS = [
    pytest.param(job, id=f"{name}:{title}")
    for name, workflow in WORKFLOWS.items()
    for title, job in workflow["jobs"].items()
]


def lines(job):
    """Every line that a job runs."""
    commands = [step.get("run", "") for step in job["steps"]]
    return [line.strip() for command in commands for line in command.splitlines()]


def missing(line, targets):
    """The `make` targets and `python -m` modules in a command line that do not exist."""
    names = []
    for arguments in re.findall(r"(?:^|&& |; )make ([^&;|]*)", line):
        names += [word for word in arguments.split() if "=" not in word and word not in targets]
    for module in re.findall(r"python(?:3)? (?:-W \w+ )?-m ([\w.]+)", line):
        if find_spec(module) is None:
            names.append(module)
    return names


def targets():
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


@pytest.mark.parametrize("job", JOBS)
def test_what_a_job_runs_exists(job):
    assert [name for line in lines(job) for name in missing(line, targets())] == []
    for step in job["steps"]:
        action = step.get("uses", "")
        assert not action.startswith("./") or (ROOT / action / "action.yml").exists(), action


def test_the_check_sees_what_does_not_exist():
    assert missing("make tests", {"test"}) == ["tests"]
    assert missing("cd x && make TESTS=tests test; make bok", {"test"}) == ["bok"]
    assert missing("python -m tools.bild", set()) == ["tools.bild"]
    assert missing("python -m tools.build", set()) == []


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_limit_of_time(job):
    assert 0 < job["timeout-minutes"] <= 60


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_and_no_more(name):
    """Whoever needs more asks for it in the one job that does."""
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow["concurrency"]) == {"group", "cancel-in-progress"}


def test_windows_does_what_the_readme_says():
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.split("## Without make")[1].split("\n## ")[0]
    told = [line.split("  #")[0].strip() for line in re.findall(r"^    (\S.*)$", section, re.M)]
    done = [line for line in lines(WORKFLOWS["tests.yml"]["jobs"]["windows"]) if "$PS" not in line]
    assert len(done) == 5
    for line, promised in zip(done, told, strict=False):
        assert line.removesuffix(" tests") == promised


@pytest.mark.skipif(not (find_spec("ruff") or shutil.which("ruff")), reason="ruff is not installed")
@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(arguments):
    """Of the Python in README.md, too."""
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
