"""The examples in the docstrings of the rooms without a framework say what really comes out."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "data", "text", "speech", "forecasting", "metrics", "training", "display", "ref")
LEAST = 20  # functions and classes with an example


def modules():
    """Every module of these rooms, by its file: nothing is imported yet."""
    paths = sorted(path for room in ROOMS for path in (ROOT / "rnnlib" / room).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


def examples(name):
    """The docstrings of a module that hold examples."""
    tests = doctest.DocTestFinder(exclude_empty=True).find(import_module(name))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", modules())
def test_examples(name):
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    said = []
    for test in examples(name):
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_there_are_examples_in_all_rooms_that_compute():
    places = [test.name for name in modules() for test in examples(name)]
    assert len(places) >= LEAST
    assert {place.split(".")[1] for place in places} >= set(ROOMS) - {"training", "display"}
