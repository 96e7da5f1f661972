"""Files that version 0.1.0 wrote are read as they were meant: weights, checkpoints, classifiers."""

import importlib.util
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from backends import FRAMEWORKS, framework
from rnnlib.core import errors, weight_files
from rnnlib.data.batches import Batches
from rnnlib.text.classifier import TextClassifier
from rnnlib.training import checkpoint_format

OLD = Path(__file__).parents[1] / "fixtures" / "version_0_1_0"
spec = importlib.util.spec_from_file_location("made_by_0_1_0", OLD / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)
ANSWERS = weight_files.read_weights(OLD / "answers.safetensors")[0]
each = pytest.mark.parametrize("name", FRAMEWORKS)


@each
@pytest.mark.parametrize("writer", ["pt", "tf"])
@pytest.mark.parametrize("model", make.MODELS)
def test_weights_of_each_kind_of_model(name, writer, model):
    """Either framework reads what either wrote, and answers what it answered then."""
    rnn = framework(name)
    read = make.build(rnn, model, seed=5)
    about = rnn.restore(OLD / f"{writer}-{model}.safetensors", read)
    assert about == {"made": "for the tests", "number": 3}
    answer = make.answer(rnn, read, model)
    then = ANSWERS[f"{writer}/{model}"]
    if model == "elman":  # whose two quantiles ahead were filled up with zeros to the steps of x
        then = then[:, : answer.shape[1]]
    assert_allclose(answer, then, rtol=1e-4, atol=1e-5)


def goes_on(rnn, path, **changed):
    """The run of the fixture, resumed to its end."""
    x, _, lengths, y = make.data()
    model = make.build(rnn, "gru")
    options = {
        "loss": "cross_entropy",
        "optimizer": ("adam", {"lr": 0.01}),
        "epochs": 4,
        "clip_norm": 1.0,
    }
    history = rnn.fit(
        model,
        Batches((x, y, lengths), 4, rng=changed.pop("rng", 3)),
        valid=Batches((x, 1 - y, lengths), 4),
        keep="last",
        checkpoint=path,
        resume=True,
        **{**options, **changed},
    )
    return model, history


@each
def test_a_checkpoint_goes_on_to_the_weights_of_the_run_that_was_never_stopped(name, tmp_path):
    rnn, path = framework(name), tmp_path / "run.safetensors"
    shutil.copy(OLD / f"{name}-run.safetensors", path)
    with pytest.warns(errors.CannotCompare, match="the first weights"):
        model, history = goes_on(rnn, path)
    assert len(history) == 4
    assert_allclose(history.steps, ANSWERS[f"{name}/steps"], rtol=1e-4)
    for key, value in rnn.params(model).items():
        assert_allclose(value, ANSWERS[f"{name}/run/{key}"], rtol=1e-3, atol=1e-5, err_msg=key)
    assert checkpoint_format.read(path)[1]["format"] == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        goes_on(rnn, path, epochs=5)  # as a file of today, in which all can be compared


@each
@pytest.mark.parametrize(
    "changed",
    [
        {"rng": 4},
        {"loss": ("cross_entropy", {"per": "batch"})},
        {"clip_norm": 2.0},
        {"optimizer": "adam"},
    ],
    ids=["seed", "loss", "clip", "optimizer"],
)
def test_another_run_is_still_refused(name, changed, tmp_path):
    shutil.copy(OLD / f"{name}-run.safetensors", tmp_path / "run.safetensors")
    with pytest.raises(errors.OtherRun):
        goes_on(framework(name), tmp_path / "run.safetensors", **changed)


@each
def test_best_weights_of_a_checkpoint(name):
    rnn = framework(name)
    model = make.build(rnn, "gru", seed=8)
    assert rnn.restore(OLD / f"{name}-run.safetensors", model)["epochs"] == 2
    best = checkpoint_format.section(
        checkpoint_format.read(OLD / f"{name}-run.safetensors")[0], "best"
    )
    assert all(np.array_equal(value, best[key]) for key, value in rnn.params(model).items())


@each
def test_a_text_classifier(name):
    classifier = TextClassifier.load(OLD / "texts.safetensors", framework(name))
    assert list(classifier.classes_) == ["no", "yes"]
    assert_allclose(classifier.predict_proba(make.TEXTS[0][:4]), ANSWERS["texts"], atol=1e-5)
