"""book/cheat-sheet.md against the installed versions:
every shape is measured, every default read or tried, every name looked up.
"""

import re
from functools import cache

import numpy as np
import pytest

from backends import both
from rnnlib.core import rounding
from tools.environment import ROOT

pytestmark = both

B, T, D, H, C, V = 2, 3, 5, 7, 11, 13
LETTERS = {
    B: "B",
    T: "T",
    D: "D",
    H: "H",
    C: "C",
    V: "V",
    2 * H: "2H",
    3 * H: "3H",
    4 * H: "4H",
    1: "1",
    4: "4",
}
X = np.random.default_rng(0).normal(size=(B, T, D)).astype("float32")
SHAPE = r"`(\([^`]*\))`"


def tables():
    """{heading: {first cell: [further cells]}} of the page;
    a table with a heading of its own in its first cell goes by that.
    """
    text = (ROOT / "book" / "cheat-sheet.md").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        heading = name = part.split("\n")[0]
        for line in re.findall(r"^\| .*|^\|:.*", part, re.M):
            first, *rest = (cell.strip() for cell in line.strip().strip("|").split("|"))
            if rest[0] == "PyTorch" or rest[0] == "this book":
                name = first or heading
                found[name] = {}
            elif not first.startswith(":--"):
                assert first not in found[name], first
                found[name][first] = rest
    return found


def letters(shape, first=None):
    """(2, 3, 5) -> "(B, T, D)"; `first` names a first size that stands for something else."""
    names = [LETTERS[int(n)] for n in shape]
    names[0] = first or names[0]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


@cache
def frameworks():
    import keras
    import tensorflow as tf
    import torch

    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    return torch, keras, tf


def built(layer, shape=(None, None, D)):
    layer.build(shape)
    return {v.name: v.numpy() for v in layer.weights}


def shapes():
    """{row: (shapes in PyTorch, shapes in Keras)} in the order of the row's cell."""
    torch, keras, _ = frameworks()
    x, k = torch.tensor(X), keras.layers
    time_first, first = torch.nn.GRU(D, H), torch.nn.GRU(D, H, batch_first=True)
    y, h = first(x)
    wide = torch.nn.GRU(D, H, 2, bidirectional=True, batch_first=True)(x)[1]
    pair = torch.nn.LSTM(D, H, batch_first=True)(x)[1]
    assert pair[0].shape == pair[1].shape
    logits, targets = torch.zeros(B, C, T), torch.zeros(B, T, dtype=torch.int64)
    torch.nn.CrossEntropyLoss()(logits, targets)
    with pytest.raises((RuntimeError, ValueError)):
        torch.nn.CrossEntropyLoss()(torch.zeros(B, T, C), targets)
    keras.losses.SparseCategoricalCrossentropy()(np.zeros((B, T)), np.full((B, T, C), 1 / C))
    turned = x.transpose(0, 1)
    time_first(turned)
    everything = k.GRU(H, return_sequences=True, return_state=True)(X)
    deep = k.Bidirectional(k.GRU(H, return_sequences=True, return_state=True))
    states = [*deep(X)[1:], *k.Bidirectional(k.GRU(H, return_state=True))(deep(X)[0])[1:]]
    assert len(states) == 4 and len({tuple(s.shape) for s in states}) == 1
    lstm = k.LSTM(H, return_state=True)(X)
    assert len(lstm) == 3
    return {
        "input of a recurrent layer": ([turned.shape, x.shape], [X.shape]),
        "output, as it comes": ([time_first(turned)[0].shape], [k.GRU(H)(X).shape]),
        "output, all steps, batch first": ([y.shape], [everything[0].shape]),
        "output, two directions": (
            [torch.nn.GRU(D, H, bidirectional=True, batch_first=True)(x)[0].shape],
            [k.Bidirectional(k.GRU(H, return_sequences=True))(X).shape],
        ),
        "state h of an RNN or a GRU": ([h.shape], [everything[1].shape]),
        "state h of L = 2 layers, two directions": ([wide.shape], [states[0].shape]),
        "state of an LSTM": ([pair[0].shape], [lstm[1].shape]),
        "logits for a class at each step": ([logits.shape], [(B, T, C)]),
        "targets for them": ([targets.shape], [(B, T)]),
    }


