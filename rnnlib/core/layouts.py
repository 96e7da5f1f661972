"""Weights between our layout and that of the frameworks' own layers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlib.core import cells, validation
from rnnlib.core.initializers import Arrays


def reorder_gates(array: np.ndarray, have: str, want: str) -> np.ndarray:
    """Rearrange the gate blocks along the last axis, e.g. from "ifgo" to "ifog".

    >>> reorder_gates(np.array([1, 2, 3, 4]), "ifgo", "ifog").tolist()
    [1, 2, 4, 3]
    """
    blocks = dict(zip(have, np.split(array, len(have), axis=-1), strict=True))
    return np.concatenate([blocks[gate] for gate in want], axis=-1)


def stack_places(num_layers: int = 1, bidirectional: bool = False) -> Iterator[tuple[str, str]]:
    """(our prefix, PyTorch's suffix) of each cell of a stack, in the order in which both frameworks
    file them."""
    for k in range(num_layers):
        if num_layers == 1:
            layer = ""
        else:
            layer = f"layers.{k}."
        if not bidirectional:
            yield f"{layer}cell.", f"_l{k}"
        else:
            yield from ((f"{layer}fwd.cell.", f"_l{k}"), (f"{layer}bwd.cell.", f"_l{k}_reverse"))


def _split(p, num_layers, bidirectional):
    """Our parameters cell by cell, in the order of `stack_places`; one cell alone goes by its own
    names."""
    if num_layers == 1 and not bidirectional:
        return [p]
    prefixes = [prefix for prefix, _ in stack_places(num_layers, bidirectional)]
    strangers = [name for name in p if not name.startswith(tuple(prefixes))]
    if strangers:
        raise ValueError(
            f"{strangers[0]!r} is no parameter of {num_layers} layers with "
            f"bidirectional={bidirectional}, whose names start with {', '.join(prefixes)}: "
            "give num_layers= and bidirectional= as they are"
        )
    return [below_prefix(p, prefix) for prefix in prefixes]


def _join(parts, num_layers, bidirectional):
    """The way back of `_split`."""
    if num_layers == 1 and not bidirectional:
        return parts[0]
    prefixes = [prefix for prefix, _ in stack_places(num_layers, bidirectional)]
    return {
        prefix + name: value
        for prefix, part in zip(prefixes, parts, strict=True)
        for name, value in part.items()
    }


# Other libraries give every gate two biases, of the input and of the recurrent product.  Their sum
# is what a cell sees, except where the second stands inside a product with another gate: there it
# is a parameter of ours (`second_bias` of the row), such as a GRU's b_n.


def _two_biases(row, p, order):
    """Our parameters -> first and second bias (nH,) in a library's order of gates; the surplus is
    0."""
    first = reorder_gates(p["b"], row.gates, order)
    second = dict.fromkeys(row.gates, np.zeros(len(p["W_h"]), first.dtype))
    second.update({gate: p[name] for gate, name in row.second_bias.items() if name in p})
    return first, np.concatenate([second[gate] for gate in order])


def _one_bias(row, first, second, order):
    """The two biases (nH,) in a library's order -> {"b": their sum, and what is ours of the
    second}."""
    first, second = (reorder_gates(bias, order, row.gates) for bias in (first, second))
    blocks = dict(zip(row.gates, np.split(second, len(row.gates)), strict=True))
    kept = {name: blocks[gate] for gate, name in row.second_bias.items()}
    for gate in row.second_bias:
        blocks[gate] = np.zeros_like(blocks[gate])
    return {"b": first + np.concatenate([blocks[gate] for gate in row.gates]), **kept}


def _layout(library, kind):
    """The row of a cell and a library's layout of it.  ValueError where it has no layer for the
    cell."""
    row = cells.row(kind)
    if library not in row.layouts:
        raise ValueError(cells.lacks(library, kind))
    return row, row.layouts[library].gates


def _check_variant(library, kind, p):
    """The names are those of a cell that the library has a layer for.  ValueError says what it
    lacks, or what differs."""
    known = [{**cells.OPTIONS[kind], **options} for options in cells.row(kind).variants()]
    fitting = [
        options for options in known if set(cells.parameters((kind, options), 1, 1)) == set(p)
    ]
    if not fitting:
        wanted = cells.parameters(kind, 1, 1)
        differ = [f"{name} is missing" for name in wanted if name not in p]
        differ += [f"{name} is not wanted" for name in p if name not in wanted]
        raise ValueError(f"these are not the parameters of a cell {kind!r}: {'; '.join(differ)}")
    why = cells.lacks(library, (kind, fitting[0]))
    if why is not None:
        raise ValueError(f"{why}; these are the parameters of such a cell")


def to_torch(
    kind: str, p: Arrays, num_layers: int = 1, bidirectional: bool = False
) -> dict[str, np.ndarray]:
    """Our parameters -> the arrays of nn.RNN, nn.LSTM or nn.GRU; the surplus bias is 0.

    One cell: names as in `draw_weights`. A stack, or two directions: dotted names as in
    `rnn.params`, see `stack_places`.

    >>> from rnnlib.core import draw_weights
    >>> weights = draw_weights("lstm", input_size=2, hidden_size=3, rng=0)
    >>> {name: array.shape for name, array in to_torch("lstm", weights).items()}
    {'weight_ih_l0': (12, 2), 'weight_hh_l0': (12, 3), 'bias_ih_l0': (12,), 'bias_hh_l0': (12,)}
    """
    row, order = _layout("torch", kind)
    arrays = {}
    parts = _split(p, num_layers, bidirectional)
    for part, (_, suffix) in zip(parts, stack_places(num_layers, bidirectional), strict=True):
        _check_variant("torch", kind, part)
        first, second = _two_biases(row, part, order)
        arrays["weight_ih" + suffix] = reorder_gates(part["W_x"], row.gates, order).T
        arrays["weight_hh" + suffix] = reorder_gates(part["W_h"], row.gates, order).T
        arrays["bias_ih" + suffix] = first
        arrays["bias_hh" + suffix] = second
    return arrays


TORCH_NAME = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)(_reverse)?")


def from_torch(
    kind: str, arrays: Arrays, num_layers: int | None = None, bidirectional: bool | None = None
) -> dict[str, np.ndarray]:
    """The arrays of nn.RNN, nn.LSTM or nn.GRU -> our parameters; their names tell the layers.

    The two biases are added, except that a GRU keeps the second one of its candidate apart: the
    function is the same. A layer with bias=False gets biases of 0.  ValueError names an array that
    has no place here, or that is missing.

    >>> arrays = {"weight_ih_l0": np.ones((3, 2)), "weight_hh_l0": np.ones((3, 3))}
    >>> {name: array.shape for name, array in from_torch("elman", arrays).items()}
    {'W_x': (2, 3), 'W_h': (3, 3), 'b': (3,)}
    """
    row, order = _layout("torch", kind)
    form = _torch_form(arrays)
    _check_form(form, num_layers, bidirectional)
    parts = []
    for _, suffix in stack_places(*form):
        W_x, W_h = (np.asarray(arrays[name + suffix]) for name in ("weight_ih", "weight_hh"))
        zeros = np.zeros(len(W_x), W_x.dtype)
        first, second = (
            np.asarray(arrays.get(name + suffix, zeros)) for name in ("bias_ih", "bias_hh")
        )
        products = {
            "W_x": reorder_gates(W_x.T, order, row.gates),
            "W_h": reorder_gates(W_h.T, order, row.gates),
        }
        parts.append(products | _one_bias(row, first, second, order))
    return _join(parts, *form)


def _torch_form(arrays):
    """Number of layers, whether two directions, from the names of PyTorch's arrays; all there, and
    no other."""
    projected = [name for name in arrays if name.startswith("weight_hr")]
    if projected:
        raise ValueError(
            f"{projected[0]} belongs to nn.LSTM(proj_size=...), which no cell here has: "
            "build the layer without proj_size"
        )
    strangers = [name for name in arrays if not TORCH_NAME.fullmatch(name)]
    if strangers:
        raise ValueError(
            f"{', '.join(map(repr, strangers))}: not the name of an array of nn.RNN, nn.LSTM or "
            "nn.GRU, such as weight_ih_l0; give layer.named_parameters() of that layer alone"
        )
    suffixes = {match[2] for name in arrays if (match := TORCH_NAME.fullmatch(name))}
    form = (
        max(map(int, suffixes), default=0) + 1,
        any(name.endswith("_reverse") for name in arrays),
    )
    kinds = ["weight_ih", "weight_hh"]
    if any(name.startswith("bias") for name in arrays):
        kinds += ["bias_ih", "bias_hh"]
    missing = [
        kind + suffix
        for _, suffix in stack_places(*form)
        for kind in kinds
        if kind + suffix not in arrays
    ]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing: give all arrays of the layer")
    return form


def _check_form(form, num_layers, bidirectional):
    """What was said of layers and directions, if anything, is what the arrays are of."""
    for name, said, seen in (
        ("num_layers", num_layers, form[0]),
        ("bidirectional", bidirectional, form[1]),
    ):
        if said is not None and said != seen:
            raise ValueError(
                f"{name} is {said}, but these arrays are of a layer with {name}={seen}: leave "
                f"{name}= out"
            )


def to_keras(
    kind: str, p: Arrays, num_layers: int = 1, bidirectional: bool = False
) -> list[np.ndarray]:
    """Our parameters -> [kernel, recurrent_kernel, bias] of SimpleRNN, LSTM or GRU.

    Of a stack one after the other.  A GRU with `b_n` gets the bias (2, 3H) of
    `reset_after=True`, whose second row is 0 but for the candidate; without,
    the bias (3H,) of `reset_after=False`.
    """
    row, order = _layout("keras", kind)
    arrays = []
    for part in _split(p, num_layers, bidirectional):
        _check_variant("keras", kind, part)
        first, second = _two_biases(row, part, order)
        two = any(name in part for name in row.second_bias.values())
        arrays += [reorder_gates(part[name], row.gates, order) for name in ("W_x", "W_h")]
        arrays.append(np.stack([first, second]) if two else first)
    return arrays


def from_keras(
    kind: str,
    arrays: Sequence[np.ndarray],
    num_layers: int | None = None,
    bidirectional: bool | None = None,
    reset_after: bool = True,
) -> dict[str, np.ndarray]:
    """[kernel, recurrent_kernel, bias] of SimpleRNN, LSTM or GRU, cell after cell -> our
    parameters.

    Layers and directions are seen from the number and the shapes of the arrays; where two readings
    fit, ValueError asks.  Of a bias (2, 3H) the two rows are added, except that the candidate's
    second one is kept apart.  Layers with use_bias=False get biases of 0; which GRU they are, no
    array tells: `reset_after` says it then.
    """
    row, order = _layout("keras", kind)
    groups = _keras_groups(row, arrays)
    form = _keras_form(groups, num_layers, bidirectional)
    parts = []
    for W_x, W_h, *bias in groups:
        two = bool(row.second_bias) and reset_after
        zeros = np.zeros((2, W_x.shape[1])[not two :], W_x.dtype)
        parts.append(_from_keras_cell(row, order, W_x, W_h, bias[0] if bias else zeros))
    return _join(parts, *form)


def _from_keras_cell(row, order, W_x, W_h, bias):
    """One cell; a bias of one row has no second bias that is ours."""
    p = {"W_x": reorder_gates(W_x, order, row.gates), "W_h": reorder_gates(W_h, order, row.gates)}
    if bias.ndim == 1:
        return p | {"b": reorder_gates(bias, order, row.gates)}
    own, second = bias
    return p | _one_bias(row, own, second, order)


def _keras_groups(row, arrays):
    """The arrays of each cell, [kernel, recurrent kernel, perhaps bias]; ValueError for anything
    else."""
    arrays = [np.asarray(array) for array in arrays]
    for size in (3, 2):
        groups = [arrays[start : start + size] for start in range(0, len(arrays), size)]
        if groups and all(_is_keras_cell(row, group, size) for group in groups):
            return groups
    raise ValueError(
        f"these {len(arrays)} arrays of shapes {[array.shape for array in arrays]} are not "
        f"[kernel, recurrent_kernel, bias] of one {row.layouts['keras'].layer} after the other: "
        "give layer.get_weights() of such layers alone"
    )


def _is_keras_cell(row, group, size):
    """Whether the shapes are those of a kernel (D, nH), a recurrent kernel (H, nH) and perhaps a
    bias."""
    if len(group) != size or group[0].ndim != 2 or group[1].ndim != 2:
        return False
    H = len(group[1])
    width = len(row.gates) * H
    if row.second_bias:
        biases = [(width,), (2, width)]
    else:
        biases = [(width,)]
    fits = group[0].shape[1] == width and group[1].shape[1] == width
    return fits and all(bias.shape in biases for bias in group[2:])


def _keras_form(groups, num_layers, bidirectional):
    """Number of layers and whether two directions, as they fit the number and the shapes of the
    groups."""
    (D, _), (H, _) = groups[0][0].shape, groups[0][1].shape
    fitting = []
    for form in ((len(groups), False), (len(groups) // 2, True)):
        directions = 1 + form[1]
        sizes = [D if k < directions else H * directions for k in range(form[0] * directions)]
        if sizes == [group[0].shape[0] for group in groups]:
            fitting.append(form)
    if not fitting:
        raise ValueError(
            f"{len(groups)} kernels with {[group[0].shape[0] for group in groups]} rows and {H} "
            "units are neither a stack nor two directions: give the arrays of such layers alone"
        )
    said = [
        form
        for form in fitting
        if num_layers in (None, form[0]) and bidirectional in (None, form[1])
    ]
    if not said:
        _check_form(fitting[0], num_layers, bidirectional)
    if len(said) > 1:
        raise ValueError(
            f"{len(groups)} cells of {D} inputs and {H} units are a stack or two directions: "
            "say bidirectional=True or bidirectional=False"
        )
    return said[0]


# ONNX has one operator a layer: RNN, LSTM, GRU.  Its arrays start with an axis of one or two
# directions; its two biases stand behind each other in B; an LSTM's peepholes are in P, in the
# order i, o, f.

PEEPHOLES = ("p_i", "p_o", "p_f")
ONNX_ACTIVATIONS = {
    "RNN": ["Tanh"],
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
}


@dataclass(frozen=True)
class OnnxLayer:
    """One recurrent operator of ONNX: its type, its arrays under the standard's names, its
    attributes.

    W (d, nH, D), R (d, nH, H), B (d, 2nH) and, with peepholes, P (d, 3H), for d directions.
    """

    op_type: str
    arrays: dict[str, np.ndarray]
    attributes: dict[str, int | str | list[str]]


def to_onnx(
    kind: str, p: Arrays, num_layers: int = 1, bidirectional: bool = False, activation: str = "tanh"
) -> list[OnnxLayer]:
    """Our parameters -> the operators RNN, LSTM or GRU of ONNX, one for each layer.

    A GRU with `b_n` has linear_before_reset=1, without it 0; peepholes are taken along.
    `activation` is an Elman cell's, which no array tells.
    """
    row, order = _layout("onnx", kind)
    validation.choice(activation, ("tanh", "relu"), "activation")
    parts = _split(p, num_layers, bidirectional)
    directions = 1 + bool(bidirectional)
    op_type = row.layouts["onnx"].layer
    layers = []
    for start in range(0, len(parts), directions):
        group = parts[start : start + directions]
        single = [_to_onnx_direction(row, order, part) for part in group]
        arrays = {name: np.stack([one[name] for one in single]) for name in single[0]}
        attributes: dict[str, int | str | list[str]] = {"hidden_size": len(group[0]["W_h"])}
        if bidirectional:
            attributes["direction"] = "bidirectional"
        else:
            attributes["direction"] = "forward"
        if activation == "relu":
            activations = ["Relu"]
        else:
            activations = ONNX_ACTIVATIONS[op_type]
        attributes["activations"] = activations * directions
        if op_type == "GRU":
            attributes["linear_before_reset"] = int("b_n" in group[0])
        layers.append(OnnxLayer(op_type, arrays, attributes))
    return layers


def _to_onnx_direction(row, order, p):
    """W, R, B and perhaps P of one direction, without the axis of directions."""
    _check_variant("onnx", row.kind, p)
    arrays = {
        "W": reorder_gates(p["W_x"], row.gates, order).T,
        "R": reorder_gates(p["W_h"], row.gates, order).T,
        "B": np.concatenate(_two_biases(row, p, order)),
    }
    if PEEPHOLES[0] in p:
        arrays["P"] = np.concatenate([p[name] for name in PEEPHOLES])
    return arrays


def from_onnx(layers: Sequence[OnnxLayer]) -> dict[str, np.ndarray]:
    """The operators RNN, LSTM or GRU of ONNX, one for each layer -> our parameters.

    ValueError for attributes of another function (other activations, clip, input_forget), and for
    arrays that have no place here (sequence_lens, initial_h and initial_c are no weights: leave
    them out).
    """
    if not layers:
        raise ValueError("no layers: give at least one OnnxLayer")
    kinds = {row.layouts["onnx"].layer: row for row in cells.ROWS if "onnx" in row.layouts}
    row = kinds[validation.choice(layers[0].op_type, kinds, "op_type")]
    bidirectional = layers[0].attributes.get("direction", "forward") == "bidirectional"
    parts = []
    for layer in layers:
        _check_onnx(layer, layers[0], bidirectional)
        after = bool(layer.attributes.get("linear_before_reset", 0))
        for direction in range(1 + bidirectional):
            arrays = {name: np.asarray(array)[direction] for name, array in layer.arrays.items()}
            parts.append(_from_onnx_direction(row, arrays, after))
    return _join(parts, len(layers), bidirectional)


def _check_onnx(layer, first, bidirectional):
    """The layer is of the function that our cells are, and has no array that would be left out."""
    directions = 1 + bidirectional
    plain = ONNX_ACTIVATIONS[first.op_type] * directions
    allowed = {
        "direction": ["bidirectional" if bidirectional else "forward"],
        "activations": [plain, ["Relu"] * directions] if first.op_type == "RNN" else [plain],
        "clip": [],
        "input_forget": [0],
        "activation_alpha": [],
        "activation_beta": [],
    }
    if layer.op_type != first.op_type:
        raise ValueError(f"all layers are of one kind, got {first.op_type} and {layer.op_type}")
    for name, values in allowed.items():
        if name in layer.attributes and layer.attributes[name] not in values:
            raise ValueError(
                f"{layer.op_type} with {name}={layer.attributes[name]!r} is another function than "
                "our cell"
            )
    strangers = sorted(
        set(layer.arrays) - {"W", "R", "B"} - ({"P"} if layer.op_type == "LSTM" else set())
    )
    missing = [name for name in ("W", "R") if name not in layer.arrays]
    if strangers or missing:
        raise ValueError(
            f"arrays {strangers} have no place in our cell and {missing} are missing: "
            "give W, R, B (and an LSTM's P)"
        )
    for name, array in layer.arrays.items():
        if len(array) != directions:
            raise ValueError(
                f"{name} of shape {np.shape(array)} is not of {directions} direction(s)"
            )


def _from_onnx_direction(row, arrays, after):
    """Our parameters of one direction; without linear_before_reset the second bias is added for all
    gates."""
    order = row.layouts["onnx"].gates
    W = arrays["W"]
    R = arrays["R"]
    first, second = np.split(arrays.get("B", np.zeros(2 * len(W), W.dtype)), 2)
    p = {"W_x": reorder_gates(W.T, order, row.gates), "W_h": reorder_gates(R.T, order, row.gates)}
    if row.second_bias and not after:
        p["b"] = reorder_gates(first + second, order, row.gates)
    else:
        p |= _one_bias(row, first, second, order)
    if "P" in arrays:
        p |= dict(
            sorted(zip(PEEPHOLES, np.split(arrays["P"], 3), strict=True), key=_peephole_place)
        )
    return p


def _peephole_place(named):
    """Where a peephole stands in our order."""
    return ("p_i", "p_f", "p_o").index(named[0])


def below_prefix(p: Arrays, prefix: str) -> dict[str, np.ndarray]:
    """The parameters whose names start with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value for name, value in p.items() if name.startswith(prefix)
    }
