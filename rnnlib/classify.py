"""From labelled sentences to a saved classifier: what stands between texts and a recurrent network, in one object.

Nothing here is new: tokens and vocabulary from `text`, batches from `batch`, model, training and files from the framework, which
comes in as an argument.
"""

import numpy as np

from rnnlib import batch, checks, saved, text
from rnnlib.tokens import classes_of, labelled, pair_of, strings_of, texts_of


class Encoder:
    """Texts as ids: `encoder(texts)` -> x (N, T) int64, padded with 0, lengths (N,).  Learned from training texts alone.

    tokenizer   a name of text.TOKENIZERS, a text.Subwords, or any function from a text to Tokens
    lower       are texts read in lower case?
    min_count   rarer tokens are left out of the vocabulary and read as <unk>; with 1, <unk> never occurs in training, and its vector
                stays as it was drawn.  The vocabulary of Subwords is all of their pieces
    max_tokens  of longer texts the first so many are read; None: all
    """

    def __init__(self, texts, tokenizer="words", lower=True, min_count=2, max_tokens=None):
        self.tokenizer, self.lower = tokenizer, checks.flag(lower, "lower")
        self.max_tokens = None if max_tokens is None else checks.positive(max_tokens, "max_tokens")
        self.min_count = min_count
        seen = [token for row in self.tokens(texts) for token in row]
        if isinstance(tokenizer, text.Subwords):
            seen, min_count = tokenizer.pieces, 1
        self.vocabulary = text.Vocabulary(seen, min_count)

    def tokens(self, texts):
        """Lists of str, one for each text.  ValueError for a text without tokens, with its number."""
        cut, found = text.tokenizer_of(self.tokenizer), []
        for row, whole in enumerate(strings_of(texts, "text")):
            tokens = texts_of(cut(whole.lower() if self.lower else whole)) if whole.strip() else []
            if not tokens:
                raise ValueError(
                    f"text {row} is empty ({whole!r} has no tokens): leave it out, or decide without a model"
                )
            found.append(tokens[: self.max_tokens])
        if not found:
            raise ValueError("no texts: the list is empty")
        return found

    def __call__(self, texts):
        return batch.pad([self.vocabulary.encode(row) for row in self.tokens(texts)])

    def plain(self):
        """All that was learned, as plain values for a file: `Encoder.of(plain)` is the same encoder again."""
        tokenizer = self.tokenizer
        if isinstance(tokenizer, text.Subwords):
            tokenizer = {"subwords": tokenizer.plain()}
        elif callable(tokenizer):
            raise ValueError(
                "a tokenizer of your own cannot be written to a file: "
                f"use text.Subwords or one of {', '.join(text.TOKENIZERS)}"
            )
        values = {"tokenizer": tokenizer, "lower": self.lower, "min_count": self.min_count}
        return {**values, "max_tokens": self.max_tokens, "vocabulary": self.vocabulary.plain()}

    @classmethod
    def of(cls, plain):
        """The encoder that gave this `plain()`."""
        made, tokenizer = cls.__new__(cls), plain["tokenizer"]
        made.tokenizer = tokenizer if isinstance(tokenizer, str) else text.Subwords.of(tokenizer["subwords"])
        made.lower, made.min_count, made.max_tokens = (plain[k] for k in ("lower", "min_count", "max_tokens"))
        made.vocabulary = text.Vocabulary.of(plain["vocabulary"])
        return made


