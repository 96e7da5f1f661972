"""What benchmarks write."""

import json

from benchmarks import machine


def test_lists_of_numbers_take_a_line(tmp_path):
    found = {
        "a": [[1, 2.5, None], [3, 4, 5]],
        "b": ["x, ", "[ y", "z ],", "{\n"],
        "c": [],
        "d": [{"e": [True]}],
        "f": "[\n1\n]",
    }
    machine.write_json(tmp_path / "found.json", found)
    text = (tmp_path / "found.json").read_text()
    assert json.loads(text) == found
    assert "[1, 2.5, null]" in text and "[true]" in text
