"""What a stranger hands over as texts and labels:
each door says what is wrong, and where, or does what it documents.
"""

import numpy as np
import pandas as pd
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.core import validation
from rnnlib.metrics import (
    calibration,
    classification,
    language,
    probabilistic,
    regression,
    significance,
)
from rnnlib.text import bag_of_words, tokenizers, vocabulary
from rnnlib.text.classifier import TextClassifier
from rnnlib.text.encoder import Encoder
from rnnlib.text.lexicon import Vader

TEXTS, LABELS = ["good film", "bad film", "good plot", "bad plot"] * 5, ["g", "b"] * 10
VALID = TEXTS[:4], LABELS[:4]
SMALL = dict(embedding_size=4, hidden_size=4, epochs=1, progress=False)


def network(name):
    """A classifier with a `fit` like that of WordCounts."""
    model = TextClassifier(framework(name), **SMALL)
    return lambda texts, labels, valid=VALID: model.fit(texts, labels, valid)


DOORS = [*FRAMEWORKS, "logistic", "bayes"]


@pytest.fixture(params=DOORS)
def fit(request):
    name = request.param
    if name in ("pt", "tf"):
        return network(name)
    return lambda texts, labels, valid=VALID: bag_of_words.WordCounts(name).fit(
        texts, labels, valid
    )


BAD_LABELS = [
    (["g", None] * 10, TypeError, r"labels must be strings or whole numbers.* got None at place 1"),
    (["g", float("nan")] * 10, TypeError, "got nan at place 1"),
    (pd.Series(["g", pd.NA] * 10), TypeError, "got (nan|<NA>) at place 1"),
    (pd.Series([1, pd.NA] * 10, dtype="Int64"), TypeError, "got (nan|<NA>) at place 1"),
    (
        ["g", 1] * 10,
        TypeError,
        "labels are all strings or all whole numbers, got 'g' and, at place 1, 1",
    ),
    ([True, 2] * 10, TypeError, "got True and, at place 1, 2"),
    ([0.5, 1.0] * 10, TypeError, "got 0.5 at place 0"),
    (np.array([0.5, 1.0] * 10), TypeError, "labels must be strings or whole numbers.* got float64"),
    (np.eye(20, dtype=int), TypeError, r"labels must have shape \(N,\), got \(20, 20\)"),
    ([10**30, 1] * 10, TypeError, "labels must be strings or whole numbers"),
    ("gb" * 10, TypeError, "labels must be a list of strings or whole numbers, got str"),
    (None, TypeError, "labels must be a list of strings or whole numbers, got NoneType"),
    (LABELS[:3], ValueError, "20 texts and 3 labels: one label for each text"),
    (["g"] * 20, ValueError, "all 20 labels are 'g': a classifier needs two classes to tell apart"),
    ([7] * 20, ValueError, "all 20 labels are 7: a classifier needs two classes"),
]


@pytest.mark.parametrize(("labels", "error", "message"), BAD_LABELS)
def test_labels_are_named(fit, labels, error, message):
    with pytest.raises(error, match=message):
        fit(TEXTS, labels)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ([*TEXTS[:-1], None], TypeError, "text 19 must be a string, got NoneType"),
        ([*TEXTS[:-1], float("nan")], TypeError, "text 19 must be a string, got float"),
        ("good film", TypeError, "texts must be a list of strings, got str"),
        (dict.fromkeys(TEXTS[:2]), TypeError, "texts must be a list of strings, got dict"),
        (
            pd.DataFrame({"text": TEXTS}),
            TypeError,
            "texts must be a list of strings, got DataFrame",
        ),
        (None, TypeError, "texts must be a list of strings, got NoneType"),
        ([], ValueError, "0 texts and 20 labels"),
        ([f"w{i}" for i in range(20)], ValueError, "no token .*min_count=2"),
        ([*TEXTS[:-1], "bad \ud800"], ValueError, "character 4 .* half of a surrogate pair"),
    ],
)
def test_texts_are_named(fit, texts, error, message):
    with pytest.raises(error, match=message):
        fit(texts, LABELS)