def weights():
    """{row: ({name: shape} in PyTorch, the same in Keras)}."""
    torch, keras, _ = frameworks()
    k = keras.layers

    def arrays(module):
        return {name: tuple(w.shape) for name, w in module.state_dict().items()}

    def keras_arrays(layer, shape=(None, None, D)):
        return {name: value.shape for name, value in built(layer, shape).items()}

    lstm, gru = arrays(torch.nn.LSTM(D, H)), arrays(torch.nn.GRU(D, H))
    deep = arrays(torch.nn.LSTM(D, H, 2, bidirectional=True))
    lstm_k, gru_k = keras_arrays(k.LSTM(H)), keras_arrays(k.GRU(H))
    norm = arrays(torch.nn.BatchNorm1d(H))
    return {
        "from the input, LSTM": (lstm, lstm_k),
        "from the state, LSTM": (lstm, lstm_k),
        "biases, LSTM": (lstm, lstm_k),
        "from the input, GRU": (gru, gru_k),
        "biases, GRU": (gru, gru_k),
        "biases, GRU with reset before": ({}, keras_arrays(k.GRU(H, reset_after=False))),
        "second layer, backward": (deep, {}),
        "fully connected": (arrays(torch.nn.Linear(H, C)), keras_arrays(k.Dense(C), (None, H))),
        "embedding": (arrays(torch.nn.Embedding(V, D)), keras_arrays(k.Embedding(V, D), (None, T))),
        "layer normalisation": (
            arrays(torch.nn.LayerNorm(H)),
            keras_arrays(k.LayerNormalization(), (None, H)),
        ),
        "batch statistics": (norm, keras_arrays(k.BatchNormalization(), (None, H))),
    }


def layer_defaults():
    """{row: (PyTorch, Keras)} of the layers, tried or read."""
    torch, keras, tf = frameworks()
    k, n, backends = keras.layers, 64, torch.backends
    lstm = {name: w.detach().numpy() for name, w in torch.nn.LSTM(16, n).named_parameters()}
    lstm_k = built(k.LSTM(n), (None, None, 16))
    bound = np.sqrt(6 / (16 + 4 * n))
    R = lstm_k["recurrent_kernel"]
    linear = torch.nn.Linear(16, n)
    dense = built(k.Dense(n), (None, 16))
    table, table_k = (
        torch.nn.Embedding(1000, n).weight.detach().numpy(),
        built(k.Embedding(1000, n), (None, 4)),
    )
    norm, norm_k = torch.nn.BatchNorm1d(1), k.BatchNormalization()
    pair = np.array([[1.0], [3.0]], "float32")  # variance 1 over n, 2 over n - 1
    norm(torch.tensor(pair))
    norm_k(pair, training=True)
    ones = np.ones((1, 1000), "float32")
    double = X.astype("float64")

    def spread(a, bound):
        return f"uniform ±{bound}" if fills(a, bound) else "?"

    def fills(a, bound, share=0.9):
        bound = {"1/√H": n**-0.5, "1/√D": 16**-0.5}.get(bound, bound)
        return (
            share * bound < np.abs(a).max() <= bound * (1 + 1e-6)
            and abs(np.std(a) * np.sqrt(3) / bound - 1) < 0.15
        )

    def refused():
        try:
            torch.nn.LSTM(D, H)(torch.tensor(double))
        except ValueError:
            return "error"

    # of a batch with mean 2, from 0
    mean, mean_k = norm.running_mean.item(), norm_k.moving_mean.numpy()[0]
    var, var_k = norm.running_var.item(), norm_k.moving_variance.numpy()[0]
    forget = (lstm["bias_ih_l0"] + lstm["bias_hh_l0"])[n : 2 * n]
    glorot = "Glorot" if fills(dense["kernel"], np.sqrt(6 / (16 + n))) else "?"
    before = (
        built(k.GRU(H, reset_after=False))["bias"].ndim == 1 and built(k.GRU(H))["bias"].ndim == 2
    )
    return {
        "input weights": (
            spread(lstm["weight_ih_l0"], "1/√H"),
            "Glorot, uniform ±√(6 / (D + nH))" if fills(lstm_k["kernel"], bound) else "?",
        ),
        "recurrent weights": (
            spread(lstm["weight_hh_l0"], "1/√H"),
            "orthogonal" if rounding.same(R @ R.T, np.eye(n)) else "?",
        ),
        "forget bias": (
            "near 0" if abs(forget.mean()) < 0.1 else "?",
            f"{lstm_k['bias'][n : 2 * n].mean():g}",
        ),
        "reset gate of a GRU": (
            "after the product",
            "after; `reset_after=False`: before" if before else "?",
        ),
        "Linear / Dense: weights": (spread(linear.weight.detach().numpy(), "1/√D"), glorot),
        "Linear / Dense: bias": (
            spread(linear.bias.detach().numpy(), "1/√D"),
            f"{np.abs(dense['bias']).max():g}",
        ),
        "Embedding": (
            f"normal, std {table.std():.0f}" if 3 < np.abs(table).max() < 6 else "?",
            spread(table_k["embeddings"], 0.05),
        ),
        "LayerNorm ε": (str(torch.nn.LayerNorm(1).eps), str(k.LayerNormalization().epsilon)),
        "BatchNorm ε": (str(norm.eps), str(norm_k.epsilon)),
        "BatchNorm momentum": (f"{mean / 2:.1f} of the new", f"{1 - mean_k / 2:.2f} of the old"),
        "BatchNorm running variance": (
            "divided by n - 1" if np.isclose(var, 0.9 + 0.1 * 2) else "?",
            "divided by n" if np.isclose(var_k, 0.99 + 0.01 * 1) else "?",
        ),
        "a Dropout just called": tuple(
            "drops" if (np.asarray(y) == 0).any() else "does not"
            for y in (torch.nn.Dropout(0.5)(torch.tensor(ones)), k.Dropout(0.5)(ones))
        ),
        "LeakyReLU slope": (
            str(torch.nn.LeakyReLU().negative_slope),
            f"{-float(k.LeakyReLU()(np.float32([-1]))[0]):.1f}",
        ),
        "dtype given float64": (refused(), f"cast to {k.LSTM(H)(double).dtype.name}"),
        "TF32 for float32 products on a GPU": (
            "in cuDNN only"
            if backends.cudnn.allow_tf32 and not backends.cuda.matmul.allow_tf32
            else "?",
            "everywhere" if tf.config.experimental.tensor_float_32_execution_enabled() else "?",
        ),
    }


