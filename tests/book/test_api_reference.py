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


def parsed(text):
    """The first definition of a piece of source."""
    return ast.parse(text).body[0]


def test_fields_of_data_classes_are_arguments():
    text = (
        "@dataclass\nclass C:\n    rows: list = field(default_factory=list)\n"
        "    seen: int = field(default=2)\n    known: dict = field(init=False)\n"
        "    _: KW_ONLY\n    top: ClassVar[int] = 1\n    _own: int = 0\n    rate: float = 1.0\n"
    )
    assert api.signature(parsed(text)) == "(rows: list=[], seen: int=2, *, rate: float=1.0)"


def test_a_child_has_the_arguments_of_the_class_it_is_made_from():
    definition = api.find("rnnlib.core", "ArgumentError")
    assert api.signature(definition.node, definition.module).startswith("(message: str=''")


def test_constants_are_spelled_out_in_defaults():
    definition = api.find("rnnlib.forecasting", "Persistence")
    assert "levels: Sequence[float]=(0.05, 0.5, 0.95)" in api.signature(
        definition.node, definition.module
    )


def test_methods_and_properties():
    text = (
        "class C:\n"
        "    @property\n    def size(self) -> int:\n        'How many.'\n"
        "    @size.setter\n    def size(self, value):\n        'Set it.'\n"
        "    @staticmethod\n    def read(cls, path):\n        'From a file.'\n"
        "    @overload\n    def get(self, key: int) -> int:\n        'One.'\n"
        "    def get(self, key):\n        'Any.'\n"
        "    async def wait(self):\n        'Wait.'\n"
        "    def bare(self): ...\n"
        "    def _own(self):\n        'Private.'\n"
    )
    found = {part.name: api.method("rnnlib.core.seeds", part) for part in api.methods(parsed(text))}
    assert list(found) == ["size", "read", "get", "wait"]
    assert found["size"][1:3] == [":::::{py:property} size", ":type: int"]
    assert found["read"][1:3] == [":::::{py:method} read(cls, path)", ":staticmethod:"]
    assert found["get"][1:4] == [":::::{py:method} get(key)", "", "Any."]
    assert ":async:" in found["wait"]


def test_constants_show_a_short_value_or_their_keys():
    levels = api.entry("rnnlib.forecasting", "LEVELS", [api.find("rnnlib.forecasting", "LEVELS")])
    assert ":value: (0.05, 0.5, 0.95)" in levels
    assert any(line.startswith("quantiles that forecasters give") for line in levels)
    names = api.entry("rnnlib.text", "TOKENIZERS", [api.find("rnnlib.text", "TOKENIZERS")])
    assert any(line.startswith("Its keys: `'characters'`") for line in names)


def test_fields_that_the_docstring_leaves_out_are_listed():
    lines = api.entry("rnnlib.metrics", "Reliability", [api.find("rnnlib.metrics", "Reliability")])
    assert ":::::{py:attribute} accuracy" in lines and "(K,) share of right answers" in lines
    history = api.entry("rnnlib.training", "History", [api.find("rnnlib.training", "History")])
    assert ":::::{py:attribute} valid" not in history  # a row of its docstring says what it is


@pytest.mark.parametrize(
    "room, name, member",
    [("rnnlib.ref", "elman", "step_back"), ("rnnlib.core", "cells", "fused")]
    + [("rnnlib.pt", "losses", "cross_entropy"), ("rnnlib.data", "synthetic", "adding")],
)
def test_public_modules_are_namespaces(room, name, member):
    assert member in api.members(api.find(room, name).module)


def test_every_page_of_the_reference_is_below_its_first():
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    pages = [path.stem for path in (ROOT / "book" / "api").glob("*.md")]
    assert all(f"- file: book/api/{page}\n" in contents for page in pages)
    assert contents.index("book/api/index") < min(
        contents.index(f"book/api/{page}\n") for page in pages if page != "index"
    )
