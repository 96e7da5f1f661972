"""Weights in the layouts of PyTorch, Keras and ONNX: there and back, and what is refused rather
than left out."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import framework, reference
from rnnlib.core import cells, layouts
from rnnlib.ref import loop

B, T, D, H = 3, 5, 2, 4
FORMS = [(1, False), (1, True), (2, False), (2, True), (3, True)]
VARIANTS = [(row.kind, options) for row in cells.ROWS for options in row.variants()]


def having(library):
    """The variants of cells that a library has a layer for, as pytest parameters."""
    found = [cell for cell in VARIANTS if cells.lacks(library, cell) is None]
    return pytest.mark.parametrize(
        "cell", found, ids=lambda cell: " ".join(map(str, [cell[0], *cell[1].values()]))
    )


forms = pytest.mark.parametrize(
    "form", FORMS, ids=lambda form: f"{form[0]} layers{', both ways' * form[1]}"
)


def stack(cell, form=(1, False), input_size=D, seed=0):
    """Random parameters of a stack, under our names."""
    rng = np.random.default_rng(seed)
    p, single = {}, form == (1, False)
    directions = 1 + form[1]
    for k, (prefix, _) in enumerate(layouts.stack_places(*form)):
        size = input_size if k < directions else H * directions
        for name, shape in cells.parameters(cell, size, H).items():
            p[("" if single else prefix) + name] = rng.normal(size=shape)
    return p


def assert_equal(back, p):
    """The same names in the same order, and equal to the bit."""
    assert list(back) == list(p)
    for name in p:
        assert_array_equal(back[name], p[name], err_msg=name)


@having("torch")
@forms
def test_to_pytorch_and_back(cell, form):
    p = stack(cell, form)
    arrays = layouts.to_torch(cell[0], p, *form)
    assert_equal(layouts.from_torch(cell[0], arrays), p)  # layers and directions are seen
    assert_equal(layouts.from_torch(cell[0], arrays, *form), p)


@having("keras")
@forms
@pytest.mark.parametrize("input_size", [D, H, 2 * H])
def test_to_keras_and_back(cell, form, input_size):
    p = stack(cell, form, input_size)
    arrays = layouts.to_keras(cell[0], p, *form)
    assert_equal(layouts.from_keras(cell[0], arrays, *form), p)
    others = [
        other
        for other in FORMS
        if _shapes(cell, other, input_size) == _shapes(cell, form, input_size)
    ]
    others += [(2, False)] if form == (1, True) and input_size == H else []
    if len(set(others)) == 1:
        assert_equal(layouts.from_keras(cell[0], arrays), p)
    else:
        with pytest.raises(
            ValueError, match="are a stack or two directions: say bidirectional=True"
        ):
            layouts.from_keras(cell[0], arrays)


def _shapes(cell, form, input_size):
    return [
        value.shape for value in layouts.to_keras(cell[0], stack(cell, form, input_size), *form)
    ]


@having("onnx")
@forms
def test_to_onnx_and_back(cell, form):
    p = stack(cell, form)
    layers = layouts.to_onnx(cell[0], p, *form, **_activation(cell))
    assert len(layers) == form[0]
    assert_equal(layouts.from_onnx(layers), p)


def _activation(cell):
    return {"activation": cell[1]["activation"]} if cell[0] == "elman" else {}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


PHI = {"Tanh": np.tanh, "Sigmoid": sigmoid, "Relu": lambda a: np.maximum(a, 0)}


def onnx(layer, x):
    """The operators RNN, LSTM and GRU as the ONNX standard defines them, one direction: x (B, T, D)
    -> y (B, T, H)."""
    W, R, b = (layer.arrays[name][0] for name in "WRB")
    blocks = {"RNN": 1, "LSTM": 4, "GRU": 3}[layer.op_type]
    Wb, Rb = (np.split(half, blocks) for half in np.split(b, 2))
    W, R = np.split(W, blocks), np.split(R, blocks)
    f, *g = (PHI[name] for name in layer.attributes["activations"])
    size = layer.attributes["hidden_size"]
    h = c = np.zeros((len(x), size))
    P = np.split(layer.arrays["P"][0], 3) if "P" in layer.arrays else [np.zeros(size)] * 3
    ys = []
    for t in range(x.shape[1]):

        def gate(k, h, t=t):
            return x[:, t] @ W[k].T + h @ R[k].T + Wb[k] + Rb[k]

        if layer.op_type == "RNN":
            h = f(gate(0, h))
        elif layer.op_type == "LSTM":  # gates i, o, f, c; peepholes i, o, f
            i, o_in, forget, new = gate(0, h), gate(1, h), gate(2, h), g[0](gate(3, h))
            c_old = c
            c = f(forget + P[2] * c_old) * c_old + f(i + P[0] * c_old) * new
            h = f(o_in + P[1] * c) * g[1](c)
        else:  # gates z, r, h
            z, r = f(gate(0, h)), f(gate(1, h))
            if layer.attributes["linear_before_reset"]:
                new = g[0](x[:, t] @ W[2].T + r * (h @ R[2].T + Rb[2]) + Wb[2])
            else:
                new = g[0](x[:, t] @ W[2].T + (r * h) @ R[2].T + Rb[2] + Wb[2])
            h = (1 - z) * new + z * h
        ys.append(h)
    return np.stack(ys, axis=1)


@having("onnx")
def test_the_operator_of_onnx_is_our_cell(cell):
    p = stack(cell)
    (layer,) = layouts.to_onnx(cell[0], p, **_activation(cell))
    x = np.random.default_rng(1).normal(size=(B, T, D))
    want, *_ = loop.forward(reference(cell[0], **cell[1]), p, x)
    assert_allclose(onnx(layer, x), want, atol=1e-12)


def test_biases_of_onnx_that_are_two_become_ours():
    """An exporter fills both; the second of a candidate is kept where the reset gate comes after
    the product."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(B, T, D))
    for kind, after in (("lstm", None), ("gru", 1), ("gru", 0)):
        options = {} if after is None else {"reset_after": bool(after)}
        (layer,) = layouts.to_onnx(kind, stack((kind, options)))
        layer.arrays["B"][:] = rng.normal(size=layer.arrays["B"].shape)
        want, *_ = loop.forward(reference(kind), layouts.from_onnx([layer]), x)
        assert_allclose(onnx(layer, x), want, atol=1e-12)
        without = layouts.OnnxLayer(
            layer.op_type, {k: layer.arrays[k] for k in "WR"}, layer.attributes
        )
        assert not layouts.from_onnx([without])["b"].any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"clip": 1.0}, "LSTM with clip=1.0 is another function"),
        ({"input_forget": 1}, "LSTM with input_forget=1 is another function"),
        (
            {"activations": ["HardSigmoid", "Tanh", "Tanh"]},
            "activations=.*HardSigmoid.* is another function",
        ),
        ({"direction": "reverse"}, "direction='reverse' is another function"),
    ],
)
def test_another_function_of_onnx_is_refused(change, says):
    (layer,) = layouts.to_onnx("lstm", stack(("lstm", {})))
    with pytest.raises(ValueError, match=says):
        layouts.from_onnx(
            [layouts.OnnxLayer(layer.op_type, layer.arrays, layer.attributes | change)]
        )
    strange = layer.arrays | {"initial_h": np.zeros((1, B, H))}
    with pytest.raises(ValueError, match=r"arrays \['initial_h'\] have no place"):
        layouts.from_onnx([layouts.OnnxLayer(layer.op_type, strange, layer.attributes)])


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize(
    ("said", "says"),
    [
        (
            (1, False),
            "num_layers is 1, but these arrays are of a layer with num_layers=2: leave",
        ),
        ((2, False), "bidirectional is False, but .* bidirectional=True"),
        ((3, True), "num_layers is 3, but"),
    ],
)
def test_a_part_of_a_network_is_never_taken(kind, said, says):
    p = stack((kind, {}), (2, True))
    with pytest.raises(ValueError, match=says):
        layouts.from_torch(kind, layouts.to_torch(kind, p, 2, True), *said)
    with pytest.raises(ValueError, match="num_layers is|bidirectional is"):
        layouts.from_keras(kind, layouts.to_keras(kind, p, 2, True), *said)


