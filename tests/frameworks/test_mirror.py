"""rnnlib.pt and rnnlib.tf: same files, same public names, same arguments, same first docstring
line.
"""

import ast
import copy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "rnnlib"
TWIN = {"call": "forward"}
# last arguments: PyTorch's modules know their mode, and tensors carry no masks there
KERAS_ONLY = (
    ", training=False",
    ", mask=None",
)


def files(side):
    """All modules of one side, however deep, by their path below it."""
    return sorted(path.relative_to(ROOT / side).as_posix() for path in (ROOT / side).rglob("*.py"))


FILES = files("pt")


def outline(text):
    """{dotted name: (arguments with defaults, first docstring line)} of all public functions,
    classes and methods.
    """
    found = {}

    def visit(node, prefix):
        for child in node.body:
            if isinstance(child, (ast.ClassDef, ast.FunctionDef)) and (
                not child.name.startswith("_") or child.name == "__init__"
            ):
                name = prefix + TWIN.get(child.name, child.name)
                arguments = plain_arguments(child) if isinstance(child, ast.FunctionDef) else ""
                for keras_only in KERAS_ONLY:
                    arguments = arguments.removesuffix(keras_only)
                found[name] = (arguments, (ast.get_docstring(child) or "").split("\n")[0])
                if isinstance(child, ast.ClassDef):
                    visit(child, f"{name}.")

    visit(ast.parse(text), "")
    return found


def plain_arguments(function):
    """The arguments with their defaults, without annotations: those name the framework's types."""
    arguments = copy.deepcopy(function.args)
    for node in ast.walk(arguments):
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(arguments)


def exported(text):
    """The names in __all__."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)


def test_same_files():
    assert FILES == files("tf")
    assert len(FILES) > 20


@pytest.mark.parametrize("name", FILES)
def test_same_outline(name):
    pt, tf = (outline((ROOT / side / name).read_text(encoding="utf-8")) for side in ("pt", "tf"))
    assert list(pt) == list(tf), "names, in the order of the file"
    assert pt == tf


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith("__init__.py")])
def test_each_names_its_twin(name):
    for side, other in (("pt", "tf"), ("tf", "pt")):
        text = (ROOT / side / name).read_text(encoding="utf-8")
        line = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
        if "Mirror:" in line:
            assert f"Mirror: rnnlib/{other}/{name}" in line


def test_same_exports():
    pt, tf = (
        exported((ROOT / side / "__init__.py").read_text(encoding="utf-8")) for side in ("pt", "tf")
    )
    assert pt == tf == sorted(pt)


def test_the_outline_sees_a_difference():
    twin = 'class A:\n    def forward(self, x, scale=1):\n        """Scale x."""\n'
    assert outline(twin) == outline(twin.replace("forward", "call"))
    for planted in (
        twin.replace("scale=1", "scale=2"),
        twin.replace("Scale x", "scale"),
        twin.replace("forward", "go"),
    ):
        assert outline(twin) != outline(planted)
