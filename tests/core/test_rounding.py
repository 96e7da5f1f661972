"""Equal up to rounding: the tolerance goes with type and size, and a wrong number is still seen."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.core import rounding
from tools import chapters

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_two_orders_of_a_sum_are_the_same_at_every_size(dtype, size):
    x = (size * RNG.normal(size=(40, 300))).astype(dtype)
    w = RNG.normal(size=(300, 50)).astype(dtype)
    halves = x[:, ::2] @ w[::2] + x[:, 1::2] @ w[1::2]
    assert 0 < rounding.gap(x @ w, halves) < 10 and rounding.same(x @ w, halves)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_more_than_rounding_is_seen(dtype, size):
    x = (size * RNG.normal(size=(8, 30))).astype(dtype)
    wrong = x.copy()
    wrong[3, 7] += 1e3 * np.finfo(dtype).eps * np.abs(x).max()
    assert not rounding.same(x, wrong) and rounding.same(x, wrong, within=1100)


def test_the_unit_is_the_precision_times_the_largest_number():
    a = np.array([8.0, 1.0], "float32")
    b = np.array([8.0, 1.0 + 4 * 8 * 2.0**-23], "float32")
    assert rounding.gap(a, b) == 4 and rounding.bound(a, within=3) == 3 * 8 * 2.0**-23
    assert rounding.gap(a, b.astype("float64")) == 4  # the coarser type counts
    assert rounding.gap(1.0, 1.0 + 2.0**-20, dtype="float32") == pytest.approx(8, rel=1e-5)
    assert not rounding.same(1.0, 1.0 + 2.0**-20)
    assert rounding.same([1, 2], [1, 2]) and rounding.gap(np.zeros(3), np.zeros(3)) == 0
    assert rounding.same(np.full(3, 2.0), 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_the_same(value):
    a = np.array([1.0, value])
    assert not rounding.same(a, a) and not rounding.same(np.ones(2), a)


def test_what_says_nothing_is_refused():
    with pytest.raises(ValueError, match=r"shapes \(2, 1\) and \(2,\): compare equal shapes"):
        rounding.same(np.ones((2, 1)), np.ones(2))
    with pytest.raises(ValueError, match=r"shape \(0, 3\) has no element"):
        rounding.same(np.ones((0, 3)), np.ones((0, 3)))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_tensors_are_taken(name):
    rnn = framework(name)
    cell = rnn.ElmanCell(3, 4, rng=0)
    weights = cell.W_x  # trainable: in PyTorch part of a graph
    assert rounding.same(weights, rnn.array(weights)) and rounding.bound(weights) < 1e-4


ROOT = Path(__file__).parents[2]


def absolute_bounds(source):
    """Comparisons `abs(a - b).max() < 1e-6` in a source:
    a bound of float32's roundings without size or type.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        terms = [node.left, *node.comparators]
        for left, operator, right in zip(terms, node.ops, terms[1:], strict=False):
            if isinstance(operator, ast.Gt | ast.GtE):
                left, right = right, left
            value = getattr(right, "value", None)
            if not isinstance(value, float) or not 1e-9 < value <= 2e-4:
                continue
            text = ast.unparse(left)
            if re.fullmatch(
                r"np\.abs\(.* - .*\)\.max\(\)|\(.* - .*\)\.abs\(\)\.max\(\)(\.item\(\))?", text
            ):
                yield ast.unparse(node)


def test_an_absolute_bound_is_found():
    assert list(absolute_bounds("assert np.abs(x @ w - y).max() < 1e-6"))
    assert list(absolute_bounds("same = 1e-5 > (x - y).abs().max().item()"))
    assert not list(absolute_bounds("assert np.abs(x - y).max() < 1e-12"))  # float64 close to 1
    assert not list(absolute_bounds("assert np.abs(x - y).max() < 0.02"))  # an effect, no rounding
    assert not list(absolute_bounds("assert rounding.same(x, y)"))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks").glob("*.md")), ids=lambda path: path.stem
)
def test_chapters_compare_by_type_and_size(path):
    for cell in chapters.code(chapters.read_source(path)):
        assert not list(absolute_bounds(cell.source)), "use rounding.same"


def test_tests_compare_by_type_and_size():
    for path in sorted((ROOT / "tests").glob("*.py")):
        assert not list(absolute_bounds(path.read_text(encoding="utf-8"))), (
            f"{path.name}: use rounding.same"
        )
