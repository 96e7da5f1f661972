"""Tokens and their places, vocabularies, windows of a language model."""

import itertools
import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib.text import lm_windows, tokenizers
from rnnlib.text.vocabulary import Vocabulary

PIECES = """" '' `` ' a n't don't & | &amp; &#9; &#124; . ... … “ ” ’ « é e\u0301 中文 कि 👍
$ % -- 3.5 , ( < [ gonna a.b/c?d=1&e ? : / İ"""
ODD = st.lists(
    st.sampled_from([*PIECES.split(), " ", "  ", "\n", "\t", "\x00", "\u200b", "\u00a0"]),
    min_size=1,
)
PRINTABLE = (st.text(min_size=1) | ODD.map("".join)).filter(str.strip)


def test_words_follow_the_documented_rule():
    sentence = "It's 3.14, not 1,000 (don't ask): naïve_x 2nd!"
    expected = [
        "It's",
        "3.14",
        ",",
        "not",
        "1,000",
        "(",
        "don't",
        "ask",
        ")",
        ":",
        "naïve_x",
        "2nd",
        "!",
    ]
    assert tokenizers.tokenize(sentence) == expected
    assert tokenizers.tokenize("ab c", "characters") == ["a", "b", " ", "c"]


def test_marks_belong_to_the_word():
    """Decomposed accents, the vowels of Devanagari, Thai and Arabic:
    combining marks are parts of what they stand on.
    """
    for whole, expected in (
        ("cafe\u0301, e\u0301te\u0301", ["cafe\u0301", ",", "e\u0301te\u0301"]),
        ("नमस्ते, हिन्दी कि!", ["नमस्ते", ",", "हिन्दी", "कि", "!"]),
        ("كِتَاب", ["كِتَاب"]),
        ("ที่", ["ที่"]),
        ("l\u0301'e\u0301te\u0301", ["l\u0301'e\u0301te\u0301"]),
        (
            "I \u2764\ufe0f it",
            ["I", "\u2764\ufe0f", "it"],
        ),  # a sign with a variation selector, which is a mark
        ("\u0301a 3.14", ["\u0301a", "3.14"]),
    ):
        assert tokenizers.tokenize(whole) == expected


def test_words_without_marks_are_cut_as_before():
    plain = re.compile(r"\d+(?:[.,]\d+)+|\w+(?:['’]\w+)*|[^\w\s]")
    signs = (
        "It's 3.14, x² ½ ٣٫٥ naïve_x \x1c\x1d\x1e\x1f\u200b\u00a0\u2028 中文 Привет ' a’b "
        "1,000.5 ª ﬁ ⅷ 𝟘 👍"
    )
    assert tokenizers.tokenize(signs) == [match[0] for match in plain.finditer(signs)]


@settings(max_examples=200, deadline=None)
@given(PRINTABLE)
def test_offsets_round_trip_and_cover_all_but_white_space(whole):
    for name, tokenizer in tokenizers.TOKENIZERS.items():
        tokens = tokenizer(whole)
        assert all(whole[token.start : token.end] == token.text for token in tokens), name
        assert all(a.end <= b.start for a, b in zip(tokens, tokens[1:], strict=False)), name
        assert "".join(whole.split()) == "".join("".join(t.text for t in tokens).split()), name
        assert name == "characters" or all(token.text.strip() for token in tokens), name
    assert "".join(tokenizers.tokenize(whole, "characters")) == whole


def test_tokenize_takes_any_function_to_tokens():
    def halves(whole):
        middle = len(whole) // 2
        return [
            tokenizers.Token(whole[:middle], 0, middle),
            tokenizers.Token(whole[middle:], middle, len(whole)),
        ]

    assert tokenizers.tokenize("abcd", halves) == ["ab", "cd"]


@pytest.mark.parametrize(
    "whole, tokenizer, error, message",
    [
        ("", "words", ValueError, "text is empty"),
        (" \n", "characters", ValueError, "2 characters, all of them white space"),
        (b"ab", "words", TypeError, "must be a string, got bytes"),
        (
            "ab",
            "word",
            ValueError,
            "unknown tokenizer 'word': choose one of characters, words, wordpunct",
        ),
    ],
)
def test_tokenize_refuses(whole, tokenizer, error, message):
    with pytest.raises(error, match=message):
        tokenizers.tokenize(whole, tokenizer)


def test_vocabulary_goes_by_frequency_then_alphabet():
    vocab = Vocabulary("b a a c b d".split(), min_count=1)
    assert vocab.tokens == ["<pad>", "<unk>", "a", "b", "c", "d"] and len(vocab) == 6
    assert vocab.encode(["a", "z", "d"]).tolist() == [2, 1, 5] and vocab.encode([]).shape == (0,)
    assert vocab.encode(["a"]).dtype == np.int64
    assert Vocabulary("b a a c b d".split(), min_count=2).tokens == ["<pad>", "<unk>", "a", "b"]
    assert Vocabulary("b a a c b d".split(), max_size=3).tokens == ["<pad>", "<unk>", "a"]
    assert Vocabulary("hello", pad=None, unk=None).tokens == ["l", "e", "h", "o"]
    assert "a" in vocab and "z" not in vocab and vocab.counts["b"] == 2


