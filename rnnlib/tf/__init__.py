"""The TensorFlow half of rnnlib.  `import rnnlib.tf as rnn`; the same names stand in rnnlib.pt."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before the first import of TensorFlow
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
try:  # TensorFlow's start-up lines go to the file descriptor of stderr, whatever the log level says
    os.dup2(sink, 2)
    import tensorflow  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise ModuleNotFoundError(
        "rnnlib.tf needs TensorFlow, which is not installed: pip install 'rnnlib[tensorflow]'",
        name="tensorflow",
    ) from None
finally:
    os.dup2(kept, 2)
    os.close(kept)
    os.close(sink)

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"rnnlib.tf needs Keras on TensorFlow, but Keras runs on {keras.backend.backend()!r}: "
        "set the environment variable KERAS_BACKEND=tensorflow before Python starts"
    )

from rnnlib.tf import checkpoint, losses
from rnnlib.tf.checkpoint import restore, save
from rnnlib.tf.conv import TCN, CausalConv
from rnnlib.tf.convert import array, load, params, tensor, value_and_grads
from rnnlib.tf.derived import Derived
from rnnlib.tf.elman import ElmanCell
from rnnlib.tf.engines import AutoRNN, engine_of
from rnnlib.tf.gru import GRUCell
from rnnlib.tf.layers import Embedding, Linear, Native, Recurrent
from rnnlib.tf.lstm import LSTMCell
from rnnlib.tf.mingru import MinGRUCell, MinLSTMCell
from rnnlib.tf.models import Classifier, Forecaster, Tagger
from rnnlib.tf.scan import scan
from rnnlib.tf.sru import SRUCell
from rnnlib.tf.stack import Bidirectional, Dropout, LayerNorm, Stacked
from rnnlib.tf.train import evaluate, fit, predict

name = "TensorFlow"

__all__ = [
    "AutoRNN",
    "Bidirectional",
    "CausalConv",
    "Classifier",
    "Derived",
    "Dropout",
    "ElmanCell",
    "Embedding",
    "Forecaster",
    "GRUCell",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "MinGRUCell",
    "MinLSTMCell",
    "Native",
    "Recurrent",
    "SRUCell",
    "Stacked",
    "TCN",
    "Tagger",
    "array",
    "checkpoint",
    "engine_of",
    "evaluate",
    "fit",
    "load",
    "losses",
    "name",
    "params",
    "predict",
    "restore",
    "save",
    "scan",
    "tensor",
    "value_and_grads",
]
