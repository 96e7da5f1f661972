"""The reference of the package: every room has its page, every public name is found in the
sources, nothing is imported.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import api  # noqa: E402


def rooms():
    """The packages below rnnlib that have an `__all__`."""
    faces = sorted((ROOT / "rnnlib").glob("*/__init__.py"))
    return [f"rnnlib.{face.parent.name}" for face in faces if "__all__" in face.read_text("utf-8")]


def called():
    """The rooms that pages of the reference list."""
    pages = (ROOT / "book" / "api").glob("*.md")
    lines = [line for page in pages for line in page.read_text("utf-8").splitlines()]
    return {
        room
        for line in lines
        if line.startswith("```{api} ")
        for room in line.removeprefix("```{api} ").split()
    }


def test_every_room_has_a_page():
    assert set(rooms()) == called()


@pytest.mark.parametrize("room", rooms())
def test_every_public_name_is_found(room):
    for name in api.public_names(room):
        assert isinstance(api.find(room, name).node, ast.AST)


def test_a_name_that_no_import_brings_is_refused():
    with pytest.raises(ValueError, match="names 'nothing', which none of its imports brings"):
        api.find("rnnlib.pt", "nothing")


def test_reading_imports_no_framework():
    program = (
        "import sys; sys.path.insert(0, 'book/_ext'); import api\n"
        "[api.find('rnnlib.pt', name) for name in api.public_names('rnnlib.pt')]\n"
        "assert not {'torch', 'tensorflow', 'rnnlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_signatures():
    (function,) = ast.parse("def f(a, b: int = 2, *, c=None) -> str: ...").body
    assert api.signature(function) == "(a, b: int=2, *, c=None) -> str"
    (cell,) = ast.parse("class C:\n    def __init__(self, size, rng=0): ...").body
    assert api.signature(cell) == "(size, rng=0)"
    (fields,) = ast.parse("class C:\n    steps: list = None\n    rate: float").body
    assert api.signature(fields) == "(steps: list=None, rate: float)"


def test_docstrings_become_markdown():
    text = "Scale x by 2 ** k, `a * b`.\n\nrate   of [0, 1]\nname, other   two\n\n>>> 1 + 1\n2\n"
    assert api.markdown(text) == [
        r"Scale x by 2 \*\* k, `a * b`.",
        "",
        "",
        "`rate`",
        r": of \[0, 1\]",
        "",
        "`name, other`",
        ": two",
        "",
        "",
        "```pycon",
        ">>> 1 + 1",
        "2",
        "```",
    ]
