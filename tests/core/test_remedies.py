"""Doing what a message says helps: the call fails, its message names the remedy in code form, and
the same call with the remedy applied passes.  The table: tests/remedies.py.
"""

import pytest
import remedies

from backends import FRAMEWORKS, framework
from rnnlib.core import errors

ROWS = [*remedies.NEUTRAL, *remedies.NETWORKS]


def check(row, world):
    """Fails as the row says, then passes."""
    with pytest.raises(row.error) as caught:
        row.call(world, row.wrong)
    world.error = caught.value
    assert type(world.error) is row.error
    assert getattr(world.error, "code", None) == row.code
    message = str(world.error)
    assert row.words in message, message
    row.call(world, row.remedied)


@pytest.mark.parametrize("row", remedies.NEUTRAL, ids=lambda row: row.id)
def test_what_the_message_says_helps(row, tmp_path, monkeypatch):
    check(row, remedies.World(None, "", tmp_path, monkeypatch))


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("row", remedies.NETWORKS, ids=lambda row: row.id)
def test_what_the_message_says_helps_in_both_frameworks(row, name, tmp_path, monkeypatch):
    if row.only not in ("", name):
        pytest.skip(f"a door of {row.only} alone")
    check(row, remedies.World(framework(name), name, tmp_path, monkeypatch))


def test_the_table_has_every_class_that_can_be_raised():
    public = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    public = {kind for kind in public if kind.__module__ == errors.__name__}
    raised = {kind for kind in public if not kind.__name__.startswith("_")}
    assert raised - {errors.RnnlibError} <= {row.error for row in ROWS}


def test_the_table_is_long_enough_and_its_rows_have_names():
    assert len(ROWS) >= 60 + len(vars(errors))
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_each_remedy_is_in_code_form(row):
    assert remedies.in_code(row.words) or row.id in remedies.BY_DATA
