"""What estimators with a network pass on to a training run, what they refuse, what Ctrl-C leaves,
and that what was learned does not depend on what `set_params` does later."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from backends import FRAMEWORKS, both, framework
from rnnlib.core.errors import NotFittedError
from rnnlib.data.batches import Batches
from rnnlib.forecasting.base import BaseForecaster
from rnnlib.forecasting.neural import RNNForecaster
from rnnlib.text.bag_of_words import WordCounts
from rnnlib.text.classifier import TextClassifier
from rnnlib.text.encoder import encode_examples
from rnnlib.training.estimators import FRAMEWORKS as NAMES
from rnnlib.training.estimators import framework_name, framework_of

TEXTS = ["good film", "bad film", "good plot", "bad plot"] * 6
LABELS = ["g", "b"] * 12
DAYS = pd.date_range("2024-01-01", periods=90)
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": 10 + RNG.normal(size=90)})


def classifier(rnn, **options):
    small = {"embedding_size": 4, "hidden_size": 3, "epochs": 1, "progress": False}
    return TextClassifier(rnn, **{**small, **options})


def forecaster(rnn, **options):
    small = {"hidden_size": 3, "epochs": 1, "valid": 30, "progress": False}
    return RNNForecaster(rnn, 5, 2, **{**small, **options})


def fit(model):
    """The model, fitted on what it takes."""
    if isinstance(model, TextClassifier):
        return model.fit(TEXTS, LABELS, valid=(TEXTS[:4], LABELS[:4]))
    return model.fit(TABLE)


def answers(model):
    """What a fitted model says, as an array."""
    if isinstance(model, TextClassifier):
        return model.predict_proba(TEXTS[:4])
    return model.predict(2)[["forecast", "q0.05", "q0.95"]].to_numpy()


either = pytest.mark.parametrize("make", [classifier, forecaster])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_is_known_by_its_name(name):
    rnn = framework(name)
    assert framework_of(framework_name(rnn)) is rnn
    assert framework_name(framework_name(rnn)) in NAMES


@either
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_options_of_a_run_are_passed_on(make, name, monkeypatch, tmp_path):
    rnn = framework(name)
    given = {
        "checkpoint": tmp_path / "run.safetensors",
        "resume": True,
        "device": "cpu",
        "progress": False,
        "clip_norm": None,
        "patience": 7,
        "epochs": 2,
        "schedule": "cosine",
    }
    seen = {}
    train = rnn.fit

    def spy(*arguments, **options):
        seen.update(options)
        return train(*arguments, **options)

    monkeypatch.setattr(rnn, "fit", spy)
    fit(make(rnn, optimizer=("sgd", {"momentum": 0.5}), lr=0.125, **given))
    assert {key: seen[key] for key in given} == given
    assert seen["optimizer"] == ("sgd", {"momentum": 0.5, "lr": 0.125})
    assert given["checkpoint"].exists()


@either
@pytest.mark.parametrize("name", FRAMEWORKS[:1])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be a whole number, got 2.5"),
        ({"optimizer": "adem"}, ValueError, "unknown optimizer 'adem': choose one of adam,"),
        (
            {"optimizer": ("adam", {"lr": 1})},
            ValueError,
            "lr=1 and lr=.* leave it out of the options",
        ),
        ({"optimizer": 3}, TypeError, "optimizer is a name or a pair"),
        ({"lr": -1}, ValueError, "optimizer 'adam': lr must be above 0.* got -1"),
        ({"clip_norm": 0}, ValueError, "clip_norm is the largest norm .* got 0"),
        ({"patience": 0}, ValueError, "patience must be at least 1, got 0"),
        ({"schedule": "never"}, ValueError, "unknown schedule 'never'"),
        (
            {"resume": True},
            ValueError,
            "resume=True needs the file to go on from: give checkpoint=",
        ),
        ({"rng": 1.5}, TypeError, "rng is a whole number or a numpy SeedSequence, got float"),
        ({"rng": -1}, ValueError, "rng must not be negative, got -1"),
        ({"cell": "gnu"}, ValueError, "unknown cell 'gnu': choose one of"),
        ({"cell": ("gru", {"peepholes": 1})}, ValueError, "cell 'gru' has no option 'peepholes'"),
        ({"hidden_size": 0}, ValueError, "hidden_size must be at least 1, got 0"),
        ({"hiden_size": 3}, TypeError, "unexpected keyword argument 'hiden_size'"),
    ],
)
def test_bad_options_are_named_when_it_is_built_and_by_fit(make, name, options, error, message):
    rnn = framework(name)
    with pytest.raises(error, match=message):
        make(rnn, **options)
    if "hiden_size" in options:
        return
    model = make(rnn).set_params(**options)
    with pytest.raises(error, match=message):
        fit(model)
    assert not hasattr(model, "model_")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"embedding_size": 0}, ValueError, "embedding_size must be at least 1"),
        ({"pool": "sum"}, ValueError, "unknown pool 'sum': choose one of last, mean, max"),
        ({"dropout": 1.0}, ValueError, "dropout must be at least 0 and below 1, got 1.0"),
        ({"dtype": "int8"}, ValueError, "unknown dtype 'int8'"),
        ({"bidirectional": 1}, TypeError, "bidirectional is True or False, got 1"),
        ({"native": "yes"}, TypeError, "native is True or False, got 'yes'"),
        ({"tokenizer": "word"}, ValueError, "unknown tokenizer 'word': choose one of"),
        ({"min_count": 0}, ValueError, "min_count must be at least 1, got 0"),
        ({"max_tokens": 0}, ValueError, "max_tokens must be at least 1, got 0"),
        (
            {"valid_share": 1},
            ValueError,
            "valid_share must be above 0 and below 1, got 1: .*valid_share=0.2",
        ),
        ({"valid_share": 0}, ValueError, "valid_share must be above 0 .* got 0: for instance"),
    ],
)
def test_bad_options_of_a_classifier_are_named(options, error, message):
    with pytest.raises(error, match=message):
        classifier("torch", **options)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_a_share_is_held_out_of_each_class(name, monkeypatch):
    rnn = framework(name)
    seen = {}

    def spy(network, batches, *, valid, **options):
        seen.update(train=len(batches.x), valid=valid)
        raise ZeroDivisionError

    monkeypatch.setattr(rnn, "fit", spy)
    with pytest.raises(ZeroDivisionError):
        classifier(rnn, valid_share=0.25).fit(TEXTS, LABELS)
    assert seen["train"] == 18
    assert np.bincount(seen["valid"].y).tolist() == [3, 3]
    with pytest.raises(
        ValueError, match=r"patience=3 waits .*valid=\(texts, labels\).*valid_share=0.2"
    ):
        classifier(rnn, patience=3).fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="valid_share=0.01 of 24 texts cannot be held out of each"):
        classifier(rnn, valid_share=0.01).fit(TEXTS, LABELS)


def test_word_counts_choose_by_a_share_and_learn_from_all():
    model = WordCounts(min_count=1).fit(TEXTS, LABELS)
    assert (model.predict(TEXTS) == LABELS).all()
    assert model.counter_.transform([["good"]]).sum() > 0
    again = WordCounts(min_count=1).fit(TEXTS, LABELS, valid=(TEXTS, LABELS))
    assert len(again.tried_) == len(model.tried_)


@either
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_ctrl_c_keeps_what_was_learned(make, name, monkeypatch):
    rnn = framework(name)
    model = fit(make(rnn, rng=1))
    other = fit(make(rnn, rng=2))
    started = answers(other)

    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(rnn, "fit", stopped)
    for later in (make(rnn, rng=2), model.set_params(rng=2)):
        with pytest.raises(KeyboardInterrupt):
            fit(later)
        assert np.isfinite(answers(later)).all()
        # stopped before its first update
        assert not np.allclose(answers(later), started, rtol=1e-9)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_a_fit_that_fails_leaves_no_half_of_another(name, monkeypatch):
    rnn = framework(name)
    model = fit(forecaster(rnn))

    def failing(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(rnn, "fit", failing)
    with pytest.raises(ZeroDivisionError):
        model.fit(TABLE.assign(unique_id="b"))
    with pytest.raises(NotFittedError):
        model.predict(2)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_with_validation_the_best_epoch_is_kept(name):
    """Without patience too: at this rate the last epochs are far worse than the best one."""
    rnn = framework(name)
    model = classifier(rnn, epochs=12, lr=0.5, rng=4)
    valid = TEXTS[:6], LABELS[6:12][::-1]
    model.fit(TEXTS, LABELS, valid=valid)
    losses = model.history_.valid
    assert len(losses) == 12
    assert losses[-1] > 1.01 * min(losses)
    data = Batches(encode_examples(model.encoder_, model.classes_, *valid), 256)
    assert rnn.evaluate(model.model_, data, "cross_entropy") == pytest.approx(min(losses), rel=1e-4)


@either
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_was_learned_does_not_depend_on_later_params(make, name, tmp_path):
    model = fit(make(framework(name)))
    before = answers(model)
    other = next(key for key in NAMES if key != model.rnn)
    model.set_params(hidden_size=9, cell="lstm", rnn=other)
    np.testing.assert_array_equal(answers(model), before)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(answers(copied), before)
        assert copied.hidden_size == 9
    assert not hasattr(clone(model), "model_")
    if make is classifier:
        model.save(tmp_path / "m.safetensors")
        again = TextClassifier.load(tmp_path / "m.safetensors", framework(name))
        np.testing.assert_array_equal(answers(again), before)


@both
@either
@pytest.mark.parametrize("writer", ["torch", "tensorflow"])
def test_either_framework_reads_a_file(make, writer, tmp_path):
    kind = TextClassifier if make is classifier else BaseForecaster
    reader = next(name for name in NAMES if name != writer)
    model = fit(make(writer))
    model.save(tmp_path / "m.safetensors")
    again = kind.load(tmp_path / "m.safetensors", rnn=reader)
    assert (again.rnn, again.framework_) == (reader, reader)
    np.testing.assert_allclose(answers(again), answers(model), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(answers(kind.load(tmp_path / "m.safetensors")), answers(model))


@either
def test_not_fitted_is_one_error(make):
    for door in (answers, lambda model: model.save("never-written")):
        with pytest.raises(NotFittedError, match="has not been fitted: call fit"):
            door(make("torch"))


def test_a_seed_sequence_is_kept(tmp_path):
    seed = np.random.SeedSequence(3, spawn_key=(1,))
    model = fit(classifier("torch", rng=seed))
    assert model.rng is seed
    model.save(tmp_path / "m.safetensors")
    found = TextClassifier.load(tmp_path / "m.safetensors").rng
    assert (found.entropy, found.spawn_key) == (3, (1,))
    np.testing.assert_array_equal(answers(fit(clone(model))), answers(model))
