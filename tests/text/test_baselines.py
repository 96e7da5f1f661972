"""Baselines against their definitions, written out slowly, and against other packages."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib.forecasting import one_step
from rnnlib.text import bag_of_words, lexicon, ngram


def test_naive_forecasts():
    history, rest = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0]
    assert one_step.persistence(history, rest).tolist() == [4, 5, 6]
    assert one_step.seasonal_naive(history, rest, m=2).tolist() == [3, 4, 5]
    assert one_step.seasonal_naive(history, rest, m=4).tolist() == [1, 2, 3]


def series(steps):
    rng = np.random.default_rng(4)
    y = [0.0, 0.0]
    for _ in range(steps):
        y.append(2 + 0.6 * y[-1] - 0.3 * y[-2] + rng.normal())
    return np.array(y)


@pytest.mark.parametrize("p", [1, 3])
def test_autoregression_is_least_squares_on_the_training_part(p):
    y = series(200)
    train, rest = y[:150], y[150:]
    model = one_step.AutoRegression(p).fit(train)
    lags = np.column_stack([np.ones(150 - p), *(train[p - k : 150 - k] for k in range(1, p + 1))])
    np.testing.assert_allclose(
        model.params_, np.linalg.lstsq(lags, train[p:], rcond=None)[0], rtol=1e-9
    )
    expected = [
        model.params_ @ [1, *(y[t - k] for k in range(1, p + 1))] for t in range(150, len(y))
    ]
    np.testing.assert_allclose(model.predict(train, rest), expected, rtol=1e-12)


def test_autoregression_agrees_with_statsmodels_on_the_rest():
    from statsmodels.tsa.ar_model import AutoReg

    y = series(120)
    ours = one_step.AutoRegression(2).fit(y[:80]).predict(y[:80], y[80:])
    theirs = AutoReg(y[:80], lags=2, trend="c").fit().append(y[80:]).predict(start=80)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_forecasts_do_not_see_what_they_forecast():
    y, changed = series(60), series(60)
    changed[45:] += 100
    model = one_step.AutoRegression(2).fit(y[:40])
    for forecast in (
        lambda values: model.predict(values[:40], values[40:]),
        lambda values: one_step.persistence(values[:40], values[40:]),
        lambda values: one_step.seasonal_naive(values[:40], values[40:], m=7),
    ):
        np.testing.assert_array_equal(forecast(y)[:6], forecast(changed)[:6])


def test_forecasts_refuse():
    with pytest.raises(ValueError, match="history of 2 steps is shorter than m=3"):
        one_step.seasonal_naive([1.0, 2.0], [3.0], m=3)
    with pytest.raises(ValueError, match="history of 1 steps is shorter than p=2"):
        one_step.AutoRegression(2).fit(series(20)).predict([1.0], [2.0])
    with pytest.raises(ValueError, match="not been fitted"):
        one_step.AutoRegression(2).predict([1.0, 2.0], [2.0])
    with pytest.raises(ValueError, match="5 steps are too few for AR.2.: at least 6"):
        one_step.AutoRegression(2).fit(np.arange(5.0))
    with pytest.raises(ValueError, match="p must be at least 1"):
        one_step.AutoRegression(0)
    with pytest.raises(ValueError, match="train has 1 values that are NaN"):
        one_step.AutoRegression(1).fit([1.0, np.nan, 2.0, 3.0, 5.0])


def test_markov_chain_by_hand():
    model = ngram.MarkovChain(3, alpha=0.5).fit([0, 1, 0, 1, 1])
    np.testing.assert_allclose(
        model.P_,
        np.array([[0.5, 2.5, 0.5], [1.5, 1.5, 0.5], [0.5, 0.5, 0.5]]) / [[3.5], [3.5], [1.5]],
    )
    assert model.cross_entropy([1, 0, 1]) == pytest.approx(
        -(np.log2(1.5 / 3.5) + np.log2(2.5 / 3.5)) / 2
    )


def kneser_ney(train, order, vocab_size, discount, context, word):
    """The definition, by counting tuples; ids of `train` are one stream."""
    if order == 0:
        return 1 / vocab_size
    context = tuple(context)[len(context) - (order - 1) :] if order > 1 else ()
    longest = kneser_ney.longest
    if order == longest:
        grams = Counter(tuple(train[i : i + order]) for i in range(len(train) - order + 1))
    else:
        longer = {tuple(train[i : i + order + 1]) for i in range(len(train) - order)}
        grams = Counter(gram[1:] for gram in longer)
    if discount is None:
        once, twice = (sum(count == n for count in grams.values()) for n in (1, 2))
        d = once / (once + 2 * twice) if once and twice else 0.5
    else:
        d = discount
    lower = kneser_ney(train, order - 1, vocab_size, discount, context[1:], word)
    total = sum(count for gram, count in grams.items() if gram[:-1] == context)
    if total == 0:
        return lower
    kinds = sum(gram[:-1] == context for gram in grams)
    return (max(grams[(*context, word)] - d, 0) + d * kinds * lower) / total


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(2, 5),
    st.lists(st.integers(0, 3), min_size=6, max_size=40),
    st.sampled_from([None, 0.3]),
)
def test_ngram_is_its_definition_and_sums_to_one(order, vocab_size, train, discount):
    train = [i % vocab_size for i in train]
    kneser_ney.longest = order
    model = ngram.NGram(order, vocab_size, discount).fit(train)
    for context in ([], [0], [1, 0], train[-3:], [vocab_size - 1] * 4):
        got = model.probabilities(context)
        k = min(order, len(context) + 1)
        expected = [
            kneser_ney(train, k, vocab_size, discount, context, word) for word in range(vocab_size)
        ]
        np.testing.assert_allclose(got, expected, rtol=1e-10)
        assert got.sum() == pytest.approx(1, abs=1e-12) and got.min() > 0


def test_scores_are_the_probabilities_after_each_prefix():
    rng = np.random.default_rng(5)
    model = ngram.NGram(3, 7).fit(rng.integers(0, 6, 300))
    ids = rng.integers(0, 7, 20)
    expected = [np.log2(model.probabilities(ids[:i])[ids[i]]) for i in range(20)]
    np.testing.assert_allclose(model.log2_probabilities(ids), expected, rtol=1e-12)
    assert model.cross_entropy(ids) == pytest.approx(-np.mean(expected))


def test_ngram_agrees_with_nltk_where_both_are_defined():
    from nltk.lm import KneserNeyInterpolated
    from nltk.util import everygrams

    rng = np.random.default_rng(6)
    once = rng.integers(0, 5, 120).tolist()
    train = (
        once + once
    )  # no gram is seen only at the very start, where nltk's counts of kinds and sums differ
    theirs = KneserNeyInterpolated(3, discount=0.4)
    theirs.fit(
        [list(everygrams([str(i) for i in train], max_len=3))],
        vocabulary_text=[str(i) for i in train],
    )
    ours = ngram.NGram(3, 5, discount=0.4).fit(train)
    counts, total, kinds, _ = ours._levels[0]
    ours._levels[0] = (counts, total, kinds, 0.0)  # nltk's unigrams are not discounted
    for context in ([0, 1], [2, 3], [4, 4]):
        assert train.count(context[0])
        expected = [theirs.score(str(word), [str(i) for i in context]) for word in range(5)]
        np.testing.assert_allclose(ours.probabilities(context), expected, rtol=1e-9)


def test_a_longer_memory_pays_where_there_is_one():
    ids = np.tile([0, 1, 0, 2], 100)  # after 0 comes 1 or 2: two ids before tell which
    bits = [ngram.NGram(order, 3).fit(ids[:300]).cross_entropy(ids[300:]) for order in (1, 2, 3)]
    assert bits[0] > bits[1] > 10 * bits[2]


def test_language_models_refuse():
    with pytest.raises(ValueError, match="order must be at least 1"):
        ngram.NGram(0, 5)
    with pytest.raises(ValueError, match="discount=1.5"):
        ngram.NGram(2, 5, discount=1.5)
    with pytest.raises(ValueError, match="alpha=0"):
        ngram.MarkovChain(5, alpha=0)
    with pytest.raises(ValueError, match="2 ids are too few for order 3: at least 4"):
        ngram.NGram(3, 5).fit([1, 2])
    for model in (ngram.NGram(2, 5), ngram.MarkovChain(5)):
        with pytest.raises(ValueError, match="not been fitted"):
            model.cross_entropy([1, 2])
        with pytest.raises(ValueError, match="ids from 0 to 5, but vocab_size=5 allows 0 to 4"):
            model.fit([0, 5, 1, 2])
        with pytest.raises(TypeError, match="encode the text first"):
            model.fit([0.0, 1.0, 2.0])


def test_markov_chain_refuses_what_would_give_nan():
    with pytest.raises(ValueError, match="alpha=inf: expected a finite number above 0"):
        ngram.MarkovChain(3, alpha=np.inf)
    with pytest.raises(ValueError, match="one id has nothing before it"):
        ngram.MarkovChain(3).fit([0, 1, 2]).cross_entropy([1])


def reviews(count, rng=0):
    """Texts in which a pair of words decides: "not" turns the word after it round."""
    rng = np.random.default_rng(rng)
    words, turned = rng.choice(["fine", "poor"], count), rng.random(count) < 0.5
    texts = [f"the film is {'not ' * int(t)}{w} ." for w, t in zip(words, turned, strict=True)]
    return texts, ((words == "fine") != turned).astype(int)


@pytest.mark.parametrize("kind", ["logistic", "bayes"])
def test_word_counts_need_pairs_for_negation(kind):
    model = bag_of_words.WordCounts(kind).fit(*reviews(200), valid=reviews(60, 1))
    assert model.chosen_["pairs"] and (model.predict(reviews(60, 2)[0]) == reviews(60, 2)[1]).all()
    words = [row for row in model.tried_ if not row["pairs"]]
    assert max(row["accuracy"] for row in words) < 0.8 and len(words) == len(model.tried_) / 2
    best = max(model.tried_, key=lambda row: (row["accuracy"], -row["loss"]))
    assert {name: best[name] for name in model.chosen_} == model.chosen_
    p = model.predict_proba(
        ["The FILM is fine .", "", "?!", "Привет zyzzyva"]
    )  # unknown words count for nothing
    assert p.shape == (4, 2) and np.allclose(p.sum(axis=1), 1) and (p[3] == p[1]).all()
    if kind == "logistic":
        weights = model.weights()
        assert list(weights.values()) == sorted(weights.values())
        assert weights["not fine"] < 0 < weights["not poor"]


def test_word_counts_are_scikit_learns():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    (texts, labels), valid = reviews(100), reviews(40, 1)
    model = bag_of_words.WordCounts("bayes").fit(texts, labels, valid)
    count = CountVectorizer(
        ngram_range=(1, 2),
        min_df=2,
        token_pattern=r"\w+|[^\w\s]",
        binary=model.chosen_["counted"] == "presence",
    )
    own = MultinomialNB(alpha=model.chosen_["alpha"]).fit(count.fit_transform(texts), labels)
    np.testing.assert_allclose(
        model.predict_proba(valid[0]), own.predict_proba(count.transform(valid[0])), rtol=1e-12
    )


def test_word_counts_refuse():
    with pytest.raises(ValueError, match="unknown kind 'svm': choose one of logistic, bayes"):
        bag_of_words.WordCounts("svm")
    with pytest.raises(ValueError, match="all 2 labels are 1: a classifier needs two classes"):
        bag_of_words.WordCounts().fit(["a b", "a b"], [1, 1], (["a"], [1]))
    with pytest.raises(ValueError, match="this WordCounts has not been fitted"):
        bag_of_words.WordCounts().predict(["a"])
    with pytest.raises(TypeError, match="texts must be a list of strings, got str"):
        bag_of_words.WordCounts().fit("a b", [1, 0], (["a"], [1]))


LEXICON = {"good": 1.9, "horrible": -2.5, "fine": 0.8}


def test_vader_knows_negation_and_is_fitted_by_its_threshold():
    vader = lexicon.Vader(LEXICON)
    good, bad, none, empty, odd = vader.scores(
        ["it is good", "it is not good", "a film", "", "?! Привет"]
    )
    assert bad < 0 < good and none == empty == odd == 0
    assert vader.scores(["VERY good"])[0] > good
    texts = ["good", "fine", "horrible", "a film", "good good", "fine"]
    assert vader.predict(texts).tolist() == [1, 1, 0, 0, 1, 1]
    labels = [1, 0, 0, 0, 1, 0]
    assert vader.fit(texts, labels) is vader and vader.predict(texts).tolist() == labels
    fine, better = vader.scores(["fine", "good"])
    assert vader.threshold_ == pytest.approx((fine + better) / 2)


def test_vader_is_nltks(monkeypatch):
    import os

    from nltk.sentiment.vader import SentimentIntensityAnalyzer

    from rnnlib.data import datasets

    if not os.environ.get("RNNLIB_DATA") or not datasets.available("vader_lexicon"):
        pytest.skip("vader_lexicon is not here")
    path = Path(os.environ["RNNLIB_DATA"]) / "nltk_data"
    monkeypatch.setattr("nltk.data.path", [str(path)])
    own, texts = (
        SentimentIntensityAnalyzer(),
        ["The plot isn't good, but the CAST is GREAT!!!", ":-)", "least good"],
    )
    expected = [own.polarity_scores(whole)["compound"] for whole in texts]
    assert lexicon.Vader(datasets.load("vader_lexicon")).scores(texts).tolist() == expected
