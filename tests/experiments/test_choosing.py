"""The study of cells: equal budgets, no test data in the tuning, scores that are what their names
say.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, framework
from rnnlib.core.errors import Diverged
from rnnlib.experiments.choosing import STUDY as choosing
from rnnlib.experiments.choosing import run as script
from rnnlib.experiments.study import Unfinished
from rnnlib.training import history

TASKS = choosing.tasks


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_all_cells_spend_the_budget(name):
    rnn = framework(name)
    for cell in choosing.cells:
        size = choosing.width(rnn, "sunspots", cell)  # the smallest budget, the coarsest steps
        spent, more = (
            choosing.count(rnn, choosing.build(rnn, "sunspots", cell, 0, s))
            for s in (size, size + 1)
        )
        assert 0.8 * TASKS["sunspots"].weights < spent <= TASKS["sunspots"].weights < more, cell


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_tcn_sees_the_sequences_it_is_trained_on(name):
    rnn = framework(name)
    for task in TASKS:
        reach = choosing.build(rnn, task, "tcn", 0, 3).rnn.reach
        assert TASKS[task].steps - 1 <= reach < 2 * TASKS[task].steps, task


@pytest.mark.parametrize("name", choosing.made_tasks)
def test_parts_of_made_tasks(name):
    task, parts = TASKS[name], {p: choosing.examples(name, p) for p in choosing.parts}
    for part, (x, y, counted) in parts.items():
        assert x.shape[1] == task.steps * (2 if part == "long" else 1)
        assert counted is None or (counted.shape == y.shape and counted.any())
    assert not np.array_equal(parts["valid"][0], parts["test"][0])
    again = choosing.examples(name, "train", seed=5)[0]
    assert len(again) == task.updates * task.batch and not np.array_equal(again, parts["train"][0])
    few = choosing.batches(name, 5, updates=3)
    assert_array_equal(few.x, again[: 3 * task.batch])  # a shorter run is the beginning of a longer
    if name in ("brackets", "parity"):  # at 2T only steps count that no training example had
        assert not parts["long"][2][:, : task.steps].any()


def test_scores():
    y = np.array([[0, 1], [1, 1]])
    logits = np.array([[[2.0, 0], [0, 1]], [[0, 5], [3, 0]]])
    assert (
        choosing.score("parity", logits, y, np.array([[True, True], [True, True]]))["score"] == 0.75
    )
    assert (
        choosing.score("copy", logits, y, np.array([[False, True], [False, True]]))["score"] == 0.5
    )
    bits = choosing.score("text", np.zeros((3, 4, 8), "float32"), np.zeros((3, 4), int), None)[
        "score"
    ]
    assert_allclose(bits, 3)
    errors = choosing.score(
        "sunspots", np.ones((2, 1)), np.zeros((2, 1)), None, {"sunspots": {"scale": 40.0}}
    )
    assert errors == {"score": 40.0, "errors": [40.0, 40.0]}
    ecg = choosing.score("ecg", np.array([[0, 1.0], [1, 0]]), np.array([1, 1]), None)
    assert ecg == {"score": 0.5, "right": "10"}


def test_what_a_window_of_brackets_knows():
    assert choosing.window_score(2) == 0.5 and choosing.window_score(TASKS["brackets"].steps) == 1
    assert 0.6 < choosing.window_score(3) < choosing.window_score(9) < 0.95


def made_up(valid):
    return [
        dict(task=task, cell="gru", rate=rate, seed=seed, valid=v, seconds=1.0)
        for task in ("parity", "adding")
        for rate, values in zip(choosing.rates, valid, strict=True)
        for seed, v in zip(choosing.tuning_seeds, values, strict=True)
    ]


def test_rate_is_chosen_on_tuning_seeds():
    results = {
        "runs": made_up([(0.9, 0.9), (1.0, 0.7), (1.0, None), (0.8, 0.8)])
    }  # the last one diverged on a seed
    assert choosing.chosen_rate(results, "parity", "gru") == choosing.rates[0]  # higher is better
    assert choosing.chosen_rate(results, "adding", "gru") == choosing.rates[3]  # lower is better
    results["runs"] += [
        dict(
            task="parity", cell="gru", rate=rate, seed=s, test=test if s > 2 else None, seconds=3.0
        )
        for s in choosing.reported_seeds[::-1]
        for rate, test in (
            (choosing.rates[0], 1.0),
            (choosing.rates[1], 0.2),
        )  # the second was chosen once
    ]
    assert choosing.chosen_rate(results, "parity", "gru") == choosing.rates[0]
    scores = choosing.scores(results, "parity", "gru")
    assert (
        len(scores) == 8 and np.isnan(scores[0]) and (scores[1:] == 1).all()
    )  # diverged: counted, not dropped
    del results["runs"][0]
    with pytest.raises(Unfinished):  # not before all tuning runs are there
        choosing.chosen_rate(results, "parity", "gru")


def test_script_goes_on_where_it_stopped():
    results = {"runs": []}
    pairs = sum(len(task.cells) for task in TASKS.values())
    everything = pairs * len(choosing.tuning_seeds) * len(choosing.rates)
    assert (
        len(script.ready(choosing, results, None))
        == len(script.ready(choosing, results, "tuning"))
        == everything
    )
    assert script.ready(choosing, results, "reported") == []  # no rate is chosen yet
    results["runs"] = made_up([(0.5, 0.5), (0.6, 0.6), (0.65, 0.65), (0.7, 0.7)])
    assert len(script.ready(choosing, results, "tuning")) == everything - 16
    new = script.ready(choosing, results, "reported")
    assert len(new) == 2 * len(choosing.reported_seeds)
    assert {(key[0], key[2]) for key in new} == {
        ("parity", choosing.rates[3]),
        ("adding", choosing.rates[0]),
    }
    number, seconds = script.left(choosing, results, None)
    assert number == everything - 16 + pairs * len(choosing.reported_seeds)
    assert script.expected(choosing, results)["parity", "gru"] == 1 and seconds > number


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_run(name):
    shorter = TASKS | {"parity": replace(TASKS["parity"], updates=40)}
    study = replace(choosing, tasks=shorter)
    found = study.run(framework(name), "parity", "elman", 1e-2, choosing.reported_seeds[0])
    assert (
        found["updates"] == 40 and len(found["curve"]) == choosing.points and found["seconds"] > 0
    )
    assert 0.3 < found["test"] < 1 and 0.3 < found["long"] < 1 and "valid" not in found
    tuning = study.run(framework(name), "parity", "elman", 1e-2, choosing.tuning_seeds[0])
    assert "valid" in tuning and "test" not in tuning and "long" not in tuning


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_run_that_diverges_has_no_score(name, monkeypatch):
    rnn = framework(name)

    def diverges(*_, **__):
        raise Diverged("the loss is nan", history.History())

    monkeypatch.setattr(rnn, "fit", diverges)
    found = choosing.run(rnn, "parity", "elman", 1e-2, choosing.reported_seeds[0])
    assert found["test"] is None and found["long"] is None and found["curve"] == []
    assert choosing.run(rnn, "parity", "elman", 1e-2, choosing.tuning_seeds[0])["valid"] is None


def test_the_stored_study_is_whole():
    results = choosing.load()
    assert (
        script.ready(choosing, results, None) == [] and script.left(choosing, results, None)[0] == 0
    )
    for name, task in TASKS.items():
        for cell in task.cells:
            assert [run["seed"] for run in choosing.reported(results, name, cell)] == list(
                choosing.reported_seeds
            )
    keys = [(run["task"], run["cell"], run["rate"], run["seed"]) for run in results["runs"]]
    assert len(keys) == len(set(keys))
    assert set(results["reference"]) >= {
        "AR(9) of sunspots",
        "5-gram of text",
        "nearest neighbour of ecg",
    }
