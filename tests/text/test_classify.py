"""Labelled sentences to a saved classifier, in either framework; what a classifier of texts
refuses; the README's ten lines."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from backends import FRAMEWORKS, both, framework
from rnnlib.core import rounding, weight_files
from rnnlib.core.errors import NotFittedError
from rnnlib.text import tokenizers
from rnnlib.text.classifier import TextClassifier
from rnnlib.text.encoder import Encoder, encode_examples
from rnnlib.training import checkpoint_format

ROOT = Path(__file__).parents[2]
GOOD, BAD = "fun wise warm sharp".split(), "dull flat cold loud".split()


def sentences(count, rng=0):
    """Sentences in which one word out of two lists decides, beside words that say nothing."""
    rng = np.random.default_rng(rng)
    labels = rng.permutation(np.repeat(["bad", "good"], count // 2))
    fill = "the film its plot and a cast".split()
    told = {"good": GOOD, "bad": BAD}
    return [
        " ".join(rng.permutation([*rng.choice(fill, rng.integers(2, 6)), rng.choice(told[label])]))
        for label in labels
    ], labels.tolist()


SMALL = dict(embedding_size=8, hidden_size=7, progress=False)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def fitted(request):
    rnn = framework(request.param)
    how = dict(
        tokenizer="treebank", cell="lstm", dropout=0.1, epochs=12, lr=1e-2, patience=6, rng=5
    )
    model = TextClassifier(rnn, **SMALL, **how)
    return rnn, model.fit(*sentences(200), valid=sentences(40, 1))


def test_it_learns_and_answers_with_the_labels(fitted):
    _, model = fitted
    texts, labels = sentences(100, 2)
    assert (
        model.classes_.tolist() == ["bad", "good"]
        and (model.predict(texts) == labels).mean() > 0.95
    )
    p = model.predict_proba(texts)
    assert p.shape == (100, 2) and np.allclose(p.sum(axis=1), 1) and p.dtype == float
    assert (model.classes_[p.argmax(axis=1)] == model.predict(texts)).all()
    assert len(model.history_.valid) == len(model.history_)


def test_a_file_gives_the_same_classifier(fitted, tmp_path):
    rnn, model = fitted
    model.save(tmp_path / "m.safetensors")
    again = TextClassifier.load(tmp_path / "m.safetensors")
    texts, labels = sentences(50, 3)
    np.testing.assert_array_equal(again.predict_proba(texts), model.predict_proba(texts))
    assert again.get_params() == model.get_params()  # rng among them
    assert again.framework_ == model.framework_
    both = [
        m.fit(texts, labels, valid=(texts, labels)).predict_proba(texts)
        for m in (clone(model), again)
    ]
    np.testing.assert_array_equal(*both)  # it learns anew as it did


@both
def test_one_framework_reads_what_the_other_wrote(fitted, tmp_path):
    rnn, model = fitted
    model.save(tmp_path / "m.safetensors")
    other = framework({"rnnlib.pt": "tf", "rnnlib.tf": "pt"}[rnn.__name__])
    again = TextClassifier.load(tmp_path / "m.safetensors", other)
    texts, _ = sentences(50, 3)
    assert rounding.same(again.predict_proba(texts), model.predict_proba(texts), dtype="float32")


@both
def test_twins_learn_the_same(tmp_path):
    texts, labels = sentences(60)
    p = [
        TextClassifier(framework(side), **SMALL, rng=3, epochs=1).fit(texts, labels)
        for side in ("pt", "tf")
    ]
    np.testing.assert_allclose(p[0].predict_proba(texts), p[1].predict_proba(texts), atol=1e-4)


def test_odd_texts(fitted):
    """Only punctuation, a script never seen, a word never seen: <unk>, and an answer.  An empty
    text: an error."""
    _, model = fitted
    p = model.predict_proba(["?!", "Привет 世界", "zyzzyva", "THE FILM"])
    assert np.isfinite(p).all()
    assert rounding.same(p[3], model.predict_proba(["the film"])[0], dtype="float32")
    assert rounding.same(p[2], model.predict_proba(["xylograph"])[0], dtype="float32")
    for bad in ("", " \n"):
        with pytest.raises(ValueError, match="text 1 is empty .* has no tokens.*: leave it out"):
            model.predict(["a film", bad])
    with pytest.raises(TypeError, match="texts must be a list of strings, got str"):
        model.predict("a film")
    with pytest.raises(TypeError, match="text 0 must be a string, got int"):
        model.predict([3])


@pytest.mark.parametrize("side", FRAMEWORKS)
def test_fit_refuses(side, tmp_path):
    model = TextClassifier(framework(side), **SMALL)
    texts, labels = sentences(20)
    for change, error, message in (
        (
            dict(labels=["good"] * 20),
            ValueError,
            "all 20 labels are 'good': a classifier needs two classes",
        ),
        (dict(labels=labels[:-1]), ValueError, "20 texts and 19 labels"),
        (
            dict(labels=[0.5] * 20),
            TypeError,
            "labels must be strings or whole numbers, .* got 0.5 at place 0",
        ),
        (
            dict(labels="good"),
            TypeError,
            "labels must be a list of strings or whole numbers, got str",
        ),
        (dict(texts=[*texts[:-1], ""]), ValueError, "text 19 is empty"),
        (dict(texts=[], labels=[]), ValueError, "0 texts and 0 labels"),
        (dict(texts=[str(i) for i in range(20)]), ValueError, "no token is left with min_count=2"),
        (
            dict(valid=(texts, ["fine"] * 20)),
            ValueError,
            "label 0 is 'fine', which is none of the classes",
        ),
    ):
        with pytest.raises(error, match=message):
            model.fit(**{"texts": texts, "labels": labels, **change})
    assert not hasattr(model, "classes_")
    with pytest.raises(NotFittedError, match="has not been fitted: call fit"):
        model.predict(texts)
    with pytest.raises(NotFittedError, match="has not been fitted"):
        model.save(tmp_path / "m.safetensors")


@pytest.mark.parametrize("side", FRAMEWORKS)
def test_files_refuse(side, tmp_path):
    rnn, (texts, labels) = framework(side), sentences(20)
    rnn.save(tmp_path / "w.safetensors", rnn.Classifier(2, 3, 2))
    with pytest.raises(ValueError, match="holds weights, but no text classifier"):
        TextClassifier.load(tmp_path / "w.safetensors")
    own = TextClassifier(
        rnn, **SMALL, epochs=1, tokenizer=lambda whole: tokenizers.word_tokens(whole)
    )
    own.fit(texts, labels)
    with pytest.raises(ValueError, match="a tokenizer of your own cannot be written to a file"):
        own.save(tmp_path / "m.safetensors")
    cut = TextClassifier(
        rnn, **SMALL, epochs=1, tokenizer=tokenizers.Subwords(texts, 60), max_tokens=9
    )
    cut.fit(texts, labels).save(tmp_path / "s.safetensors")
    again = TextClassifier.load(tmp_path / "s.safetensors")
    np.testing.assert_array_equal(again.predict_proba(texts), cut.predict_proba(texts))
    assert again.encoder_.vocabulary.tokens[2:] == sorted(again.encoder_.tokenizer.pieces)


FIXTURES = ROOT / "tests" / "fixtures"


@pytest.mark.parametrize("reader", FRAMEWORKS)
@pytest.mark.parametrize("writer", ["pt", "tf", "subwords"])
def test_files_of_version_0_1_0_are_read(reader, writer):
    """The files were written by that version, with what it answered beside them."""
    asked = json.loads((FIXTURES / "text_classifier_0_1_0.json").read_text(encoding="utf-8"))
    texts = asked["texts"][: len(asked[writer])]
    path = FIXTURES / f"text_classifier_0_1_0_{writer}.safetensors"
    model = TextClassifier.load(path, framework(reader))
    np.testing.assert_allclose(model.predict_proba(texts), asked[writer], atol=1e-6)
    assert (model.embedding_size, model.hidden_size) == (5, 4)
    if writer == "subwords":
        assert model.classes_.tolist() == [1, 3]
        assert model.cell == "elman"
        assert model.lower is False
    else:
        assert model.classes_.tolist() == ["bad", "good"]
        assert (model.bidirectional, model.num_layers, model.pool) == (True, 2, "mean")
        assert (model.tokenizer, model.max_tokens) == ("treebank", 9)


@pytest.mark.parametrize("side", FRAMEWORKS[:1])
def test_damaged_files_are_named(side, tmp_path):
    """Each field of the header taken out in turn, and some that hold something else."""
    model = TextClassifier(framework(side), **SMALL, epochs=1).fit(*sentences(20))
    path = tmp_path / "m.safetensors"
    model.save(path)
    arrays, about = checkpoint_format.read(path)
    kept = about["about"]["text_classifier"]
    damaged = [
        ({key: value for key, value in kept.items() if key != lost}, f"'{lost}' is missing")
        for lost in kept
    ]
    damaged += [
        ({**kept, "architecture": {**kept["architecture"], "gnu": 1}}, "cannot be read"),
        ({**kept, "classes": kept["classes"][:1]}, "cannot be read"),
        ({**kept, "params": {**kept["params"], "cell": "gnu"}}, "unknown cell 'gnu'"),
        ({**kept, "encoder": {**kept["encoder"], "vocabulary": {}}}, "is missing"),
    ]
    for text_classifier, message in damaged:
        broken = {**about, "about": {"text_classifier": text_classifier}}
        weight_files.write_weights(path, arrays, broken)
        with pytest.raises(
            ValueError, match=f"m.safetensors holds a text classifier that.*{message}"
        ):
            TextClassifier.load(path)


def test_encoder_reads_as_it_says():
    encoder = Encoder(["A film, a film!", "a plot"], min_count=1)
    x, lengths = encoder(["a Plot", "a film , a cast"])
    assert lengths.tolist() == [2, 5] and x.dtype == np.int64
    assert encoder.vocabulary.decode(x[0]) == ["a", "plot", "<pad>", "<pad>", "<pad>"]
    assert encoder.vocabulary.decode(x[1]) == ["a", "film", ",", "a", "<unk>"]
    strict = Encoder(["A film", "a film"], lower=False, min_count=1, max_tokens=1)
    assert strict.vocabulary.tokens == ["<pad>", "<unk>", "A", "a"] and strict(["film a"])[
        1
    ].tolist() == [1]
    x, y, lengths = encode_examples(encoder, ["no", "yes"], ["a film", "plot"], ["yes", "no"])
    assert y.tolist() == [1, 0] and lengths.tolist() == [2, 1]


def ten_lines():
    """The README's block on sentences, as it stands there."""
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    (found,) = [block for block in blocks if "TextClassifier" in block]
    return found


@pytest.mark.parametrize("side", FRAMEWORKS)
def test_the_ten_lines_of_the_readme(side, tmp_path):
    framework(side)
    code = ten_lines()
    assert len(code.strip().splitlines()) <= 10 and "import rnnlib.pt as rnn" in code
    code = code.replace("import rnnlib.pt as rnn", f"import rnnlib.{side} as rnn")
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=None,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split("\n")[0] == "['good' 'bad']"