def optimizer_defaults():
    """{row: (PyTorch, Keras)} of the optimizers, read from fresh ones."""
    torch, keras, _ = frameworks()
    w, t, k = [torch.nn.Parameter(torch.ones(1))], torch.optim, keras.optimizers

    def config(name, key):
        return f"{getattr(k, name)().get_config()[key]:g}"

    def value(name, key):
        return f"{getattr(t, name)(w).defaults[key]:g}"

    rows = {
        "SGD rate": ("SGD", "lr", "learning_rate"),
        "Adam rate": ("Adam", "lr", "learning_rate"),
        "Adam ε": ("Adam", "eps", "epsilon"),
        "AdamW rate": ("AdamW", "lr", "learning_rate"),
        "AdamW decay": ("AdamW", "weight_decay", "weight_decay"),
        "RMSprop rate": ("RMSprop", "lr", "learning_rate"),
        "RMSprop decay of the average": ("RMSprop", "alpha", "rho"),
        "RMSprop ε": ("RMSprop", "eps", "epsilon"),
        "Adagrad rate": ("Adagrad", "lr", "learning_rate"),
        "Adagrad first accumulator": (
            "Adagrad",
            "initial_accumulator_value",
            "initial_accumulator_value",
        ),
    }
    found = {
        row: (value(name, one), config(name, other)) for row, (name, one, other) in rows.items()
    }
    betas = t.Adam(w).defaults["betas"], (config("Adam", "beta_1"), config("Adam", "beta_2"))
    return {**found, "Adam β": tuple(f"{a}, {b}" for a, b in betas)}


def around():
    """{row: (PyTorch, Keras)} of padding, masks and losses, tried."""
    torch, keras, tf = frameworks()
    rnn, F = torch.nn.utils.rnn, torch.nn.functional
    ids = [[1, 2, 3, 4], [5]]
    padded = rnn.pad_sequence([torch.tensor(i) for i in ids], batch_first=True).tolist()
    padded_k = keras.utils.pad_sequences(ids, maxlen=3).tolist()
    lengths = np.array([3, 2])
    valid = np.arange(T) < lengths[:, None]
    y, _ = torch.nn.GRU(D, H, batch_first=True)(
        rnn.pack_padded_sequence(torch.tensor(X), lengths, batch_first=True)
    )
    y, _ = rnn.pad_packed_sequence(y, batch_first=True)
    layer = keras.layers.GRU(H, return_sequences=True)
    y_k, front = layer(X, mask=valid).numpy(), layer(X, mask=valid[:, ::-1]).numpy()
    both_ways = keras.layers.Bidirectional(keras.layers.GRU(H, return_sequences=True))(
        X, mask=valid
    ).numpy()
    with pytest.raises(TypeError):  # lengths are all that can be said
        rnn.pack_padded_sequence(torch.tensor(X), lengths, batch_first=True, mask=valid)

    logits = np.random.default_rng(1).normal(size=(B, T, C))
    classes = np.random.default_rng(2).integers(0, C, (B, T))
    soft = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    each = -np.log(np.take_along_axis(soft, classes[..., None], -1))[..., 0]
    means = {
        each.mean(): "all steps",
        each[valid].mean(): "valid steps",
        each[valid].sum() / (B * T): "all steps",
    }

    def over(value):
        return next((name for mean, name in means.items() if np.isclose(value, mean)), "?")

    flat, target = torch.tensor(logits).reshape(-1, C), torch.tensor(classes).reshape(-1)
    ignored = torch.where(torch.tensor(valid).reshape(-1), target, -100)
    loss = keras.losses.SparseCategoricalCrossentropy
    masked = keras.layers.Masking(dtype="float64")(logits * valid[..., None])
    takes = "logits" if over(F.cross_entropy(flat, target).item()) == "all steps" else "?"
    plain, told = loss(dtype="float64")(classes, soft), loss(from_logits=True, dtype="float64")
    takes_k = (
        "probabilities; `from_logits=True`: logits"
        if over(plain) == over(told(classes, logits)) != "?"
        else "?"
    )
    return {
        "padding stands": (
            "at the end" if padded[1] == [5, 0, 0, 0] else "?",
            "at the front" if padded_k[1] == [0, 0, 5] else "?",
        ),
        "too long": (
            "kept whole" if padded[0] == ids[0] else "?",
            "cut at the front" if padded_k[0] == [2, 3, 4] else "?",
        ),
        "output after the end": (
            "0 (unpacked)" if not y[1, 2:].any() else "?",
            "the last one (`Bidirectional`: 0)"
            if (y_k[1, 2] == y_k[1, 1]).all() and not both_ways[1, 2:].any()
            else "?",
        ),
        "masked steps at the front": ("cannot be packed", "0" if not front[1, :1].any() else "?"),
        "a classification loss takes": (takes, takes_k),
        "mean of a loss over padded steps": (
            over(F.cross_entropy(flat, target).item()),
            f"mask: {over(told(classes, masked))}",
        ),
        "the same with weights 0 and 1": (
            f"{over(F.cross_entropy(flat, ignored).item())} (`ignore_index`)",
            f"`sample_weight`: {over(told(classes, logits, sample_weight=valid))}",
        ),
        "gradients of norm 3 and 4 clipped to 1": clipped(torch, keras, tf),
    }


