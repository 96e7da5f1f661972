"""The studies of the chapter `pytorch`: their splits, what their files hold, and where the
benchmark takes its code from.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rnnlib.experiments.torch_digits import STUDY as torch_digits
from rnnlib.experiments.torch_digits import run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sounds():
    """Sixty made sequences of 3 to 7 steps, as keras_digits.spoken returns them."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 8, size=60)
    x = rng.normal(3, 2, size=(60, 7, 4)) * (np.arange(7) < lengths[:, None])[:, :, None]
    rows = {"train": np.arange(30), "valid": np.arange(30, 45), "test": np.arange(45, 60)}
    return x, lengths, np.arange(60) % 10, rows


def test_known_voices_are_split_at_random_into_parts_of_the_same_sizes(sounds):
    x, lengths, y, rows = torch_digits.known(sounds, seed=1)
    assert {part: len(r) for part, r in rows.items()} == {"train": 30, "valid": 15, "test": 15}
    assert sorted(np.concatenate(list(rows.values()))) == list(range(60))
    assert not np.array_equal(rows["train"], torch_digits.known(sounds, seed=2)[3]["train"])
    steps = np.concatenate([x[i, : lengths[i]] for i in rows["train"]])
    assert np.allclose(steps.mean(axis=0), 0, atol=1e-6) and np.allclose(
        steps.std(axis=0), 1, atol=1e-6
    )
    assert not x[np.arange(7) >= lengths[:, None]].any()  # padding stays 0


def test_recordings_come_without_padding(sounds):
    found = torch_digits.recordings(SimpleNamespace(tensor=np.array), sounds, "valid")
    assert [len(x) for x, _ in found] == sounds[1][30:45].tolist() and found[0][1] == 0
    assert np.array_equal(found[3][0], sounds[0][33, : sounds[1][33]])


def test_the_benchmark_runs_what_the_chapter_prints():
    pytest.importorskip("torch", exc_type=ImportError)
    book = run.chapter(ROOT / run.CHAPTER)
    model = book.RNNClassifier(3, 5, 2, "LSTM")
    assert sum(w.numel() for w in model.parameters()) == 4 * 5 * (3 + 5 + 2) + 2 * (5 + 1)
    assert callable(book.fit) and callable(book.evaluate) and callable(book.collate)


def test_the_runs_say_where_they_must_be_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="at the root of the repository"):
        run.chapter(tmp_path / "pytorch.md")