@pytest.mark.parametrize(
    ("valid", "error", "message"),
    [
        (
            (TEXTS, LABELS, LABELS),
            TypeError,
            r"valid is a pair \(texts, labels\), got a tuple of 3",
        ),
        (TEXTS, TypeError, r"valid is a pair \(texts, labels\), got a list of 20"),
        (True, TypeError, r"valid is a pair \(texts, labels\), got bool"),
        (([], []), ValueError, "0 texts and 0 labels"),
        ((TEXTS[:2], ["g"]), ValueError, "2 texts and 1 labels"),
        (
            (TEXTS[:2], ["g", "z"]),
            ValueError,
            "label 1 is 'z', which is none of the classes .*'b', 'g'",
        ),
        ((TEXTS[:2], [0, 1]), ValueError, "label 0 is '?0'?, which is none of the classes"),
        ((TEXTS[:2], ["g", None]), TypeError, "got None at place 1"),
    ],
)
def test_validation_is_a_pair_of_the_same_classes(fit, valid, error, message):
    with pytest.raises(error, match=message):
        fit(TEXTS, LABELS, valid)


def test_validation_may_hold_one_class_alone(fit):
    assert fit(TEXTS, LABELS, (TEXTS[:1], ["g"])).classes_.tolist() == ["b", "g"]


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(LABELS),
        pd.Series(LABELS, index=range(7, 27), dtype="category"),
        pd.Series(LABELS, dtype="string"),
        np.array(LABELS, object),
    ],
)
def test_labels_of_pandas(fit, labels):
    assert fit(pd.Series(TEXTS), labels).classes_.tolist() == ["b", "g"]


def test_odd_texts_have_answers(fit):
    """Only punctuation, a script never seen, a token never seen, one combining mark."""
    model = fit(TEXTS, LABELS)
    p = model.predict_proba(["?!", "Привет 世界", "zyzzyva", "\u0301"])
    assert p.shape == (4, 2) and np.isfinite(p).all()
    with pytest.raises(ValueError, match="no texts: the list is empty"):
        model.predict([])
    with pytest.raises(TypeError, match="texts must be a list of strings, got DataFrame"):
        model.predict(pd.DataFrame({"good film": [1]}))