def clipped(torch, keras, tf):
    """What is left of gradients of norm 3 and 4, in words of the page."""
    pair = [torch.nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(2)]
    for w, g in zip(pair, (3.0, 4.0), strict=True):
        w.grad = torch.full_like(w, g)
    torch.nn.utils.clip_grad_norm_(pair, 1.0)

    def left(**option):
        weights = [keras.Variable([0.0], dtype="float64") for _ in range(2)]
        keras.optimizers.SGD(1.0, **option).apply(
            [tf.constant([g], tf.float64) for g in (3.0, 4.0)], weights
        )
        return ", ".join(f"{-w.numpy()[0]:g}" for w in weights)

    return (
        ", ".join(f"{w.grad.item():.3g}" for w in pair),
        f"`clipnorm`: {left(clipnorm=1.0)}; `global_clipnorm`: {left(global_clipnorm=1.0)}",
    )


def test_shapes():
    page, found = tables()["Shapes"], shapes()
    assert list(page) == list(found)
    for row, cells in page.items():
        for cell, wanted in zip(cells, found[row], strict=True):
            assert re.findall(SHAPE, cell) == [letters(shape) for shape in wanted], row


def test_weights():
    page, found = tables()["Weights"], weights()
    assert list(page) == list(found)
    for row, cells in page.items():
        for cell, wanted in zip(cells, found[row], strict=True):
            names = re.findall(r"`(\w+)`", cell)
            assert set(names) <= set(wanted), row
            first = "2" if names == ["bias"] and len(wanted["bias"]) == 2 else None
            for shape in re.findall(SHAPE, cell):
                assert {letters(wanted[name], first) for name in names} == {shape}, row
            assert bool(names) == bool(wanted), row


@pytest.mark.parametrize(
    ("heading", "measure"),
    [
        ("Defaults of layers", layer_defaults),
        ("Defaults of optimizers", optimizer_defaults),
        ("Padding, masks, losses", around),
    ],
)
def test_defaults(heading, measure):
    page = {row: tuple(cells) for row, cells in tables()[heading].items()}
    found = measure()
    assert page == found


def test_gates_are_those_that_the_transfer_uses():
    from rnnlib.core import cells as cell_table

    for kind, (ours, torch_order, keras_order) in tables()["Gates"].items():
        cells = [re.sub(r"[` ]", "", cell) for cell in (ours, torch_order, keras_order)]
        names = {"c": "g", "h": "n"}  # what Keras calls them
        cells[2] = "".join(names.get(gate, gate) for gate in cells[2])
        row = cell_table.row(kind.lower())
        assert cells == [row.gates, row.layouts["torch"].gates, row.layouts["keras"].gates]


def test_names_exist():
    roots = dict(zip(("torch", "keras", "tf"), frameworks(), strict=True))
    looked_up = 0
    for row, cells in tables()["One thing, two names"].items():
        for cell in cells:
            for name in re.findall(r"`((?:torch|keras|tf)\.[\w.]+)`", cell):
                at = roots[name.split(".")[0]]
                for part in name.split(".")[1:]:
                    assert hasattr(at, part), f"{row}: {name}"
                    at = getattr(at, part)
                looked_up += 1
    assert looked_up > 25
