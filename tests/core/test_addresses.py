"""One public address a name: what a room's `__all__` lists, and nothing twice."""

import ast
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import rnnlib
from backends import INSTALLED

ROOT = Path(__file__).parents[2]
ROOMS = sorted(
    f"rnnlib.{info.name}"
    for info in pkgutil.iter_modules(rnnlib.__path__)
    if info.ispkg and info.name not in ("experiments", "studies", "ops")
)
HERE = [
    room
    for room in ROOMS
    if room.split(".")[1] not in ("pt", "tf") or room.split(".")[1] in INSTALLED
]


@pytest.mark.parametrize("room", HERE)
def test_a_room_says_what_it_is_and_what_is_public(room):
    module = import_module(room)
    assert module.__doc__ and module.__doc__.strip()
    assert list(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert hasattr(module, name), name


def test_one_public_address_for_each_object():
    addresses = {}
    for room in HERE:
        module = import_module(room)
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, (type, ModuleType)) or callable(value):
                addresses.setdefault(id(value), []).append(f"{room}.{name}")
    assert [places for places in addresses.values() if len(places) > 1] == []


@pytest.mark.parametrize("room", HERE)
def test_no_name_hides_a_module_of_its_room(room):
    module = import_module(room)
    for info in pkgutil.iter_modules(module.__path__):
        inside = import_module(f"{room}.{info.name}")
        assert getattr(module, info.name) is inside, f"{room}.{info.name} is not the module"


def reexports(text):
    """Names that a module imports in the form `from x import y as y`: a second address."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnlib"):
            found += [alias.name for alias in node.names if alias.asname == alias.name]
    return found


def test_no_module_gives_another_modules_names_away():
    for path in sorted((ROOT / "rnnlib").rglob("*.py")):
        if path.name != "__init__.py":
            assert reexports(path.read_text(encoding="utf-8")) == [], path


def test_the_rule_sees_a_second_address():
    assert reexports("from rnnlib.metrics.regression import mae as mae") == ["mae"]