def test_an_unknown_entry_that_stands_in_the_text_is_that_entry():
    vocab = Vocabulary(["the", "<unk>", "<unk>", "the", "the"])
    assert vocab.tokens == ["<pad>", "<unk>", "the"] and vocab.counts["<unk>"] == 2


def test_policies_for_unknown_tokens():
    tokens = ["a", "b"]
    assert Vocabulary(tokens, unknown="skip").encode(["a", "z", "b"]).tolist() == [2, 3]
    for vocab in (Vocabulary(tokens, unknown="error"), Vocabulary(tokens, unk=None)):
        with pytest.raises(ValueError, match="token 1, 'z', is not among the"):
            vocab.encode(["a", "z"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=3), min_size=1, max_size=40), st.integers(1, 3))
def test_decode_inverts_encode(tokens, min_count):
    try:
        vocab = Vocabulary(tokens, min_count=min_count)
    except ValueError as error:
        assert "no token is left" in str(error)
        return
    ids = vocab.encode(tokens)
    assert ids.min() >= 1 and ids.max() < len(vocab)
    expected = [token if tokens.count(token) >= min_count else "<unk>" for token in tokens]
    assert vocab.decode(ids) == expected


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tokens": []}, "this text is empty"),
        (
            {"unknown": "ignore"},
            "unknown policy for unknown tokens 'ignore': choose one of unk, error, skip",
        ),
        ({"unk": None, "unknown": "unk"}, "needs an entry for unknown tokens"),
        ({"tokens": ["<pad>", "a"]}, "holds 1 tokens '<pad>'"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"min_count": 9}, "no token is left with min_count=9"),
        ({"max_size": 2}, "no token is left with min_count=1 and max_size=2"),
        ({"special": ("<s>", "a")}, "special entries .* need names of their own"),
        ({"special": ("<s>", "<s>")}, "special entries"),
    ],
)
def test_vocabulary_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(**{"tokens": ["a", "b", "a"], **options})


def test_decode_refuses():
    vocab = Vocabulary(["a", "b"])
    for ids, error, message in (
        ([4], ValueError, "ids from 4 to 4, but this vocabulary has 0 to 3"),
        ([-1], ValueError, "ids from -1"),
        ([0.0], TypeError, "float64"),
        ([[1]], TypeError, "shape"),
    ):
        with pytest.raises(error, match=message):
            vocab.decode(ids)
    assert vocab.decode([]) == []


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20))
def test_windows_predict_each_next_id_once(length, seq_len):
    ids = np.random.default_rng(length).integers(0, 50, length)
    if length < seq_len + 1:
        message = (
            "empty"
            if length == 0
            else f"{length} ids hold no window of {seq_len} and its successor: {seq_len + 1} are"
        )
        with pytest.raises(ValueError, match=message):
            lm_windows.make_lm_windows(ids, seq_len)
        return
    x, y = lm_windows.make_lm_windows(ids, seq_len)
    used = (length - 1) // seq_len * seq_len
    np.testing.assert_array_equal(x.ravel(), ids[:used])
    np.testing.assert_array_equal(y.ravel(), ids[1 : used + 1])
    assert x.shape == y.shape == (used // seq_len, seq_len) and x.dtype == np.int64


def test_windows_refuse():
    with pytest.raises(ValueError, match="seq_len must be at least 1"):
        lm_windows.make_lm_windows(np.arange(5), 0)
    with pytest.raises(TypeError, match="encode the text first"):
        lm_windows.make_lm_windows([0.5, 1.0, 2.0], 1)
    with pytest.raises(ValueError, match="shape"):
        lm_windows.make_lm_windows(np.zeros((3, 3), int), 1)


def test_tokens_that_are_no_strings_are_refused():
    """A Token equals no other: every one of them would be unknown."""
    vocabulary = Vocabulary(["a", "b"])
    for call in (Vocabulary, vocabulary.encode):
        with pytest.raises(TypeError, match="token 0 must be a string, got Token: `tokenize"):
            call(tokenizers.word_tokens("a b"))
        with pytest.raises(TypeError, match="tokens must be a list of strings, got NoneType"):
            call(None)
        with pytest.raises(TypeError, match="token 1 must be a string, got int"):
            call(["a", 1])
    with pytest.raises(ValueError, match="pad and unk are both '<x>'"):
        Vocabulary("abc", pad="<x>", unk="<x>")


TRICKY = """He said: "Don't pay $3.50 -- it's 5%!" (U.S. & co) can't."""


def test_tokenizers_differ_where_they_are_known_to():
    cut = {name: tokenizers.tokenize(TRICKY, name) for name in tokenizers.TOKENIZERS}
    assert cut["words"][4:6] == ["Don't", "pay"] and cut["wordpunct"][4:7] == ["Don", "'", "t"]
    assert cut["treebank"][4:6] == cut["spacy"][4:6] == ["Do", "n't"]
    # as written, not as ``
    assert cut["treebank"][3] == '"' and cut["treebank"][-3:] == ["ca", "n't", "."]
    assert "U.S." in cut["spacy"] and "&" in cut["toktok"] and "3.50" in cut["toktok"]
    assert "$" in cut["spacy"] and "%!" + '"' in cut["wordpunct"]
    assert tokenizers.spacy_tokens("Das gibt's z.B. nicht.", "de")[2].text == "z.B."


def test_aligned_gives_places_and_refuses_what_is_not_there():
    assert tokenizers.align_tokens(["a", "``", "b"], 'a  "b') == [
        ("a", 0, 1),
        ('"', 3, 4),
        ("b", 4, 5),
    ]
    with pytest.raises(ValueError, match="'c' does not stand in the text after character 1"):
        tokenizers.align_tokens(["a", "c"], "abc"[:2])
    with pytest.raises(ValueError, match="'a' does not stand in the text after character 2"):
        tokenizers.align_tokens(["b", "a"], "ab")


def test_subwords_merge_the_most_frequent_pair():
    """Sennrich et al.

    (2016), written out: count the pairs, merge one of the most frequent, again.
    """
    counts = {"low": 53, "lower": 29, "newest": 11, "widest": 5, "slowest": 2, "wow": 1}
    whole = " ".join(word for word, count in counts.items() for _ in range(count))
    cut = tokenizers.Subwords([whole], size=len(set(whole)) + 1 + 12)
    words = Counter(tuple(word) for word in re.findall(r" ?\w+", whole))
    assert len(cut.merges) == 12
    for merge in cut.merges:
        pairs = Counter(
            pair for word, count in words.items() for pair in [*itertools.pairwise(word)] * count
        )
        assert pairs[merge] == max(pairs.values())
        words = Counter({merged(word, merge): count for word, count in words.items()})
    pieces = set("".join(counts)) | {" "} | {"".join(merge) for merge in cut.merges}
    assert set(cut.pieces) == pieces
    assert all(tuple(tokenizers.tokenize("".join(word), cut)) == word for word in words)


def merged(word, pair):
    """A word as a tuple of pieces, with the pieces of each such pair joined."""
    pieces = []
    for piece in word:
        if pieces and (pieces[-1], piece) == pair:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)


