"""The table of cells: what each one is, said once, for models, layouts, tests and pages.

A row says which gates a cell has and in which order, its options, its parameters and how they
start, its state, how PyTorch, Keras and ONNX lay its weights out, and whether a fused function
exists. The equations are in `rnnlib.ref`, `rnnlib.pt` and `rnnlib.tf`, a file for each kind.  A
cell of a reader's own needs no row: `rnn.RNN` runs it as it is.
"""

import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from rnnlib.core import validation

LIBRARIES = {"torch": "PyTorch", "keras": "Keras", "onnx": "ONNX"}


@dataclass(frozen=True)
class Option:
    """One option of a cell: its default, and the values to choose from where they can be
    counted."""

    default: str | bool | float | int
    choices: tuple[str | bool, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """One array of a cell: its name, its shape, and what each block along the last axis starts at.

    A block is "glorot" or "orthogonal" (drawn at random, `rnnlib.core.initializers`), or a number.
    """

    name: str
    shape: tuple[int, ...]
    blocks: tuple[str | float, ...] = (0.0,)


@dataclass(frozen=True)
class Part:
    """One leaf of a cell's state: its name, and its shape without the batch, which comes first."""

    name: str
    shape: tuple[int, ...]


State = Part | tuple["State", ...]


@dataclass(frozen=True)
class Layout:
    """How another library lays out the weights of its own layer for a cell.

    layer   its name there
    gates   the order of its blocks, in our letters
    lacks   (option, value) -> why its layer is another function with this
    """

    layer: str
    gates: str
    lacks: Mapping[tuple[str, str | bool], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """A row of the table.

    kind         its name: what models take as `cell`, and what its files are called
    title        its name in the text
    gates        the blocks of `W_x` along the last axis, a letter each, in our order
    letters      what these stand for
    options      name -> Option
    parameters   (D, H, **options) -> its arrays, in the order in which they are filed
    state        (D, H, **options) -> a Part, or a tuple of states
    second_bias  gate -> our name of its second bias: other libraries give all gates a second one,
                 which is added to the first unless it stands here
    layouts      library -> Layout of its own layer
    fused        whether a fused function exists, whose gradient is derived by hand
    unfused      (option, value) with which it does not
    about        what the page on notation says beside the letters
    """

    kind: str
    title: str
    gates: str
    letters: tuple[str, ...]
    parameters: Callable[..., list[Parameter]]
    state: Callable[..., State]
    options: Mapping[str, Option] = field(default_factory=dict)
    second_bias: Mapping[str, str] = field(default_factory=dict)
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    fused: bool = False
    unfused: tuple[tuple[str, str | bool], ...] = ()
    about: str = ""

    def defaults(self) -> dict[str, str | bool | float | int]:
        """{option: default}."""
        return {name: option.default for name, option in self.options.items()}

    def variants(self) -> list[dict[str, str | bool]]:
        """Every choice of the options that can be counted, the defaults first."""
        counted = {name: option for name, option in self.options.items() if option.choices}
        values = [
            sorted(option.choices, key=partial(operator.ne, option.default))
            for option in counted.values()
        ]
        return [dict(zip(counted, choice, strict=True)) for choice in itertools.product(*values)]


# The functions of the rows: of the sizes D, H and of the options.


def _hidden(D, H, **_):
    """The state h alone."""
    return Part("h", (H,))


def _elman(D, H, activation="tanh"):
    return [
        Parameter("W_x", (D, H), ("glorot",)),
        Parameter("W_h", (H, H), ("orthogonal",)),
        Parameter("b", (H,)),
    ]


def _lstm(D, H, peepholes=False, forget_bias=1.0):
    found = [
        Parameter("W_x", (D, 4 * H), ("glorot",) * 4),
        Parameter("W_h", (H, 4 * H), ("orthogonal",) * 4),
        Parameter("b", (4 * H,), (0.0, forget_bias, 0.0, 0.0)),
    ]
    if peepholes:  # at 0 the cell starts as the plain LSTM
        found += [Parameter(name, (H,)) for name in ("p_i", "p_f", "p_o")]
    return found


def _gru(D, H, reset_after=True):
    found = [
        Parameter("W_x", (D, 3 * H), ("glorot",) * 3),
        Parameter("W_h", (H, 3 * H), ("orthogonal",) * 3),
        Parameter("b", (3 * H,)),
    ]
    if reset_after:
        found.append(Parameter("b_n", (H,)))
    return found


def _sru(D, H):
    # the fourth brings the input to the size of the output
    if D == H:
        blocks = 3
    else:
        blocks = 4
    return [
        Parameter("W_x", (D, blocks * H), ("glorot",) * blocks),
        Parameter("b", (2 * H,)),  # the candidate has none
        Parameter("v_f", (H,)),
        Parameter("v_r", (H,)),
    ]


def _mingru(D, H):
    return [Parameter("W_x", (D, 2 * H), ("glorot",) * 2), Parameter("b", (2 * H,))]


def _minlstm(D, H):
    return [Parameter("W_x", (D, 3 * H), ("glorot",) * 3), Parameter("b", (3 * H,))]


ROWS = (
    Cell(
        kind="elman",
        title="Elman",
        gates="h",
        letters=("new state",),
        options={"activation": Option("tanh", ("tanh", "relu"))},
        parameters=_elman,
        state=_hidden,
        layouts={
            "torch": Layout("nn.RNN", "h"),
            "keras": Layout("SimpleRNN", "h"),
            "onnx": Layout("RNN", "h"),
        },
        fused=True,
    ),
    Cell(
        kind="lstm",
        title="LSTM",
        gates="ifgo",
        letters=("input gate", "forget gate", "candidate", "output gate"),
        options={"peepholes": Option(False, (False, True)), "forget_bias": Option(1.0)},
        parameters=_lstm,
        state=lambda D, H, **_: (Part("h", (H,)), Part("c", (H,))),
        layouts={
            "torch": Layout(
                "nn.LSTM", "ifgo", {("peepholes", True): "PyTorch's LSTM has no peepholes"}
            ),
            "keras": Layout("LSTM", "ifgo", {("peepholes", True): "Keras' LSTM has no peepholes"}),
            "onnx": Layout("LSTM", "iofg"),
        },
        fused=True,
        unfused=(("peepholes", True),),
    ),
    Cell(
        kind="gru",
        title="GRU",
        gates="rzn",
        letters=("reset gate", "update gate", "candidate"),
        options={"reset_after": Option(True, (True, False))},
        parameters=_gru,
        state=_hidden,
        second_bias={"n": "b_n"},
        layouts={
            "torch": Layout(
                "nn.GRU",
                "rzn",
                {
                    (
                        "reset_after",
                        False,
                    ): "PyTorch's GRU applies the reset gate after the product, "
                    "reset_after=False needs it before"
                },
            ),
            "keras": Layout("GRU", "zrn"),
            "onnx": Layout("GRU", "zrn"),
        },
        fused=True,
        unfused=(("reset_after", False),),
        about="the biases are `b` $(3H)$ and `b_n` $(H)$",
    ),
    Cell(
        kind="sru",
        title="SRU",
        gates="ufr",
        letters=("candidate", "forget gate", "highway gate"),
        parameters=_sru,
        state=lambda D, H: Part("c", (H,)),
        fused=True,
        about="a fourth block where $D \\neq H$; `b` $(2H)$ of the gates, `v_f`, `v_r` $(H)$",
    ),
    Cell(
        kind="mingru",
        title="minGRU",
        gates="zn",
        letters=("share of the new candidate", "candidate"),
        parameters=_mingru,
        state=_hidden,
        fused=True,
        about="neither sees the state",
    ),
    Cell(
        kind="minlstm",
        title="minLSTM",
        gates="ifn",
        letters=("input gate", "forget gate", "candidate"),
        parameters=_minlstm,
        state=_hidden,
        fused=True,
        about="none sees the state",
    ),
)
TABLE: Mapping[str, Cell] = MappingProxyType({row.kind: row for row in ROWS})
LAYERS = {  # what models take as `cell` beside the table: whole layers, which step through nothing
    "tcn": {"kernel_size": 3, "num_layers": 4}
}
OPTIONS = {row.kind: row.defaults() for row in ROWS} | LAYERS  # name -> options with their defaults


def named(cell: str | tuple[str, dict]) -> tuple[str, dict]:
    """A name, or (name, options) -> name, all of its options.  ValueError lists the names, or the
    options."""
    kind, options = validation.named(cell, OPTIONS, "cell")
    if kind in TABLE:
        for name, option in TABLE[kind].options.items():
            _check_option(option, options[name], name)
    return kind, options


def _check_option(option, value, name):
    """The value is one that the option can have."""
    if isinstance(option.default, bool):
        validation.flag(value, name)
    elif option.choices:
        validation.choice(value, option.choices, name)
    else:
        validation.number(value, name)


def row(kind: str) -> Cell:
    """The row of a cell.  ValueError lists the kinds."""
    return TABLE[validation.choice(kind, TABLE, "cell")]


def parameters(
    cell: str | tuple[str, dict], input_size: int, hidden_size: int
) -> dict[str, tuple[int, ...]]:
    """{name: shape} of a cell's arrays, in the order in which they are filed.

    >>> parameters(("lstm", {"peepholes": True}), input_size=2, hidden_size=3)
    {'W_x': (2, 12), 'W_h': (3, 12), 'b': (12,), 'p_i': (3,), 'p_f': (3,), 'p_o': (3,)}
    """
    kind, options = named(cell)
    return {p.name: p.shape for p in row(kind).parameters(input_size, hidden_size, **options)}


def lacks(library: str, cell: str | tuple[str, dict]) -> str | None:
    """Why "torch", "keras" or "onnx" has no layer for such a cell, or None where it has one.

    >>> lacks("torch", "sru")
    "PyTorch has no layer for 'sru'"
    >>> lacks("torch", "lstm") is None
    True
    """
    kind, options = named(cell)
    if kind in TABLE:
        layout = TABLE[kind].layouts.get(library)
    else:
        layout = None
    if layout is None:
        return f"{LIBRARIES[library]} has no layer for {kind!r}"
    for (name, value), why in layout.lacks.items():
        if options[name] == value:
            return why
    return None


def fused(cell: str | tuple[str, dict]) -> bool:
    """Whether such a cell has a fused function, whose gradient is derived by hand."""
    kind, options = named(cell)
    if kind not in TABLE or not TABLE[kind].fused:
        return False
    return all(options[name] != value for name, value in TABLE[kind].unfused)
