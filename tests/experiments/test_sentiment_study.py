"""The study of sentiment: parts do not mix, choices are blind to the test part, odds keep their
side in the file.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backends import FRAMEWORKS, framework
from rnnlib.core import rounding
from rnnlib.data.synthetic import verdicts
from rnnlib.experiments.sentiment import STUDY as study
from rnnlib.experiments.sentiment import compare, difference, pack, right, shuffled, unpack


def small():
    """Made texts in the form of `parts`."""
    return {
        part: verdicts(20, rng=seed)[:2] for seed, part in enumerate(("train", "valid", "test"))
    }


def test_odds_keep_their_side():
    odds = np.array([0.004, -0.0001, 3.14159, -12.345, 0.996])
    assert pack(odds) == "1 -1 314 -1234 100"
    assert_array_equal(unpack(pack(odds)), [0.01, -0.01, 3.14, -12.34, 1])
    truth = np.array([1, 1, 1, 0, 0])
    assert_array_equal(right(odds, truth), [True, False, True, True, False])
    assert_array_equal(right(unpack(pack(odds)), truth), right(odds, truth))


def test_a_cut_keeps_an_end():
    whole = " ".join(f"w{k}" for k in range(study.length + 5))
    assert (
        study.cut(whole, "first").split()[0] == "w0" and study.cut(whole, "last").split()[0] == "w5"
    )
    assert study.cut("well-made", "last") == "well - made"  # counted as the encoder counts
    assert {len(study.cut(whole, end).split()) for end in ("first", "last")} == {study.length}
    assert study.cut(whole, None) == whole and study.cut("a b", "last") == "a b"


def test_shuffled_texts_keep_their_words():
    texts = {"train": (["a b c d e f g", "h"], [1, 0])}
    (row, other), labels = shuffled(texts)["train"]
    assert (
        sorted(row.split()) == list("abcdefg")
        and row != "a b c d e f g"
        and other == "h"
        and labels == [1, 0]
    )


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_word_alone_knows_no_order(name):
    """Its network gives a text and its words in another order one answer; the full model does
    not.
    """
    rnn, ids = framework(name), np.array([[3, 4, 5, 6]])
    for model, alike in (
        ("each word alone, max", True),
        ("each word alone, mean", True),
        ("mean", False),
    ):
        options = study.changes[model].options
        network = rnn.Classifier(4, 5, 2, vocab_size=9, dtype="float64", rng=1, **options)
        gap = np.abs(rnn.predict(network, ids) - rnn.predict(network, ids[:, ::-1].copy())).max()
        assert (gap < 1e-12) == alike


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_run(name):
    """The vocabulary comes from the training texts alone; the odds are those of the network that is
    returned.
    """
    rnn, texts = framework(name), small()
    texts["test"] = (["zyzzyva " + text for text in texts["test"][0]], texts["test"][1])
    network, history, odds = study.train(rnn, "sentences", "two GRUs, max", 0.5, 1, texts, epochs=2)
    assert len(history.valid) == 2 and odds["valid"].shape == odds["test"].shape == (40,)
    encoder, data = study.batches("sentences", texts, 1)
    assert "zyzzyva" not in encoder.vocabulary and (data["test"].x[:, 0] == 1).all()
    z = rnn.predict(network, data["test"].x, data["test"].lengths)
    np.testing.assert_allclose(
        odds["test"], z[:, 1] - z[:, 0], atol=rounding.bound(z, dtype="float32")
    )
    assert rnn.params(network)["head.W"].shape == (2 * study.sets["sentences"].hidden_size, 2)
    again = rnn.evaluate(network, data["valid"], "cross_entropy")
    assert rounding.same(again, min(history.valid), dtype="float32")


def test_counted_words_are_tuned_on_validation():
    texts = small()
    model, odds = study.count_words("logistic", texts)
    assert odds["test"].shape == (40,) and model.chosen_["C"] in model.STRENGTHS["logistic"][1]
    assert right(odds["test"], texts["test"][1]).mean() == 0.5


def made(model, seed, dropout, loss, test="", which="sentences"):
    return {
        "set": which,
        "model": model,
        "seed": seed,
        "dropout": dropout,
        "loss": loss,
        "test": test,
    }


def test_choices_are_blind_to_the_reported_seeds():
    model = "two GRUs, max"
    runs = [made(model, 0, dropout, loss) for dropout, loss in ((0.3, 0.7), (0.5, 0.5), (0.7, 0.9))]
    runs += [
        made(model, seed, d, 0.01, test="1 -1") for seed in study.reported_seeds for d in (0.3, 0.5)
    ]
    last, first = study.models["reviews"]
    runs += [
        made(name, 0, 0.5, loss, which="reviews") for name, loss in ((last, 0.4), (first, 0.3))
    ]
    runs += [made(last, 1, 0.5, 0.1, which="reviews"), made("no dropout", 1, 0.0, 0.0)]
    results = {"runs": runs, "counts": [{"set": "sentences", "model": "VADER", "test": "100 -100"}]}
    assert study.chosen_dropout(results, "sentences", model) == 0.5
    assert study.best_model(results, "sentences") == model
    assert study.best_model(results, "reviews") == first
    found = study.answers(results, "sentences")
    assert {name: odds.shape for name, odds in found.items()} == {"VADER": (1, 2), model: (5, 2)}
    assert_array_equal(found["VADER"], [[1, -1]])


def test_a_difference_has_an_interval():
    truth = np.random.default_rng(0).integers(0, 2, 500)
    sure = np.where(truth == 1, 1.0, -1.0)
    worse = sure * np.where(np.arange(500) % 5 == 0, -1, 1)  # wrong about one in five
    mean, low, high = difference(np.stack([sure, sure]), worse[None], truth)
    assert (
        abs(mean - 0.2) < 1e-9 and 0.15 < low < 0.18 and 0.22 < high < 0.25
    )  # 1.96 * sqrt(0.2 * 0.8 / 500) = 0.035
    # two seeds, all right and all wrong: the chance is that of the seeds
    unlike = np.stack([sure, -sure])
    mean, low, high = difference(unlike, np.stack([sure, -sure]), truth)
    assert (mean, low, high) == (0, -0.5, 0.5)
    network, rival = compare(
        {"network": np.stack([sure, worse]), "rival": worse[None]}, "network", truth
    )
    assert network == {
        "model": "network",
        "right": "90.0%",
        "seeds": "80.0% to 100.0%",
        "network leads by": "",
    }
    assert rival["right"] == "80.0%" and rival["network leads by"].startswith("+10.0% (+")


def test_stored_runs_are_complete():
    results = study.load()
    for which in study.models:
        model = study.best_model(results, which)
        assert study.models[which][model].end == study.end_of_changes[which]
        dropout = study.chosen_dropout(results, which, model)
        found = study.reported(results, which, model)
        assert [run["seed"] for run in found] == list(study.reported_seeds)
        assert {run["dropout"] for run in found} == {dropout}
        for part in ("valid", "test"):
            truth = study.labels(results, which, part)
            assert truth.mean() == 0.5
            for odds in study.answers(results, which, part).values():
                assert odds.shape[1] == len(truth) and np.isfinite(odds).all()
    for model in study.changes:
        found = study.select(results, set="sentences", model=model, seed=study.compared_seeds)
        assert [run["seed"] for run in found] == list(study.compared_seeds)
        assert not any("test" in run for run in found)
    for model in study.changes_of_reviews:
        found = study.select(results, set="reviews", model=model, seed=study.reported_seeds)
        assert [run["seed"] for run in found] == list(study.reported_seeds)
        assert not any("test" in run for run in found)
    models = {*study.models["sentences"], *study.models["reviews"], *study.changes}
    assert {run["model"] for run in results["runs"]} == models
