"""From labelled sentences to a saved classifier: texts, encoder and recurrent network in one
object.
"""

import os
from collections.abc import Callable, Iterable
from types import ModuleType

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import Tags

from rnnlib.core import cells, packing, seeds, validation
from rnnlib.core.errors import ArgumentError, NotFittedError
from rnnlib.data import batches
from rnnlib.text import tokenizers
from rnnlib.text.encoder import Encoder, encode_examples
from rnnlib.text.tokenizers import check_classes, check_labelled, check_pair, check_strings
from rnnlib.training import checkpoint_format
from rnnlib.training.estimators import (
    HALVES,
    NetworkEstimator,
    check_training,
    framework_name,
    framework_of,
)

NETWORK = (  # hyper-parameters that `rnn.Classifier` takes under the same name
    "hidden_size",
    "cell",
    "pool",
    "num_layers",
    "bidirectional",
    "dropout",
    "variational",
    "residual",
    "layer_norm",
    "native",
    "dtype",
)
READING = ("tokenizer", "lower", "min_count", "max_tokens")  # those of `Encoder`
VALID_ROWS = 256  # texts of the validation part that are answered at a time


class TextClassifier(ClassifierMixin, NetworkEstimator):
    """A recurrent network that gives texts one of several classes; an estimator of scikit-learn.

    rnn             "torch" or "tensorflow", or the module rnnlib.pt or rnnlib.tf, which is kept by
                    its name; a file that one has written the other reads
    embedding_size  64; numbers in the vector of a token
    hidden_size     64; units of a recurrent layer
    cell            "gru"; a name, or (name, options), of `rnn.Classifier`, as are the next nine
    pool            "last"; what is kept of the steps of a text: "last", "mean" or "max"
    num_layers      1; recurrent layers on top of each other
    bidirectional   False; True: each layer reads in both directions
    dropout         0.0; share that is dropped of embeddings, between layers and before the head
    variational     False; True: one mask of dropout for all steps of a text
    residual, layer_norm  False, False; of a stack of layers
    native          None; the engine: None the fastest that is right, True the framework's layer,
                    False our loop
    dtype           "float32"
    tokenizer       "words"; a name of text.TOKENIZERS, a text.Subwords, or a function from a text
                    to Tokens
    lower           True; are texts read in lower case?
    min_count       2; rarer tokens are read as <unk>
    max_tokens      None; of longer texts the first so many tokens are read
    epochs          10; passes over the training texts
    batch_size      32; texts in an update
    optimizer       "adam"; a name, or (name, options), of `rnn.fit`, without its rate
    lr              3e-3; the optimizer's rate
    schedule        None; of the rate, a name or (name, options) of `rnn.fit`: "cosine"
    clip_norm       1.0; a longer gradient is scaled down to this norm, None: never
    valid_share     None; share of the texts of `fit`, of each class alike, held out for validation
                    where `fit` gets none
    patience        None; stop when so many epochs have brought no lower validation loss
    checkpoint, resume  None, False; file that keeps the run after each epoch, and whether to go on
                        from it
    device          None; "cpu", "gpu", "gpu:1": where to learn, and to answer after `fit`; None:
                    the framework's choice
    progress        None; show a bar? None: where a person watches
    rng             0; a whole number or a SeedSequence: weights, order of texts, held-out texts

    All are kept as given, so that `clone`, `get_params` and `set_params` work, and checked here and
    by `fit`.  `fit` sets `classes_` (C,), the different labels in order, `encoder_`, `model_`, the
    network, and `history_`.
    """

    def __init__(
        self,
        rnn: str | ModuleType,
        embedding_size: int = 64,
        hidden_size: int = 64,
        cell: str | tuple = "gru",
        *,
        pool: str = "last",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        native: bool | None = None,
        dtype: str = "float32",
        tokenizer: str | Callable = "words",
        lower: bool = True,
        min_count: int = 2,
        max_tokens: int | None = None,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: str | tuple = "adam",
        lr: float = 3e-3,
        schedule: str | tuple | None = None,
        clip_norm: float | None = 1.0,
        valid_share: float | None = None,
        patience: int | None = None,
        checkpoint: str | os.PathLike | None = None,
        resume: bool = False,
        device: str | None = None,
        progress: bool | None = None,
        rng: int | np.random.SeedSequence = 0,
    ) -> None:
        self.rnn = framework_name(rnn)
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.cell = cell
        self.pool = pool
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.variational = variational
        self.residual = residual
        self.layer_norm = layer_norm
        self.native = native
        self.dtype = dtype
        self.tokenizer = tokenizer
        self.lower = lower
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.valid_share = valid_share
        self.patience = patience
        self.checkpoint = checkpoint
        self.resume = resume
        self.device = device
        self.progress = progress
        self.rng = rng
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        framework_name(self.rnn)
        for name in ("embedding_size", "hidden_size", "num_layers", "min_count"):
            validation.positive(getattr(self, name), name)
        if self.max_tokens is not None:
            validation.positive(self.max_tokens, "max_tokens")
        cells.named(self.cell)
        validation.choice(self.pool, ("last", "mean", "max"), "pool")
        validation.choice(self.dtype, ("float32", "float64"), "dtype")
        for name in ("bidirectional", "variational", "residual", "layer_norm", "lower"):
            validation.flag(getattr(self, name), name)
        if self.native is not None:
            validation.flag(self.native, "native")
        validation.number(self.dropout, "dropout", 0, 1)
        tokenizers.tokenizer_named(self.tokenizer)
        if self.valid_share is not None:
            check_share(self.valid_share)
        check_training(self)

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable,
        valid: tuple[Iterable[str], Iterable] | None = None,
    ) -> "TextClassifier":
        """Learn from texts, a list of str, and labels (N,), strings or whole numbers; returns self.

        valid  a pair (texts, labels), or None: the share `valid_share` of the texts, if there is
               one.  The epoch with the lowest loss on it is kept
        Ctrl-C keeps what was learned up to then, and is raised.  Texts or labels that will not do,
        and hyper-parameters that became bad since, raise ValueError or TypeError with the place,
        and leave the estimator as it was.
        """
        self.check_params()
        texts, labels, valid = self._parts(texts, labels, valid)
        classes = check_classes(labels)
        encoder = Encoder(texts, **{name: getattr(self, name) for name in READING})
        arrays = encode_examples(encoder, classes, texts, labels)
        train = batches.Batches(arrays, self.batch_size, rng=self.rng, bucket=True)
        held: batches.Batches | None = None
        if valid is not None:
            held = batches.Batches(encode_examples(encoder, classes, *valid), VALID_ROWS)
        architecture = {name: getattr(self, name) for name in (*NETWORK, "rng")}
        architecture["input_size"] = self.embedding_size
        architecture["vocab_size"] = len(encoder.vocabulary)
        architecture["num_classes"] = len(classes)
        network = self._build("Classifier", architecture)
        try:
            self.history_ = self._train(
                network, "Classifier", architecture, train, loss="cross_entropy", valid=held
            )
        except KeyboardInterrupt:
            self.classes_ = classes
            self.encoder_ = encoder
            raise
        self.classes_ = classes
        self.encoder_ = encoder
        return self

    def _parts(self, texts, labels, valid):
        """Texts and labels to learn from, and a pair to validate on, or None."""
        texts = check_strings(texts, "text")
        labels = check_labelled(texts, labels)
        check_classes(labels)
        if valid is not None:
            return texts, labels, check_pair(valid)
        if self.valid_share is not None:
            return held_out(texts, labels, self.valid_share, self.rng)
        if self.patience is not None:
            raise ValueError(
                f"patience={self.patience} waits for the validation loss: "
                "give fit(..., valid=(texts, labels)), or valid_share=0.2"
            )
        return texts, labels, None

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Probabilities (N, C) in the order of `classes_`; NotFittedError before `fit`."""
        self._check_fitted()
        return softmax(self._predict(*self.encoder_(texts)), axis=1)

    def predict(self, texts: Iterable[str]) -> np.ndarray:
        """The likeliest class of each text, (N,)."""
        p = self.predict_proba(texts)
        return self.classes_[p.argmax(axis=1)]

    def save(self, path: str | os.PathLike) -> None:
        """Write hyper-parameters, vocabulary, classes and weights to one safetensors file.

        ValueError for a tokenizer that is a function of your own, which no file holds; OSError
        names the file.
        """
        self._check_fitted()
        params = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in READING
        }
        plain, _ = packing.pack({"params": params, "architecture": self.architecture_})
        about = {"classes": self.classes_.tolist(), "encoder": self.encoder_.to_dict(), **plain}
        framework_of(self.framework_).save(path, self.model_, text_classifier=about)

    @classmethod
    def load(cls, path: str | os.PathLike, rnn: str | ModuleType | None = None) -> "TextClassifier":
        """The classifier that `save` has written: it predicts, and can be fitted anew as it was.

        rnn  the framework that is to answer, "torch" or "tensorflow" or our module; None: the one
             that has learned
        FileNotFoundError, or ValueError for a file that holds no text classifier, or a damaged one.
        Files of version 0.1.0 keep no hyper-parameters of training: those have their defaults.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"load(path, rnn): path is the name of a file, got {path!r}")
        arrays, about = checkpoint_format.weights_of(path)
        kept = about.get("about", {}).get("text_classifier")
        if kept is None:
            raise ValueError(
                f"{path} holds weights, but no text classifier: it was not written by "
                "TextClassifier.save"
            )
        if rnn is None:
            name = HALVES.get(about.get("framework", ""), "torch")
        else:
            name = framework_name(rnn)
        try:
            return cls._of(kept, name, arrays)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, KeyError):
                reason = f"{error.args[0]!r} is missing"
            else:
                reason = str(error)
            raise ValueError(
                f"{path} holds a text classifier that cannot be read, {reason}: "
                "it is damaged, or was not written by TextClassifier.save"
            ) from error

    @classmethod
    def _of(cls, kept, framework, arrays):
        """A fitted classifier from the header and the arrays of its file."""
        encoder = Encoder.from_dict(kept["encoder"])
        if "network" in kept:
            params, architecture = _of_first_version(kept, encoder)
        else:
            params = packing.unpack(kept["params"], {})
            architecture = packing.unpack(kept["architecture"], {})
        sizes = {"num_classes": len(kept["classes"]), "vocab_size": len(encoder.vocabulary)}
        for name, size in sizes.items():
            if architecture[name] != size:
                raise ValueError(f"its network has {name}={architecture[name]}, its header {size}")
        params.update({name: getattr(encoder, name) for name in READING}, rnn=framework)
        model = cls(**params)
        model.classes_ = np.array(kept["classes"])
        model.encoder_ = encoder
        model.framework_ = framework
        model.network_kind_ = "Classifier"
        model.architecture_ = architecture
        model._rebuild(arrays)
        return model

    def _check_fitted(self):
        if not hasattr(self, "model_"):
            raise NotFittedError(self, "call fit(texts, labels), or load a file")

    @classmethod
    def example_params(cls) -> list[dict]:
        """Arguments that build small examples, for tests; `rnn` is left out."""
        small = {"embedding_size": 4, "hidden_size": 3, "epochs": 2, "progress": False}
        return [small, {**small, "cell": "lstm", "dropout": 0.5, "valid_share": 0.25, "rng": 3}]

    def __sklearn_tags__(self) -> Tags:
        return texts_as_input(super().__sklearn_tags__())


