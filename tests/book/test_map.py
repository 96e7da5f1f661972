"""The page that maps the package is made from the docstrings as they are."""

from tools import map_page
from tools.environment import ROOT


def test_the_map_is_current():
    assert map_page.PAGE.read_text(encoding="utf-8") == map_page.page(), (
        "run: python -m tools.map_page"
    )


def test_every_room_is_on_the_map():
    rooms = {path.parent.name for path in (ROOT / "rnnlib").glob("*/__init__.py")} - {
        "studies",
        "ops",
    }
    assert rooms == set(map_page.ROOMS) & rooms


def test_every_module_says_what_it_is():
    for path in sorted((ROOT / "rnnlib").rglob("*.py")):
        assert map_page.first_sentences(path), path


def test_the_map_sees_a_new_module(tmp_path):
    room = tmp_path / "core"
    room.mkdir()
    (room / "__init__.py").write_text('"""The room."""')
    (room / "thing.py").write_text('"""A thing.  Mirror: rnnlib/tf/thing.py."""')
    assert "- `thing.py`: A thing.\n" in map_page.page(tmp_path)
