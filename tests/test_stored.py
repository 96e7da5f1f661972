"""What the studies have in common: a file that other settings do not touch, a choice that a diverged run cannot win."""

import json

import numpy as np
import pytest

from rnnlib.studies import stored


def test_a_file_of_other_settings_is_refused(tmp_path):
    path = tmp_path / "runs.json"
    fresh = stored.load(path, {"rates": (1, 2), "steps": 3}, ("numpy",), ("runs", "texts"))
    assert fresh["settings"] == {"rates": [1, 2], "steps": 3} and fresh["versions"] == {
        "numpy": np.__version__
    }
    assert (fresh["runs"], fresh["texts"]) == ([], []) and not path.exists()
    path.write_text(json.dumps(fresh | {"runs": [7]}))
    assert stored.load(path, {"rates": (1, 2), "steps": 3})["runs"] == [7]
    with pytest.raises(ValueError, match=r"\{'steps': 3\}, now they are \{'steps': 4\}: move"):
        stored.load(path, {"rates": (1, 2), "steps": 4})
    with pytest.raises(ValueError, match=r"\{'more': None\}, now they are \{'more': 1\}"):
        stored.load(path, {"rates": (1, 2), "steps": 3, "more": 1})


@pytest.mark.parametrize("diverged", [None, float("nan")])
def test_a_diverged_run_is_infinitely_bad(diverged):
    runs = [
        {"rate": r, "loss": v} for r, v in ((0.1, 0.0), (0.1, diverged), (0.2, 9.0), (0.2, 8.0), (0.3, 8.9))
    ]
    assert stored.best((0.1, 0.2, 0.3), runs, lambda run: run["loss"]) == 0.2
    with pytest.raises(ValueError, match=r"\[0.4, 0.5\]: the study is not finished"):
        stored.best((0.1, 0.4, 0.2, 0.5), runs, lambda run: run["loss"])


def test_a_curve_leaves_the_rest_out():
    assert np.array_equal(stored.curve([1, 3, 5, 7, 100], 2), [2, 6]) and len(stored.curve([1], 2)) == 0