class TextClassifier:
    """A recurrent network that gives texts one of several classes; used like an estimator of scikit-learn.

    rnn          rnnlib.pt or rnnlib.tf; a file that one has written the other reads
    input_size, hidden_size, cell, options   of `rnn.Classifier`, vectors of tokens have `input_size` numbers
    tokenizer, lower, min_count, max_tokens  of `Encoder`

    `fit` sets `classes_` (C,), the different labels in order, `encoder_`, `model_`, `history_`.
    """

    def __init__(
        self,
        rnn,
        input_size=64,
        hidden_size=64,
        cell="gru",
        tokenizer="words",
        lower=True,
        min_count=2,
        max_tokens=None,
        rng=0,
        **options,
    ):
        self.rnn, self.rng = checks.framework(rnn), rng
        self.network = dict(input_size=input_size, hidden_size=hidden_size, cell=cell, **options)
        self.reading = dict(tokenizer=tokenizer, lower=lower, min_count=min_count, max_tokens=max_tokens)

    def fit(self, texts, labels, valid=None, epochs=10, batch_size=32, lr=3e-3, patience=None, progress=None):
        """Learn from texts, a list of str, and their labels.  `valid` = (texts, labels) chooses the best epoch (`patience`)."""
        classes = classes_of(labelled(texts, labels))
        encoder = Encoder(texts, **self.reading)
        model = self._build(encoder, classes)
        train = batch.Batches(
            examples(encoder, classes, texts, labels), batch_size, rng=self.rng, bucket=True
        )
        if valid is not None:
            valid = batch.Batches(examples(encoder, classes, *pair_of(valid)), 256)
        self.history_ = self.rnn.fit(
            model,
            train,
            loss="cross_entropy",
            optimizer=("adam", {"lr": lr}),
            epochs=epochs,
            valid=valid,
            clip_norm=1.0,
            patience=patience,
            progress=progress,
        )
        self.classes_, self.encoder_, self.model_ = classes, encoder, model
        return self

    def predict_proba(self, texts):
        """Probabilities (N, C) of the classes, in the order of `classes_`."""
        self._fitted()
        logits = self.rnn.predict(self.model_, *self.encoder_(texts)).astype(float)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, texts):
        """The likeliest class of each text, (N,)."""
        p = self.predict_proba(texts)
        return self.classes_[p.argmax(axis=1)]

    def save(self, path):
        """Write vocabulary, classes and weights to one safetensors file."""
        self._fitted()
        about = {"classes": self.classes_.tolist(), "encoder": self.encoder_.plain(), "network": self.network}
        self.rnn.save(path, self.model_, text_classifier=about)

    @classmethod
    def load(cls, rnn, path):
        """The classifier that `save` has written, in either framework; it predicts, and can be fitted anew."""
        arrays, about = saved.weights_of(path)
        kept = about.get("about", {}).get("text_classifier")
        if kept is None:
            raise ValueError(
                f"{path} holds weights, but no text classifier: it was not written by TextClassifier.save"
            )
        lost = [name for name in ("encoder", "network", "classes") if name not in kept]
        if lost:
            raise ValueError(
                f"{path} holds a text classifier without {lost[0]!r}: it was not written by TextClassifier.save"
            )
        encoder = Encoder.of(kept["encoder"])
        reading = {k: getattr(encoder, k) for k in ("tokenizer", "lower", "min_count", "max_tokens")}
        made = cls(rnn, **kept["network"], **reading)
        made.classes_, made.encoder_ = np.array(kept["classes"]), encoder
        made.model_ = made._build(encoder, made.classes_)
        rnn.load(made.model_, arrays)
        return made

    def _build(self, encoder, classes):
        size = dict(num_classes=len(classes), vocab_size=len(encoder.vocabulary))
        return self.rnn.Classifier(**self.network, **size, rng=self.rng)

    def _fitted(self):
        if not hasattr(self, "model_"):
            raise ValueError(
                "this TextClassifier has not been fitted: call fit(texts, labels), or load a file"
            )


def examples(encoder, classes, texts, labels):
    """Labelled texts as arrays for batch.Batches: x (N, T) ids, y (N,) places in `classes`, lengths (N,)."""
    classes = np.asarray(classes)
    labels = labelled(texts, labels, classes)
    x, lengths = encoder(texts)
    return x, np.searchsorted(classes, labels), lengths