def test_the_framework_is_a_name_or_a_module():
    for rnn in ("pt", None, np):
        with pytest.raises(
            TypeError, match="rnn is 'torch' or 'tensorflow', or the module rnnlib.pt"
        ):
            TextClassifier(rnn)
    for rnn in FRAMEWORKS:
        rnn = framework(*rnn.values)
        name = TextClassifier(rnn).rnn
        assert name in ("torch", "tensorflow")
        assert TextClassifier(name).rnn is name


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_files_that_are_not_there(name, tmp_path):
    rnn = framework(name)
    model = network(name)(TEXTS, LABELS)
    with pytest.raises(
        OSError, match="could not write .*m.safetensors: no folder .*new.*: make it first"
    ):
        model.save(tmp_path / "new" / "m.safetensors")
    assert not (tmp_path / "new").exists()
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        TextClassifier.load(tmp_path / "m.safetensors")
    model.save(tmp_path / "m.safetensors")
    whole = (tmp_path / "m.safetensors").read_bytes()
    for k, broken in enumerate((whole[: len(whole) // 2], b"", b"not a file of ours", bytes(100))):
        path = tmp_path / f"{k}.safetensors"
        path.write_bytes(broken)
        with pytest.raises(
            ValueError, match=f"{k}.safetensors .{len(broken)} bytes. is not a whole safe"
        ):
            TextClassifier.load(path)
    rnn.save(tmp_path / "half.safetensors", model.model_, text_classifier={"classes": ["b", "g"]})
    with pytest.raises(
        ValueError,
        match="half.safetensors holds a text classifier that cannot be read, 'encoder' is missing",
    ):
        TextClassifier.load(tmp_path / "half.safetensors")


def test_word_counts_without_a_vocabulary():
    for texts, message in (
        (
            [f"w{i}" for i in range(20)],
            "no token stands in min_count=2 of the 20 texts: lower min_count",
        ),
        ([""] * 20, "no token stands in min_count=2 of the 20 texts"),
    ):
        with pytest.raises(ValueError, match=message):
            bag_of_words.WordCounts().fit(texts, LABELS, VALID)
    with pytest.raises(ValueError, match="no token stands in min_count=99 of the 20 texts"):
        bag_of_words.WordCounts(min_count=99).fit(TEXTS, LABELS, VALID)
    with pytest.raises(TypeError, match="lower is True or False, got 'no'"):
        bag_of_words.WordCounts(lower="no")


def test_weights_are_those_of_two_classes():
    with pytest.raises(ValueError, match="this WordCounts has not been fitted"):
        bag_of_words.WordCounts().weights()
    with pytest.raises(
        ValueError, match="weights are those of kind='logistic' and two classes.* 'bayes' and 2"
    ):
        bag_of_words.WordCounts("bayes").fit(TEXTS, LABELS, VALID).weights()
    three = [*LABELS, "z", "z"]
    with pytest.raises(ValueError, match="'logistic' and 3"):
        bag_of_words.WordCounts().fit([*TEXTS, "x y", "x y"], three, VALID).weights()


def test_vader_is_fitted_on_zeros_and_ones():
    vader = Vader({"good": 2.0, "bad": -2.0})
    for labels, error, message in (
        (
            LABELS,
            ValueError,
            "labels are 1 for positive and 0 for negative texts, both of them; got 'b', 'g'",
        ),
        ([1, -1] * 10, ValueError, "got -1, 1"),
        ([1] * 20, ValueError, "got 1$"),
        ([1, np.nan] * 10, TypeError, "got nan at place 1"),
        ([1, 0], ValueError, "20 texts and 2 labels"),
    ):
        with pytest.raises(error, match=message):
            vader.fit(TEXTS, labels)
        assert vader.threshold_ == 0
    assert vader.fit(TEXTS, np.array([1, 0] * 10, bool)).predict(TEXTS[:2]).tolist() == [1, 0]
    for lexicon in (None, {"good": "much"}, ["good"]):
        with pytest.raises(TypeError, match="lexicon is a dict of words and their ratings"):
            Vader(lexicon)


# ---- tokens and vocabularies


def test_tokenizers_of_strings_are_told_how_to_have_places():
    """str.split is what a stranger tries first."""
    message = (
        "a tokenizer gives Tokens, which know their places, got .*: "
        "text.align_tokens.strings, text. makes them"
    )
    for cut in (str.split, lambda whole: [1], lambda whole: None):
        doors = [
            lambda cut=cut: tokenizers.tokenize("a b", cut),
            lambda cut=cut: bag_of_words.WordCounts(tokenizer=cut).fit(TEXTS, LABELS, VALID),
            lambda cut=cut: Encoder(TEXTS, cut),
        ]
        for door in doors:
            with pytest.raises(TypeError, match=message):
                door()
    assert tokenizers.tokenize(
        "a b", lambda whole: tokenizers.align_tokens(whole.split(), whole)
    ) == [
        "a",
        "b",
    ]


def test_half_a_pair_is_no_character():
    for cut in tokenizers.TOKENIZERS.values():
        with pytest.raises(
            ValueError, match="character 1 of the text, '.ud83d', is half of a surrogate pair"
        ):
            cut("a\ud83d")


def test_vocabularies_refuse_what_is_no_entry():
    with pytest.raises(TypeError, match=r"special lists entries: special=\('<s>',\)"):
        vocabulary.Vocabulary(["a"], special="<s>")
    for options in ({"pad": 0}, {"unk": 1}):
        with pytest.raises(TypeError, match=r"(pad|unk) is a string or None, got [01]"):
            vocabulary.Vocabulary(["a"], **options)


# ---- scores of labels


def test_accuracy_names_what_is_no_label():
    for y, prediction, message in (
        (["a", np.nan], ["a", "b"], "y must be strings or whole numbers.* got nan at place 1"),
        (["a", None], ["a", "b"], "got None at place 1"),
        (["1", "2"], [1, 2], "y holds strings, prediction whole numbers: they are never equal"),
        ([0, 1], [0.2, 0.8], "argmax"),
    ):
        with pytest.raises(TypeError, match=message):
            classification.accuracy(y, prediction)
    assert classification.accuracy(np.array([1, 2], object), [1, 2]) == 1


def test_shapes_that_differ_are_named_as_they_were_given():
    two, one, bools = [1.0, 2.0], [1.0], np.ones(2, bool)
    for score, message in (
        (
            lambda: probabilistic.coverage(two, one, two),
            r"y has shape \(2,\), low \(1,\): they must agree",
        ),
        (lambda: probabilistic.coverage(two, two, [1, np.nan]), "high has 1 values that are NaN"),
        (lambda: probabilistic.crps_normal(two, one, one), r"y has shape \(2,\), mean \(1,\)"),
        (lambda: probabilistic.crps_normal(two, two, one), r"y has shape \(2,\), deviation \(1,\)"),
        (
            lambda: significance.diebold_mariano(two, one, horizon=1),
            r"errors has shape \(2,\), rival \(1,\)",
        ),
        (
            lambda: significance.block_bootstrap_ratio(two, one, block=1),
            r"errors has shape \(2,\), rival \(1,\)",
        ),
        (lambda: significance.mcnemar(bools, bools[:1]), r"right has shape \(2,\), rival \(1,\)"),
        (lambda: regression.mae(two, one), r"y has shape \(2,\), prediction \(1,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            score()
    for power in ("a", 0, -1, None):
        with pytest.raises((TypeError, ValueError), match="power must be"):
            significance.diebold_mariano([1.0, 2, 3, 4], [0.0, 2, 3, 5], horizon=1, power=power)
    for value in ("a", None):
        with pytest.raises(TypeError, match=f"nats must be a number, got {value!r}"):
            language.perplexity(value)
    assert language.perplexity(np.array(0.0)) == language.perplexity(np.float32(0)) == 1


def test_probabilities_of_one_column_say_nothing():
    """scikit-learn's Brier score of a single class that is certain and right would be 1, the
    worst.
    """
    for score in (calibration.brier, calibration.reliability, calibration.calibration_error):
        with pytest.raises(ValueError, match="p has 1 column, one for each class: two at least"):
            score([0, 0], np.ones((2, 1)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "2"], "y must hold numbers, got text"),
        (np.array(["1", 2], object), "y must hold numbers, got text"),
        (pd.date_range("2024", periods=2), "y must hold numbers, got datetime64"),
        ([1 + 1j, 2], "y must hold numbers, got complex128"),
        ([{}, 1], "y must hold numbers, got object"),
    ],
)
def test_numbers_are_no_text_and_no_dates(values, message):
    for door in (lambda v: validation.floats(v, "y"), lambda v: regression.mae(v, [1.0, 2.0])):
        with pytest.raises(TypeError, match=message):
            door(values)


def test_numbers_that_are_missing_are_nan():
    for values in ([None, 2], pd.Series([pd.NA, 2], dtype="Int64"), np.array([np.nan, 2], object)):
        np.testing.assert_array_equal(validation.floats(values, "y"), [np.nan, 2])
    with pytest.raises(ValueError, match="y has rows of different lengths"):
        regression.mae([[1], [1, 2]], [[1], [1, 2]])
