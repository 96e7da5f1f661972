"""Rules of the house that a machine can check: chapters, pins, README, Makefile, what text files
may say.
"""

import re
import subprocess
import tomllib
from functools import cache
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import build
from tools.environment import ROOT

LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^+;\s]+)$")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def text_files():
    """{path: text} of the tracked text files; of all but built ones where there is no git."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = [name for name in done.stdout.split("\0") if name]
    texts = {}
    for name in names:
        try:
            texts[name] = read(name)
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return texts


def find(pattern, suffixes=("",), skip=()):
    """`path:line: text` for every match in the tracked text files."""
    found = []
    for name, text in text_files().items():
        if name.endswith(tuple(suffixes)) and not name.endswith(tuple(skip) or ("\0",)):
            for number, line in enumerate(text.split("\n"), 1):
                if match := re.search(pattern, line):
                    found.append(f"{name}:{number}: {match.group()}")
    return found


# written in pieces, or this file would be found
FOLDERS = "|".join(
    ["wo" + "rk", "fa" + "rm", "ro" + "ot", "tm" + "p/[a-z]+", "ho" + "me/[a-z]+", "Us" + "ers"]
)
HOSTS = "|".join(
    ["py" + r"pi\.org", "python" + "hosted", "registry" + r"\.npmjs", "deb" + r"\.debian"]
)
UNFINISHED = "|".join(
    ["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error", "xf" + "ail"]
)
SILENCED = "|".join(["pragma: " + "no cover", "type: " + "ignore"])


def test_no_path_of_a_machine_and_no_registry_host():
    assert find(rf"(?<![\w.])/({FOLDERS})/|{HOSTS}", skip=(".svg",)) == []


def test_nothing_unfinished():
    assert find(rf"\b({UNFINISHED})\b|{SILENCED}", suffixes=(".py", ".md")) == []


def pins():
    lines = [
        line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")
    ]
    assert [line for line in lines if not LINE.match(line)] == []
    return {
        canonicalize_name(name): version
        for name, version in (LINE.match(line).groups() for line in lines)
    }


def declared():
    """Every requirement that pyproject.toml names."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    return [Requirement(text) for text in sum(extras.values(), project["dependencies"])]


def test_every_dependency_is_pinned():
    names = {canonicalize_name(requirement.name) for requirement in declared()} - {"rnnlib"}
    assert names - pins().keys() == set()


def test_dependencies_of_dependencies_are_pinned_as_installed():
    pinned, seen, wrong = pins(), set(), []
    waiting = [requirement for requirement in declared() if requirement.name != "rnnlib"]
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras
        ):
            continue
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        try:
            version = metadata.version(key[0]).split("+")[0]
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        if key in seen:
            continue
        seen.add(key)
        if pinned.get(key[0]) != version:
            wrong.append(f"{key[0]} is {version}, pinned {pinned.get(key[0])}")
        for text in metadata.requires(key[0]) or []:
            child = Requirement(text)
            extras = requirement.extras or {""}
            if child.marker is None or any(
                child.marker.evaluate({"extra": extra}) for extra in extras
            ):
                child.marker = None
                waiting.append(child)
    assert len(seen) > 30
    assert wrong == []


def targets():
    return dict(re.findall(r"^([a-z]+):.*?(?:  ## (.*))?$", read("Makefile"), re.M))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_the_documents_exist(name):
    used = set(
        re.findall(
            r"\bmake ([a-z]+)\b(?=[` ])",
            " ".join(re.findall(r"`[^`]+`|^    .*$", read(name), re.M)),
        )
    )
    assert used - targets().keys() == set()


def test_readme_names_the_two_commands():
    assert "make book" in read("README.md")
    assert "make test" in read("README.md")
    assert "make test" in read(".ci/run")


def test_every_target_is_explained_and_help_comes_first():
    lines = targets()
    assert next(iter(lines)) == "help"
    assert [name for name, about in lines.items() if not about] == []


def labels(text):
    """Labels of equations in a chapter: `$$ ... $$ (NAME)` and `:label: NAME`."""
    return set(re.findall(r"\$\$\s*\(([\w-]+)\)", text)) | set(
        re.findall(r"^:label: ([\w-]+)", text, re.M)
    )


NAMED = r"\beq\. ([a-z]+-[\w-]+(?:, [a-z]+-[\w-]+)*)"  # a paper's "eq. 16" has no such name


def test_equations_that_the_library_names_are_in_the_book():
    known = set().union(
        *(labels(path.read_text()) for path in (ROOT / "notebooks").glob("*.md")), set()
    )
    named = {}
    for path in sorted((ROOT / "rnnlib").rglob("*.py")):
        for names in re.findall(NAMED, path.read_text(encoding="utf-8")):
            named.update({name: path.name for name in names.split(", ")})
    assert {name: file for name, file in named.items() if name not in known} == {}


def test_every_listed_chapter_is_there_and_every_chapter_is_listed():
    listed = {path.stem for path in build.listed(ROOT)}
    assert listed == {path.stem for path in (ROOT / "notebooks").glob("*.md")}
    assert listed == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}


def broken_entries(text):
    """First lines of bibliography entries that do not end on a line `}` of their own, and keys
    that stand twice.
    """
    entries = [part.strip() for part in re.split(r"(?m)^(?=@)", text) if part.strip()]
    keys = [entry.split("{", 1)[1].split(",")[0] for entry in entries]
    return [e.split("\n")[0] for e in entries if not e.endswith("\n}")] + [
        k for k in set(keys) if keys.count(k) > 1
    ]


def test_the_bibliography_is_whole():
    """A merge of two branches can drop the brace between two entries, and then no page builds."""
    text = read("book/references.bib")
    assert broken_entries(text) == []
    assert broken_entries(text.replace("\n}\n\n@", "\n@", 1))
