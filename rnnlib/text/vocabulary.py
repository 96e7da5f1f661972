"""Vocabularies, built from training texts: tokens as numbers and back."""

from collections import Counter

import numpy as np

from rnnlib.core import validation
from rnnlib.text.tokenizers import TOKENIZERS, check_strings

UNKNOWN = ("unk", "error", "skip")
OWN_TOKENIZER = (  # why an estimator with one is not written
    "a tokenizer of your own cannot be written to a file: "
    f"use text.Subwords or one of {', '.join(TOKENIZERS)}"
)


def _check_entries(pad, unk, special):
    """TypeError for special entries that are no strings."""
    for name, entry in (("pad", pad), ("unk", unk)):
        if entry is not None and not isinstance(entry, str):
            raise TypeError(f"{name} is a string or None, got {entry!r}")
    if isinstance(special, str):
        raise TypeError(f"special lists entries: special=({special!r},)")


class Vocabulary:
    """Tokens <-> ids 0 to V - 1, learned from training text alone.

    tokens     the training tokens, an iterable of str (a string counts as its characters)
    min_count  rarer tokens are left out
    max_size   at most so many entries, special ones included; the most frequent stay
    pad, unk   the special entries, ids 0 and 1; None leaves one out (a character model needs no
               padding)
    unknown    what `encode` does with a token that is not in it: "unk" gives the id of `unk`,
               "error" raises, "skip" drops it
    special    further entries that no text gives, such as ("<s>", "</s>"), with the ids right after

    Ids go by falling frequency, ties by the order of code points, so equal texts give equal ids.

    >>> words = Vocabulary(["to", "be", "or", "not", "to", "be"])
    >>> words.tokens
    ['<pad>', '<unk>', 'be', 'to', 'not', 'or']
    >>> words.encode(["to", "see"]).tolist()  # a word it does not know is <unk>
    [3, 1]
    """

    def __init__(
        self, tokens, min_count=1, max_size=None, pad="<pad>", unk="<unk>", unknown=None, special=()
    ):
        _check_entries(pad, unk, special)
        counts = Counter(check_strings(tokens))
        if not counts:
            raise ValueError(
                "no tokens: a vocabulary is built from training text, and this text is empty"
            )
        unknown = unknown or ("unk" if unk is not None else "error")
        self.unknown = validation.choice(unknown, UNKNOWN, "policy for unknown tokens")
        if self.unknown == "unk" and unk is None:
            raise ValueError(
                'unknown="unk" needs an entry for unknown tokens: give unk="<unk>" or choose '
                '"error" or "skip"'
            )
        if pad is not None and pad == unk:
            raise ValueError(f"pad and unk are both {pad!r}: they need an entry each")
        if pad in counts:
            raise ValueError(
                f"the text holds {counts[pad]} tokens {pad!r}, the name of the padding: choose "
                "another pad="
            )
        if {pad, unk, *counts} & set(special) or len(set(special)) < len(special):
            raise ValueError(
                f"special entries {special!r} need names of their own, that no token has"
            )
        self.pad = pad
        self.unk = unk
        special = [token for token in (pad, unk, *special) if token is not None]
        ordered = sorted(
            (token for token in counts if token != unk), key=lambda token: (-counts[token], token)
        )
        kept = [
            token
            for token in ordered
            if counts[token] >= validation.positive(min_count, "min_count")
        ]
        if max_size is not None:
            kept = kept[: max(0, validation.positive(max_size, "max_size") - len(special))]
        if not kept:
            raise ValueError(
                f"no token is left with min_count={min_count} and max_size={max_size}: lower the "
                "one, raise the other"
            )
        self.tokens = special + kept
        self.counts = {token: counts[token] for token in self.tokens}
        self._ids = {token: i for i, token in enumerate(self.tokens)}

    def to_dict(self):
        """All that `encode` and `decode` need, as plain values for a file:
        `Vocabulary.from_dict(plain)` is the same again.
        """
        return {"tokens": self.tokens, "counts": list(self.counts.values()), "pad": self.pad} | {
            "unk": self.unk,
            "unknown": self.unknown,
        }

    @classmethod
    def from_dict(cls, plain):
        """The vocabulary that gave this `to_dict()`."""
        made = cls.__new__(cls)
        made.pad = plain["pad"]
        made.unk = plain["unk"]
        made.unknown = plain["unknown"]
        made.tokens = list(plain["tokens"])
        made.counts = dict(zip(made.tokens, plain["counts"], strict=True))
        made._ids = {token: i for i, token in enumerate(made.tokens)}
        return made

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._ids

    def __repr__(self):
        return f"Vocabulary of {len(self)}: {', '.join(map(repr, self.tokens[:6]))}, ..."

    def encode(self, tokens):
        """Tokens (an iterable of str) -> ids (N,) int64."""
        tokens = check_strings(tokens)
        ids = [self._ids.get(token, -1) for token in tokens]
        if self.unknown == "unk":
            ids = [self._ids[self.unk] if i < 0 else i for i in ids]
        elif self.unknown == "skip":
            ids = [i for i in ids if i >= 0]
        elif -1 in ids:
            where = ids.index(-1)
            raise ValueError(
                f"token {where}, {tokens[where]!r}, is not among the {len(self)} of this "
                'vocabulary: build it with unknown="skip", or with unk="<unk>" and unknown="unk"'
            )
        return np.array(ids, "int64")

    def decode(self, ids):
        """Ids (an iterable of whole numbers) -> list of str."""
        ids = np.asarray(ids)
        if ids.size and (ids.dtype.kind not in "iu" or ids.ndim != 1):
            raise TypeError(
                f"ids must be whole numbers of shape (N,), got {ids.dtype} of shape {ids.shape}"
            )
        if ids.size and not (0 <= ids.min() and ids.max() < len(self)):
            raise ValueError(
                f"ids from {ids.min()} to {ids.max()}, but this vocabulary has 0 to {len(self) - 1}"
            )
        return [self.tokens[i] for i in ids.astype(int)]