def _of_first_version(kept, encoder):
    """Hyper-parameters and architecture out of a file of version 0.1.0."""
    network = dict(kept["network"])
    sizes = {"num_classes": len(kept["classes"]), "vocab_size": len(encoder.vocabulary)}
    params = {name: value for name, value in network.items() if name != "input_size"}
    return {"embedding_size": network["input_size"], **params}, {**network, **sizes}


def texts_as_input(tags: Tags) -> Tags:
    """Tags of scikit-learn that say: one text for each example, no matrix of features."""
    tags.input_tags.string = True
    tags.input_tags.one_d_array = True
    tags.input_tags.two_d_array = False
    return tags


def check_share(value: float) -> float:
    """A share of the texts to hold out, above 0 and below 1."""
    share = validation.number(value, "valid_share")
    if not 0 < share < 1:
        message = f"valid_share must be above 0 and below 1, got {value!r}"
        raise ArgumentError(f"{message}: for instance valid_share=0.2", "text.valid_share")
    return share


def held_out(
    texts: list[str], labels: np.ndarray, share: float, rng: int | np.random.SeedSequence
) -> tuple[list[str], np.ndarray, tuple[list[str], np.ndarray]]:
    """Texts and labels to learn from, and a pair to validate on, drawn from each class alike."""
    state = int(seeds.child_seeds(rng, 1)[0].generate_state(1)[0])
    split = StratifiedShuffleSplit(1, test_size=share, random_state=state)
    try:
        ((rows, others),) = split.split(np.zeros(len(labels)), labels)
    except ValueError as error:
        raise ValueError(
            f"valid_share={share:g} of {len(texts)} texts cannot be held out of each class alike: "
            f"{error}"
        ) from error
    left = [texts[row] for row in rows]
    return left, labels[rows], ([texts[row] for row in others], labels[others])
