"""Tokens: pieces of a text that know their places, by rules of our own, by NLTK, by spaCy, or
learned from training texts.

A tokenizer is any function from a text to Tokens, in the order of the text, that do not overlap.
NLTK, spaCy and `tokenizers` are imported when first needed. Everything here can be had from
`rnnlib.text` too.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import unescape
from typing import NamedTuple

import numpy as np
import regex

from rnnlib.core import packing, validation

LETTER = r"[\p{L}\p{M}\p{N}_]"  # \w of Python, and the combining marks that it lacks
WORDS = regex.compile(
    rf"\d+(?:[.,]\d+)+|{LETTER}+(?:['’]{LETTER}+)*|[^\s\x1c-\x1f\p{{L}}\p{{M}}\p{{N}}_]\p{{M}}*"
)
SURROGATE = re.compile("[\ud800-\udfff]")


class Token(NamedTuple):
    """A piece of a text: `text == whole[start:end]`."""

    text: str
    start: int
    end: int


def character_tokens(text):
    """Each character (Unicode code point) of `text` as a Token."""
    return [Token(char, i, i + 1) for i, char in enumerate(check_nonempty(text))]


def word_tokens(text):
    """Words, numbers and signs of `text` as Tokens; white space separates them and is left out.

    The rule, in this order: digits joined by "." or "," (3.14, 1,000); letters, digits and
    underscores with inner apostrophes (don't); any other sign alone. Combining marks (accents of
    decomposed text, vowels of Devanagari) belong to what they stand on.

    >>> word_tokens("So it is.")[1]
    Token(text='it', start=3, end=5)
    """
    return [Token(match[0], *match.span()) for match in WORDS.finditer(check_nonempty(text))]


def wordpunct_tokens(text):
    """Runs of letters, digits and underscores, and runs of other signs, as Tokens (NLTK's
    WordPunctTokenizer).
    """
    from nltk.tokenize import wordpunct_tokenize

    return align_tokens(wordpunct_tokenize(check_nonempty(text)), text)


def treebank_tokens(text):
    """Tokens as the Penn Treebank cuts English (NLTK's word_tokenize of one sentence):
    "don't" gives "do" and "n't".

    A period is cut off at the very end alone, so split into sentences first. Quotes stay as they
    are written.
    """
    return align_tokens(_nltk("NLTKWordTokenizer").tokenize(check_nonempty(text)), text)


def toktok_tokens(text):
    """Tokens by NLTK's ToktokTokenizer, fast and for many languages;
    a period is cut off at the very end alone, tabs are left out.
    """
    return align_tokens(_nltk("ToktokTokenizer").tokenize(check_nonempty(text)), text)


def spacy_tokens(text, language="en"):
    """Tokens by the rules and exceptions of a blank spaCy pipeline;
    white space, which spaCy keeps, is left out.
    """
    doc = _spacy(language).tokenizer(check_nonempty(text))
    return [Token(t.text, t.idx, t.idx + len(t.text)) for t in doc if t.text.strip()]


@cache
def _nltk(name):
    import nltk.tokenize

    return getattr(nltk.tokenize, name)()


@cache
def _spacy(language):
    import spacy

    return spacy.blank(language)


QUOTES = re.compile(r"``|\'\'|\"")


def align_tokens(strings, text):
    """The strings, which stand in `text` in this order, as Tokens:
    what gives places to a tokenizer that has none.

    What NLTK rewrites is found too: a quote (`` or '') stands for whichever is there, &amp; for &.
    ValueError for a string that is not there; one of white space alone is left out.
    """
    tokens = []
    end = 0
    for string in strings:
        if QUOTES.fullmatch(string):
            match = QUOTES.search(text, end)
        else:
            match = None
        places = {s: text.find(s, end) for s in (string, unescape(string))}
        string, start = min(places.items(), key=lambda place: (place[1] < 0, place[1]))
        if match:
            start = match.start()
        if start < 0:
            raise ValueError(
                f"{string!r} does not stand in the text after character {end}: it was rewritten"
            )
        if match:
            end = match.end()
        else:
            end = start + len(string)
        if text[start:end].strip():
            tokens.append(Token(text[start:end], start, end))
    return tokens


class Subwords:
    """Byte-pair encoding, learned from training texts:
    a tokenizer whose pieces, white space included, add up to the text.

    texts  training texts, list of str; size how many different pieces at most, the single
           characters among them

    Frequent words stay whole, rare ones fall into pieces; only a character never seen is unknown to
    `Vocabulary(subwords.pieces)`. A space belongs to the word after it, and no piece spans two
    words. Characters, not bytes, are merged (Sennrich et al. 2016); Hugging Face's `tokenizers`
    does the work.
    """

    SPLIT = r" ?[\p{L}\p{M}\p{N}_]+| ?[^\s\p{L}\p{M}\p{N}_]+|\s+"

    def __init__(self, texts, size):
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

        texts = [check_nonempty(text) for text in check_strings(texts, "text")]
        alphabet = len(set("".join(texts))) + 1  # and one for what was never seen
        if validation.positive(size, "size") < alphabet:
            raise ValueError(
                f"size={size} is less than the {alphabet - 1} characters of the texts and one more"
            )
        self._bpe = Tokenizer(models.BPE(unk_token="<unk>"))
        self._bpe.pre_tokenizer = pre_tokenizers.Split(Regex(self.SPLIT), "isolated")
        trainer = trainers.BpeTrainer(
            vocab_size=size, special_tokens=["<unk>"], show_progress=False
        )
        self._bpe.train_from_iterator(texts, trainer)

    def __call__(self, text):
        """A text as Tokens."""
        return [Token(text[a:b], a, b) for a, b in self._bpe.encode(check_nonempty(text)).offsets]

    @property
    def pieces(self):
        """All different pieces: the characters in order, then what each merge made, list of str."""
        ids = self._bpe.get_vocab()
        return sorted(ids.keys() - {"<unk>"}, key=ids.__getitem__)

    @property
    def merges(self):
        """The pairs that were merged, in the order learned, list of (str, str)."""
        return [tuple(pair) for pair in json.loads(self.to_json())["model"]["merges"]]

    def to_json(self):
        """All that was learned, as a str: `Subwords.from_json(plain)` is the same tokenizer
        again.
        """
        return self._bpe.to_str()

    @classmethod
    def from_json(cls, plain):
        """The tokenizer that gave this `to_json()`."""
        from tokenizers import Tokenizer

        made = cls.__new__(cls)
        made._bpe = Tokenizer.from_str(plain)
        return made


packing.register(Subwords, Subwords.to_json, Subwords.from_json)

# name -> function text -> Tokens; what `tokenize` and the estimators take by name
TOKENIZERS = {
    "characters": character_tokens,
    "words": word_tokens,
    "wordpunct": wordpunct_tokens,
    "treebank": treebank_tokens,
    "toktok": toktok_tokens,
    "spacy": spacy_tokens,
}


def tokenizer_named(tokenizer):
    """One of the names in TOKENIZERS, or a function from a text to Tokens, as that function."""
    if callable(tokenizer):
        return tokenizer
    return TOKENIZERS[validation.choice(tokenizer, tuple(TOKENIZERS), "tokenizer")]


def tokenize(text, tokenizer="words"):
    """-> list of str.

    `tokenizer` is a name of TOKENIZERS, or any function from a text to Tokens.

    >>> tokenize("Don't pay 3.50!")
    ["Don't", 'pay', '3.50', '!']
    >>> tokenize("Don't", "treebank")
    ['Do', "n't"]
    """
    return check_texts(tokenizer_named(tokenizer)(check_nonempty(text)))


def check_texts(tokens):
    """The texts of what a tokenizer gave, list of str."""
    try:
        return [token.text for token in tokens]
    except (AttributeError, TypeError):
        raise TypeError(
            f"a tokenizer gives Tokens, which know their places, got {tokens!r:.60}: "
            "text.align_tokens(strings, text) makes them"
        ) from None


def check_nonempty(text):
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    if not text.strip():
        raise ValueError(
            f"text is empty ({len(text)} characters, all of them white space): nothing to tokenise"
        )
    half = SURROGATE.search(text)
    if half:
        raise ValueError(
            f"character {half.start()} of the text, {half[0]!r}, is half of a surrogate pair: "
            "read the file with the encoding it was written in"
        )
    return text


def check_strings(tokens, what="token"):
    """The tokens as a list, all of them str: a Token, which knows its place, equals no other and
    would always be unknown.
    """
    # a list of these would be of names
    keys = isinstance(tokens, Mapping) or hasattr(tokens, "columns")
    if not isinstance(tokens, Iterable) or keys or (what == "text" and isinstance(tokens, str)):
        message = f"{what}s must be a list of strings, got {type(tokens).__name__}"
        if isinstance(tokens, str):
            message += ": give [text]"
        raise TypeError(message)
    tokens = list(tokens)
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            if what == "token":
                hint = ": `tokenize(text)` gives strings"
            else:
                hint = ""
            raise TypeError(f"{what} {place} must be a string, got {type(token).__name__}{hint}")
    return tokens


def check_labelled(texts, labels, classes=None):
    """Labels as an array (N,) of strings or whole numbers, one for each text, each among `classes`
    if these are known.
    """
    count = len(check_strings(texts, "text"))
    if isinstance(labels, (str, Mapping)) or not isinstance(labels, Iterable):
        raise TypeError(
            f"labels must be a list of strings or whole numbers, got {type(labels).__name__}"
        )
    labels = validation.labels(labels if hasattr(labels, "dtype") else list(labels))
    if len(labels) != count or count == 0:
        raise ValueError(
            f"{count} texts and {len(labels)} labels: one label for each text, and at least one"
        )
    if labels.ndim != 1:
        raise TypeError(f"labels must have shape (N,), got {labels.shape}")
    if classes is None:
        known = None
    else:
        known = classes.tolist()
    for row, label in enumerate(labels.tolist()):
        if known and label not in known:
            raise ValueError(f"label {row} is {label!r}, which is none of the classes {known}")
    return labels


def check_classes(labels):
    """The different labels in order, (C,); ValueError if there is one alone."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"all {len(labels)} labels are {classes.tolist()[0]!r}: a classifier needs two "
            "classes to tell apart"
        )
    return classes


def check_pair(valid):
    """`valid` as (texts, labels)."""
    if not isinstance(valid, (tuple, list)) or len(valid) != 2:
        kind = type(valid).__name__
        if isinstance(valid, (tuple, list)):
            got = f"a {kind} of {len(valid)}"
        else:
            got = kind
        raise TypeError(f"valid is a pair (texts, labels), got {got}")
    return valid
