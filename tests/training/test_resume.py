"""A run stopped at any moment goes on to the same weights, bit for bit, optimizer state
included.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import killed
import numpy as np
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.data.batches import Batches
from rnnlib.training import checkpoint_format

each = pytest.mark.parametrize("name", FRAMEWORKS)
PAUSE = 0.02  # seconds a batch of a run that will be killed takes at least: 1.4 s in all
KILLS = 10 if os.environ.get("SLOW") else 2


class Stopped(Exception):
    """What a run is stopped with in these tests."""


class Stopping(Batches):
    """Batches that stop a run at its n-th batch, and note which rows each batch had."""

    stop_at = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def order(self, epoch):
        for rows in super().order(epoch):
            if len(self.seen) == self.stop_at:
                raise Stopped
            self.seen.append((epoch, tuple(rows)))
            yield rows


def same(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def run(
    rnn,
    path,
    stop_at=None,
    epochs=6,
    resume=True,
    patience=None,
    optimizer=("adam", {"lr": 0.05}),
    make=None,
):
    """A small run with validation -> history, weights, the order of its batches.

    Stopped at batch `stop_at`: None.
    """
    rng = np.random.default_rng(0)
    x, y, lengths = rng.normal(size=(20, 5, 3)), rng.integers(0, 3, 20), rng.integers(1, 6, 20)
    train, valid = Stopping((x, y, lengths), 8, rng=0), Batches((x, (y + 1) % 3, lengths), 8)
    train.stop_at = stop_at
    model = make() if make else rnn.Classifier(3, 4, 3, rng=1)
    go = dict(
        loss="cross_entropy", optimizer=optimizer, epochs=epochs, clip_norm=1.0, checkpoint=path
    )
    try:
        history = rnn.fit(model, train, valid=valid, patience=patience, resume=resume, **go)
    except Stopped:
        return None
    return history, rnn.params(model), train.seen


@each
@pytest.mark.parametrize(
    "optimizer",
    [("adam", {"lr": 0.05}), ("sgd", {"lr": 0.1, "momentum": 0.9})],
    ids=["adam", "sgd"],
)
def test_a_run_stopped_inside_an_epoch_repeats_that_epoch_and_ends_equal(name, optimizer, tmp_path):
    rnn = framework(name)
    history, weights, seen = run(rnn, tmp_path / "whole", optimizer=optimizer)
    assert [epoch for epoch, _ in seen] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    # in epoch 2 of 3 updates
    assert run(rnn, tmp_path / "halves", stop_at=7, optimizer=optimizer) is None
    again, resumed, rest = run(rnn, tmp_path / "halves", optimizer=optimizer)
    assert rest == seen[6:]  # epoch 2 from its start, in the order it had
    same(weights, resumed)
    for part in ("steps", "norms", "epochs", "valid"):
        assert getattr(history, part) == getattr(again, part)
    one, other = (checkpoint_format.read(tmp_path / path)[0] for path in ("whole", "halves"))
    for section in ("model", "best", "optimizer"):
        same(checkpoint_format.section(one, section), checkpoint_format.section(other, section))


@each
def test_epochs_is_the_total_and_a_finished_run_has_nothing_left_to_do(name, tmp_path):
    rnn = framework(name)
    history, weights, _ = run(rnn, tmp_path / "whole", resume=False)
    run(rnn, tmp_path / "parts", epochs=2)
    run(rnn, tmp_path / "parts", epochs=5)
    more, parts, seen = run(rnn, tmp_path / "parts", epochs=6)
    assert len(more) == 6 and len(seen) == 3
    same(weights, parts)
    content = (tmp_path / "parts").read_bytes()
    done, kept, seen = run(rnn, tmp_path / "parts", epochs=6)
    assert (done.epochs, seen) == (history.epochs, [])
    same(weights, kept)
    assert (tmp_path / "parts").read_bytes() == content
    _, _, seen = run(rnn, tmp_path / "parts", epochs=1, resume=False)
    assert len(seen) == 3  # resume=False begins again


@each
def test_early_stopping_keeps_the_best_weights_over_a_resume(name, tmp_path):
    """The best epoch lies before the stop; the weights that come back are those of the run that
    was never stopped.
    """
    rnn, more = framework(name), {"patience": 3, "epochs": 30}
    history, weights, _ = run(rnn, tmp_path / "whole", **more)
    assert history.best_epoch < len(history) - 3 < 27
    assert run(rnn, tmp_path / "halves", stop_at=3 * (history.best_epoch + 2) + 1, **more) is None
    again, resumed, seen = run(rnn, tmp_path / "halves", **more)
    assert 0 < len(seen) and again.steps == history.steps and again.valid == history.valid
    same(weights, resumed)
    done, kept, seen = run(rnn, tmp_path / "halves", **more)  # stopped early, and so it stays
    assert seen == [] and len(done) == len(history)
    same(weights, kept)


def dropout_model(name, rnn):
    """A classifier of the framework's own making, with dropout."""
    if name == "pt":
        import torch

        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.drop = rnn.Classifier(3, 4, 3, rng=1), torch.nn.Dropout(0.5)

            def forward(self, x, lengths=None):
                return self.inner(self.drop(x), lengths)

        torch.manual_seed(5)
    else:
        import keras

        class Model(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner, self.drop = (
                    rnn.Classifier(3, 4, 3, rng=1),
                    keras.layers.Dropout(0.5, seed=5),
                )

            def call(self, x, lengths=None):
                return self.inner(self.drop(x), lengths)

    return Model()


@each
def test_random_numbers_of_dropout_go_on_too(name, tmp_path):
    rnn = framework(name)
    _, weights, _ = run(rnn, tmp_path / "whole", make=lambda: dropout_model(name, rnn))
    run(rnn, tmp_path / "halves", stop_at=7, make=lambda: dropout_model(name, rnn))
    _, resumed, _ = run(rnn, tmp_path / "halves", make=lambda: dropout_model(name, rnn))
    same(weights, resumed)


def kill_a_run(name, path, delay):
    """Start a run that goes on from `path`, wait until it trains, kill it `delay` seconds later ->
    epochs done by then.
    """
    before = path.stat().st_mtime_ns if path.exists() else None
    command = [sys.executable, killed.__file__, name, str(path), str(PAUSE)]
    process = subprocess.Popen(
        command, cwd=Path(killed.__file__).parents[1], stderr=subprocess.PIPE
    )
    while process.poll() is None and (path.stat().st_mtime_ns if path.exists() else None) == before:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    error = process.communicate()[1].decode()
    assert process.returncode == -signal.SIGKILL, error  # not at its end, not by a fault of its own
    return len(checkpoint_format.read(path)[1]["history"]["epochs"])


@each
def test_kill_9_at_random_moments(name, tmp_path):
    """The same run killed again and again, then left alone:
    weights and optimizer as if nothing had been.
    """
    rnn, path, rng = framework(name), tmp_path / "run.safetensors", np.random.default_rng()
    reference, weights = killed.run(rnn, tmp_path / "whole", resume=False)
    span = killed.EPOCHS * 5 * PAUSE / (KILLS + 2)
    done = [kill_a_run(name, path, rng.uniform(0, span)) for _ in range(KILLS)]
    assert done == sorted(done) and 1 <= done[0] and done[-1] < killed.EPOCHS, done
    history, resumed = killed.run(rnn, path)
    assert history.steps == reference.steps and history.valid == reference.valid
    same(weights, resumed)
    one, other = (checkpoint_format.read(p)[0] for p in (tmp_path / "whole", path))
    same(checkpoint_format.section(one, "optimizer"), checkpoint_format.section(other, "optimizer"))
