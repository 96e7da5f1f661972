"""Text as numbers: tokens with their places, vocabularies built from training text, windows for language models."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rnnlib import checks

WORDS = re.compile(r"\d+(?:[.,]\d+)+|\w+(?:['’]\w+)*|[^\w\s]")
UNKNOWN = ("unk", "error", "skip")


class Token(NamedTuple):
    """A piece of a text: `text == whole[start:end]`."""

    text: str
    start: int
    end: int


def characters(text):
    """Each character (Unicode code point) of `text` as a Token."""
    return [Token(char, i, i + 1) for i, char in enumerate(_nonempty(text))]


def words(text):
    """Words, numbers and signs of `text` as Tokens; white space separates them and is left out.

    The rule, in this order: digits joined by "." or "," (3.14, 1,000); letters, digits and underscores with inner
    apostrophes (don't); any other sign alone.
    """
    return [Token(match[0], *match.span()) for match in WORDS.finditer(_nonempty(text))]


TOKENIZERS = {"characters": characters, "words": words}


def tokenize(text, tokenizer="words"):
    """-> list of str.  `tokenizer` is one of "characters", "words", or any function from a text to Tokens."""
    if not callable(tokenizer):
        tokenizer = TOKENIZERS[checks.choice(tokenizer, tuple(TOKENIZERS), "tokenizer")]
    return [token.text for token in tokenizer(_nonempty(text))]


def _nonempty(text):
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    if not text.strip():
        raise ValueError(
            f"text is empty ({len(text)} characters, all of them white space): nothing to tokenise"
        )
    return text


class Vocabulary:
    """Tokens <-> ids 0 to V - 1, learned from training text alone.

    tokens     the training tokens, an iterable of str (a string counts as its characters)
    min_count  rarer tokens are left out
    max_size   at most so many entries, special ones included; the most frequent stay
    pad, unk   the special entries, ids 0 and 1; None leaves one out (a character model needs no padding)
    unknown    what `encode` does with a token that is not in it: "unk" gives the id of `unk`, "error" raises, "skip" drops it

    Ids go by falling frequency, ties by the order of code points, so equal texts give equal ids.
    """

    def __init__(self, tokens, min_count=1, max_size=None, pad="<pad>", unk="<unk>", unknown=None):
        counts = Counter(_strings(tokens))
        if not counts:
            raise ValueError("no tokens: a vocabulary is built from training text, and this text is empty")
        unknown = unknown or ("unk" if unk is not None else "error")
        self.unknown = checks.choice(unknown, UNKNOWN, "policy for unknown tokens")
        if self.unknown == "unk" and unk is None:
            raise ValueError(
                'unknown="unk" needs an entry for unknown tokens: give unk="<unk>" or choose "error" or "skip"'
            )
        if pad is not None and pad == unk:
            raise ValueError(f"pad and unk are both {pad!r}: they need an entry each")
        if pad in counts:
            raise ValueError(
                f"the text holds {counts[pad]} tokens {pad!r}, the name of the padding: choose another pad="
            )
        self.pad, self.unk = pad, unk
        special = [token for token in (pad, unk) if token is not None]
        ordered = sorted(
            (token for token in counts if token != unk), key=lambda token: (-counts[token], token)
        )
        kept = [token for token in ordered if counts[token] >= checks.positive(min_count, "min_count")]
        if max_size is not None:
            kept = kept[: max(0, checks.positive(max_size, "max_size") - len(special))]
        if not kept:
            raise ValueError(
                f"no token is left with min_count={min_count} and max_size={max_size}: lower the one, raise the other"
            )
        self.tokens = special + kept
        self.counts = {token: counts[token] for token in self.tokens}
        self._ids = {token: i for i, token in enumerate(self.tokens)}

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._ids

    def __repr__(self):
        return f"Vocabulary of {len(self)}: {', '.join(map(repr, self.tokens[:6]))}, ..."

    def encode(self, tokens):
        """Tokens (an iterable of str) -> ids (N,) int64."""
        tokens = _strings(tokens)
        ids = [self._ids.get(token, -1) for token in tokens]
        if self.unknown == "unk":
            ids = [self._ids[self.unk] if i < 0 else i for i in ids]
        elif self.unknown == "skip":
            ids = [i for i in ids if i >= 0]
        elif -1 in ids:
            where = ids.index(-1)
            raise ValueError(
                f"token {where}, {tokens[where]!r}, is not among the {len(self)} of this vocabulary"
            )
        return np.array(ids, "int64")

    def decode(self, ids):
        """Ids (an iterable of whole numbers) -> list of str."""
        ids = np.asarray(ids)
        if ids.size and (ids.dtype.kind not in "iu" or ids.ndim != 1):
            raise TypeError(f"ids must be whole numbers of shape (N,), got {ids.dtype} of shape {ids.shape}")
        if ids.size and not (0 <= ids.min() and ids.max() < len(self)):
            raise ValueError(
                f"ids from {ids.min()} to {ids.max()}, but this vocabulary has 0 to {len(self) - 1}"
            )
        return [self.tokens[i] for i in ids.astype(int)]


def _strings(tokens):
    """The tokens as a list, all of them str: a Token, which knows its place, equals no other and would always be unknown."""
    if not isinstance(tokens, Iterable):
        raise TypeError(f"tokens must be a list of strings, got {type(tokens).__name__}")
    tokens = list(tokens)
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            raise TypeError(
                f"token {place} must be a string, got {type(token).__name__}: `tokenize(text)` gives strings"
            )
    return tokens


class LMWindows(NamedTuple):
    """Examples for a language model: y is x one step later."""

    x: np.ndarray  # (N, seq_len) int64
    y: np.ndarray  # (N, seq_len) int64


def windows(ids, seq_len):
    """Non-overlapping windows of ids (M,) -> x, y (N, seq_len), y shifted by one; ids after the last whole window are left out."""
    checks.positive(seq_len, "seq_len")
    ids = np.asarray(ids)
    checks.rank(ids.shape, "(M)", "ids")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be whole numbers, got {ids.dtype}: encode the text first")
    count = (len(ids) - 1) // seq_len
    if count == 0:
        raise ValueError(
            f"{len(ids)} ids hold no window of {seq_len} and its successor: {seq_len + 1} are needed"
        )
    used = ids[: count * seq_len + 1].astype("int64")
    return LMWindows(used[:-1].reshape(count, seq_len), used[1:].reshape(count, seq_len))