def torch_arrays():
    return layouts.to_torch("lstm", stack(("lstm", {}), (2, True)), 2, True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weight_hr_l0": np.zeros((2, H))}, r"weight_hr_l0 belongs to nn.LSTM\(proj_size=...\)"),
        ({"head.weight": np.zeros((3, H))}, "'head.weight': not the name of an array of nn.RNN"),
        ({"rnn.weight_ih_l0": np.zeros((3, H))}, "'rnn.weight_ih_l0': not the name"),
        ({"bias_hh_l1_reverse": None}, "bias_hh_l1_reverse missing"),
        ({"weight_hh_l0": None}, "weight_hh_l0 missing"),
    ],
)
def test_arrays_of_pytorch_that_have_no_place_are_named(change, says):
    arrays = {name: value for name, value in (torch_arrays() | change).items() if value is not None}
    with pytest.raises(ValueError, match=says):
        layouts.from_torch("lstm", arrays)


@pytest.mark.parametrize("count", [1, 4, 5, 7])
def test_arrays_of_keras_that_have_no_place_are_refused(count):
    arrays = layouts.to_keras("lstm", stack(("lstm", {}), (3, False)), 3)
    with pytest.raises(
        ValueError, match=f"these {count} arrays .* are not .kernel, recurrent_kernel"
    ):
        layouts.from_keras("lstm", arrays[:count])


