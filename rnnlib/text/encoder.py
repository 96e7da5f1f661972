"""What stands between texts and a network: tokens, ids, lengths."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rnnlib.core import validation
from rnnlib.data import batches
from rnnlib.text import tokenizers, vocabulary
from rnnlib.text.tokenizers import check_labelled, check_strings, check_texts


class Encoder:
    """Texts as ids: `encoder(texts)` -> x (N, T) int64, padded with 0, lengths (N,).  Learned from
    training texts alone.

    tokenizer   a name of text.TOKENIZERS, a text.Subwords, or any function from a text to Tokens
    lower       are texts read in lower case?
    min_count   rarer tokens are left out of the vocabulary and read as <unk>; with 1, <unk> never
                occurs in training, and its vector stays as it was drawn.  The vocabulary of
                Subwords is all of their pieces
    max_tokens  of longer texts the first so many are read; None: all
    """

    def __init__(
        self,
        texts: Iterable[str],
        tokenizer: str | Callable = "words",
        lower: bool = True,
        min_count: int = 2,
        max_tokens: int | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.lower = validation.flag(lower, "lower")
        if max_tokens is None:
            self.max_tokens = None
        else:
            self.max_tokens = validation.positive(max_tokens, "max_tokens")
        self.min_count = min_count
        seen = [token for row in self.tokens(texts) for token in row]
        if isinstance(tokenizer, tokenizers.Subwords):
            seen = tokenizer.pieces
            min_count = 1
        self.vocabulary = vocabulary.Vocabulary(seen, min_count)

    def tokens(self, texts: Iterable[str]) -> list[list[str]]:
        """Lists of str, one for each text.  ValueError numbers a text without tokens."""
        cut = tokenizers.tokenizer_named(self.tokenizer)
        rows = []
        for row, whole in enumerate(check_strings(texts, "text")):
            tokens = []
            if whole.strip():
                tokens = check_texts(cut(whole.lower() if self.lower else whole))
            if not tokens:
                raise ValueError(
                    f"text {row} is empty ({whole!r} has no tokens): leave it out, or decide "
                    "without a model"
                )
            rows.append(tokens[: self.max_tokens])
        if not rows:
            raise ValueError("no texts: the list is empty, give at least one, ['a text']")
        return rows

    def __call__(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        return batches.pad([self.vocabulary.encode(row) for row in self.tokens(texts)])

    def to_dict(self) -> dict:
        """All that was learned, as plain values for a file, for `Encoder.from_dict(plain)`."""
        tokenizer: Any = self.tokenizer
        if isinstance(tokenizer, tokenizers.Subwords):
            tokenizer = {"subwords": tokenizer.to_json()}
        elif callable(tokenizer):
            raise ValueError(vocabulary.OWN_TOKENIZER)
        values = {"tokenizer": tokenizer, "lower": self.lower, "min_count": self.min_count}
        return {**values, "max_tokens": self.max_tokens, "vocabulary": self.vocabulary.to_dict()}

    @classmethod
    def from_dict(cls, plain: dict) -> "Encoder":
        """The encoder that gave this `to_dict()`."""
        encoder = cls.__new__(cls)
        tokenizer = plain["tokenizer"]
        if not isinstance(tokenizer, str):
            tokenizer = tokenizers.Subwords.from_json(tokenizer["subwords"])
        encoder.tokenizer = tokenizer
        encoder.lower = plain["lower"]
        encoder.min_count = plain["min_count"]
        encoder.max_tokens = plain["max_tokens"]
        encoder.vocabulary = vocabulary.Vocabulary.from_dict(plain["vocabulary"])
        return encoder


def encode_examples(
    encoder: Encoder, classes: np.ndarray, texts: Iterable[str], labels: Iterable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labelled texts as arrays for data.Batches: ids x (N, T), places y (N,), lengths."""
    classes = np.asarray(classes)
    checked = check_labelled(texts, labels, classes)
    x, lengths = encoder(texts)
    return x, np.searchsorted(classes, checked), lengths