@settings(max_examples=200, deadline=None)
@given(PRINTABLE)
def test_subwords_add_up_to_the_text(whole):
    tokens = SUBWORDS(whole)
    assert "".join(token.text for token in tokens) == whole
    assert all(whole[token.start : token.end] == token.text for token in tokens)
    again = tokenizers.Subwords.from_json(SUBWORDS.to_json())
    assert again(whole) == tokens and again.merges == SUBWORDS.merges


SUBWORDS = tokenizers.Subwords(["the theory of them, the others' thesis & 3.5 &\n  the"] * 2, 40)


def test_subwords_refuse_and_know_what_they_have_seen():
    with pytest.raises(
        ValueError, match="size=3 is less than the 3 characters of the texts and one more"
    ):
        tokenizers.Subwords(["abc"], 3)
    with pytest.raises(ValueError, match="text is empty"):
        tokenizers.Subwords(["abc", " "], 10)
    with pytest.raises(TypeError, match="texts must be a list of strings, got str"):
        tokenizers.Subwords("abc", 10)
    vocab = Vocabulary(SUBWORDS.pieces)
    assert 1 not in vocab.encode(tokenizers.tokenize("the theory", SUBWORDS))
    assert vocab.decode(vocab.encode(tokenizers.tokenize("the ж", SUBWORDS))) == [
        "the",
        " ",
        "<unk>",
    ]
    assert 25 < len(SUBWORDS.pieces) < 40 and len(tokenizers.Subwords([TRICKY], 40).pieces) == 39


def test_special_entries_and_files():
    vocab = Vocabulary("b a a".split(), special=("<s>", "</s>"))
    assert vocab.tokens == ["<pad>", "<unk>", "<s>", "</s>", "a", "b"]
    assert vocab.encode(["<s>", "a", "z"]).tolist() == [2, 4, 1]
    again = Vocabulary.from_dict(json.loads(json.dumps(vocab.to_dict())))
    assert vars(again) == vars(vocab)


@pytest.mark.parametrize("name", tokenizers.TOKENIZERS)
def test_odd_texts_have_tokens(name):
    assert "".join(tokenizers.tokenize("?!... ", name)) == "?!..." if name != "characters" else True
    assert (
        "".join(tokenizers.tokenize("Привет 世界 नमस्ते", name)).replace(" ", "") == "Привет世界नमस्ते"
    )
    with pytest.raises(ValueError, match="text is empty"):
        tokenizers.tokenize("", name)