def test_a_stack_under_the_names_of_one_cell_is_refused():
    p = stack(("gru", {}), (2, False))
    for convert in (layouts.to_torch, layouts.to_keras, layouts.to_onnx):
        with pytest.raises(ValueError, match="W_x is missing"):
            convert("gru", p)
        with pytest.raises(
            ValueError, match="'W_x' is no parameter of 2 layers with bidirectional=True"
        ):
            convert("gru", stack(("gru", {})), 2, True)


@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
def test_layers_of_pytorch_without_biases(kind):
    torch = pytest.importorskip("torch")
    rnn = framework("pt")
    layer_class = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
    layer = layer_class(D, H, 2, batch_first=True, bias=False, dtype=torch.float64)
    p = layouts.from_torch(
        kind, {name: rnn.array(value) for name, value in layer.named_parameters()}
    )
    levels = [rnn.RNN(rnn.make_cell(kind, size, H, dtype="float64")) for size in (D, H)]
    ours = rnn.Stacked(levels)
    rnn.load(ours, p)
    x = torch.randn(B, T, D, dtype=torch.float64)
    assert_allclose(rnn.array(ours(x)[0]), rnn.array(layer(x)[0]), atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "reset_after"), [("elman", True), ("lstm", True), ("gru", True), ("gru", False)]
)
def test_layers_of_keras_without_biases(kind, reset_after):
    pytest.importorskip("tensorflow")
    rnn = framework("tf")
    import keras

    options = {"units": H, "use_bias": False, "return_sequences": True, "dtype": "float64"}
    if kind == "gru":
        options["reset_after"] = reset_after
    layer = getattr(keras.layers, {"elman": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}[kind])(
        **options
    )
    x = rnn.tensor(np.random.default_rng(0).normal(size=(B, T, D)))
    y = layer(x)
    p = layouts.from_keras(kind, layer.get_weights(), reset_after=reset_after)
    spec = (kind, {"reset_after": reset_after}) if kind == "gru" else kind
    cell = rnn.make_cell(spec, D, H, dtype="float64")
    rnn.load(cell, p)
    assert_allclose(rnn.array(rnn.RNN(cell)(x)[0]), rnn.array(y), atol=1e-12)


def test_lengths_of_arrays_do_not_decide_alone():
    """H = D = 2: a kernel of a bias-free stack looks like a GRU's two biases; with biases is the
    usual reading."""
    rng = np.random.default_rng(0)
    shapes = [(2, 6)] * 6
    arrays = [rng.normal(size=shape) for shape in shapes]
    p = layouts.from_keras("gru", arrays, bidirectional=False)
    assert sorted(p) == sorted(
        f"layers.{k}.cell.{name}"
        for k, name in itertools.product(range(2), ("W_x", "W_h", "b", "b_n"))
    )
