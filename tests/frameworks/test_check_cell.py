"""What every cell promises: each row of the table, in each variant, and cells that are in no table.

A new row is put through all of it without a word here: reference against central differences,
frameworks against the reference, the loop against steps by hand, pieces against the whole, the
fused function against the loop, files.
"""

from dataclasses import dataclass
from importlib import import_module

import invented
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, both, framework, parts, reference, run, whole
from rnnlib.core import cells, initializers, weight_files
from rnnlib.core.trees import leaves, map_leaves
from rnnlib.ref import loop
from rnnlib.ref.gradcheck import central_differences, relative_error

B, T, D, H = 3, 5, 2, 4  # all different, so that a swapped axis cannot pass
TOLERANCE = 1e-10
LENGTHS = np.array([5, 1, 3, 2])


@dataclass(frozen=True)
class Case:
    """A cell to check: a row of the table with options, or an invented one."""

    name: str
    kind: str | None = None
    options: tuple = ()
    input_size: int = D

    @property
    def spec(self):
        return self.kind, dict(self.options)

    @property
    def reference(self):
        if self.kind is None:
            return invented.CELLS[self.name][0]
        return reference(self.kind, **dict(self.options))

    def params(self, seed=0):
        """Random weights: with constant weights swapped gates would pass."""
        rng = np.random.default_rng(seed)
        if self.kind is None:
            return invented.CELLS[self.name][1](self.input_size, H, rng)
        shapes = cells.parameters(self.spec, self.input_size, H)
        return {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}

    def cell(self, name, p):
        """The cell in a framework, float64, with the weights p."""
        if self.kind is None:
            return invented.CELLS[self.name][2][name](self.input_size, H, p)
        rnn = framework(name)
        cell = rnn.make_cell(self.spec, self.input_size, H, dtype="float64")
        rnn.load(cell, p)
        return cell

    def draw(self, batch=B, steps=T, seed=0):
        """Weights, input, first state and the gradients that come in from above."""
        rng = np.random.default_rng(seed)
        p = self.params(seed)
        zeros = self.reference.zeros(p, batch, float)

        def like_state():
            return map_leaves(lambda leaf: 0.5 * np.abs(rng.normal(size=leaf.shape)), zeros)

        x, dy = rng.normal(size=(batch, steps, self.input_size)), rng.normal(size=(batch, steps, H))
        return p, x, like_state(), dy, like_state()


def rows():
    """Each variant of each row; and with D = H, where the shapes of its arrays are then others."""
    for row in cells.ROWS:
        for options in row.variants():
            name = " ".join([row.kind, *(f"{key}={value}" for key, value in options.items())])
            yield Case(name, row.kind, tuple(options.items()))
            widths = [cells.parameters((row.kind, options), size, H)["W_x"][-1] for size in (D, H)]
            if widths[0] != widths[1]:
                yield Case(f"{name} D=H", row.kind, tuple(options.items()), H)


ROWS = list(rows())
CASES = ROWS + [Case(name) for name in invented.CELLS]
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_row = pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
frameworks = pytest.mark.parametrize("name", FRAMEWORKS)
sizes = pytest.mark.parametrize(
    ("batch", "steps"), [(B, T), (H, T), (B, 1), (1, T), (1, 1)], ids=lambda n: str(n)
)
some_lengths = pytest.mark.parametrize("with_lengths", [False, True], ids=["full", "lengths"])


def lengths_of(with_lengths, batch, steps):
    """Lengths of unequal sequences, or None."""
    return np.minimum(LENGTHS[:batch], steps) if with_lengths else None


def by_hand(case, p, x, state, lengths):
    """Each sequence alone, step by step, by the reference's step -> y (B, T, H), final state."""
    rows_y, rows_state = [], []
    for row in range(len(x)):
        own = map_leaves(lambda leaf, row=row: leaf[row : row + 1], state)
        y = np.zeros((x.shape[1], H))
        for t in range(x.shape[1] if lengths is None else lengths[row]):
            y_t, own, _ = case.reference.step(p, x[row : row + 1, t], own)
            y[t] = y_t[0]
        rows_y.append(y)
        rows_state.append(own)
    final = map_leaves(lambda *all_rows: np.concatenate(all_rows), *rows_state)
    return np.stack(rows_y), final


def by_reference(case, p, x, state, dy, dstate, lengths):
    y, last, tapes = loop.forward(case.reference, p, x, state, lengths)
    dx, dfirst, grads = loop.backward(case.reference, p, dy, tapes, dstate)
    return y, last, dx, dfirst, grads


def same(got, want, note=""):
    """Two states, or two arrays, to the tolerance."""
    for one, other in zip(parts(got), parts(want), strict=True):
        assert one.shape == other.shape, note
        assert_allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, err_msg=note)


def same_run(got, want):
    """Outputs, final state, dx, gradients of the first state and of all parameters."""
    for one, other in zip(got[:-1], want[:-1], strict=True):
        same(one, other)
    found = {name.removeprefix("cell."): grad for name, grad in got[-1].items()}
    expected = {name.removeprefix("cell."): grad for name, grad in want[-1].items()}
    assert found.keys() == expected.keys()
    for name, grad in expected.items():
        assert_allclose(found[name], grad, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


@each
@some_lengths
@sizes
def test_the_reference_is_its_steps(case, with_lengths, batch, steps):
    p, x, state, *_ = case.draw(batch, steps)
    lengths = lengths_of(with_lengths, batch, steps)
    y, last, _ = loop.forward(case.reference, p, x, state, lengths)
    want, final = by_hand(case, p, x, state, lengths)
    same(y, want)
    same(last, final)


@each
@some_lengths
@pytest.mark.parametrize("batch", [B, H])
def test_the_reference_gradient_is_the_slope(case, with_lengths, batch):
    p, x, state, dy, dstate = case.draw(batch, 3)
    lengths = lengths_of(with_lengths, batch, 3)
    *_, dx, dfirst, grads = by_reference(case, p, x, state, dy, dstate, lengths)

    def loss():
        y, last, _ = loop.forward(case.reference, p, x, state, lengths)
        ends = zip(leaves(last), leaves(dstate), strict=True)
        return (y * dy).sum() + sum((end * slope).sum() for end, slope in ends)

    first = {f"state {k}": leaf for k, leaf in enumerate(leaves(state))}
    slopes = central_differences(loss, {**p, "x": x, **first})
    found = {**grads, "x": dx, **dict(zip(first, leaves(dfirst), strict=True))}
    assert found.keys() == slopes.keys()
    for name, got in found.items():
        assert relative_error(got, slopes[name]) < 1e-7, name


@frameworks
@each
@some_lengths
@sizes
def test_the_loop_is_the_reference(name, case, with_lengths, batch, steps):
    p, x, state, dy, dstate = case.draw(batch, steps)
    lengths = lengths_of(with_lengths, batch, steps)
    layer = framework(name).RNN(case.cell(name, p))
    got = run(name, layer, x, dy, state, dstate, lengths)
    same_run(got, by_reference(case, p, x, state, dy, dstate, lengths))
    want, final = by_hand(case, p, x, state, lengths)  # the reference's own loop might err likewise
    same(got[0], want)
    same(got[1], final)
    assert all(
        (row[n:] == 0).all()
        for row, n in zip(got[0], [] if lengths is None else lengths, strict=False)
    )


@frameworks
@each
def test_without_a_state_it_starts_from_its_own(name, case):
    p, x, *_ = case.draw()
    rnn = framework(name)
    cell = case.cell(name, p)
    first = map_leaves(rnn.array, cell.initial_state(rnn.tensor(x[:, 0])))
    same(first, case.reference.zeros(p, B, float))
    y, last = rnn.RNN(cell)(rnn.tensor(x))
    want, final = by_hand(case, p, x, first, None)
    same(rnn.array(y), want)
    same(map_leaves(rnn.array, last), final)


@frameworks
@each
def test_pieces_are_the_whole(name, case):
    """The state that comes out of a piece goes into the next."""
    p, x, state, *_ = case.draw()
    rnn = framework(name)
    layer = rnn.RNN(case.cell(name, p))
    y, last = layer(rnn.tensor(x), map_leaves(rnn.tensor, state))
    pieces, carried = [], map_leaves(rnn.tensor, state)
    for piece in (slice(0, 1), slice(1, 3), slice(3, T)):
        out, carried = layer(rnn.tensor(x[:, piece]), carried)
        pieces.append(rnn.array(out))
    same(np.concatenate(pieces, axis=1), rnn.array(y))
    same(map_leaves(rnn.array, carried), map_leaves(rnn.array, last))


@frameworks
@each_row
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_names_shapes_and_dtype_are_the_tables(name, case, dtype):
    rnn = framework(name)
    cell = rnn.make_cell(case.spec, case.input_size, H, rng=7, dtype=dtype)
    p = rnn.params(cell)
    assert {key: value.shape for key, value in p.items()} == cells.parameters(
        case.spec, case.input_size, H
    )
    drawn = initializers.draw_weights(case.kind, case.input_size, H, 7, **dict(case.options))
    assert list(p) == list(drawn)
    for key, value in p.items():
        assert value.dtype == dtype
        # equal in both frameworks, so
        assert_array_equal(value, drawn[key].astype(dtype), err_msg=key)
    x = rnn.tensor(np.ones((B, T, case.input_size), dtype))
    y, last = rnn.RNN(cell)(x)
    assert rnn.array(y).shape == (B, T, H)
    state = cells.row(case.kind).state(case.input_size, H, **cells.named(case.spec)[1])
    assert map_leaves(lambda leaf: (B, *leaf.shape), state) == map_leaves(
        lambda leaf: tuple(leaf.shape), last
    )
    assert {rnn.array(leaf).dtype for leaf in leaves((y, last))} == {np.dtype(dtype)}


@frameworks
@each
def test_what_is_saved_is_loaded(name, case, tmp_path):
    rnn = framework(name)
    one, other = (rnn.RNN(case.cell(name, case.params(seed))) for seed in (0, 1))
    weight_files.write_weights(tmp_path / "cell.safetensors", rnn.params(one), {})
    rnn.load(other, weight_files.read_weights(tmp_path / "cell.safetensors")[0])
    x = rnn.tensor(case.draw()[1])
    assert_array_equal(rnn.array(one(x)[0]), rnn.array(other(x)[0]))


@frameworks
@each_row
@some_lengths
@sizes
def test_the_fused_function_is_the_loop(name, case, with_lengths, batch, steps, monkeypatch):
    """Where the table says that there is one; blocks of two steps, so that T = 5 is two of them and
    a rest."""
    monkeypatch.setattr(import_module(f"rnnlib.{name}.fused.functions"), "BLOCK", 2)
    rnn = framework(name)
    p, x, state, dy, dstate = case.draw(batch, steps)
    cell = case.cell(name, p)
    if not cells.fused(case.spec):
        with pytest.raises(ValueError, match="no gradient is derived for .*use rnn.RNN"):
            rnn.FusedRNN(cell)
        return
    lengths = lengths_of(with_lengths, batch, steps)
    for first in (state, None):
        got, want = (
            run(name, layer, x, dy, first, dstate, lengths)
            for layer in (rnn.FusedRNN(cell), rnn.RNN(cell))
        )
        same_run(got, want)


@frameworks
@each_row
def test_the_frameworks_layer_is_the_loop_where_the_table_has_one(name, case):
    library = {"pt": "torch", "tf": "keras"}[name]
    rnn = framework(name)
    why = cells.lacks(library, case.spec)
    if why is not None:
        with pytest.raises(ValueError, match=why):
            rnn.NativeRNN(case.spec, case.input_size, H)
        return
    p, x, state, dy, dstate = case.draw()
    native = rnn.NativeRNN(case.spec, case.input_size, H, dtype="float64")
    rnn.load(native, {f"cell.{key}": value for key, value in p.items()})
    for lengths in (None, LENGTHS[:B]):
        want = by_reference(case, p, x, state, dy, dstate, lengths)
        same_run(run(name, native, x, dy, state, dstate, lengths), want)


@both
@each
def test_both_frameworks_are_one_cell(case):
    p, x, state, dy, dstate = case.draw()
    found = [
        run(name, framework(name).RNN(case.cell(name, p)), x, dy, state, dstate, LENGTHS[:B])
        for name in ("pt", "tf")
    ]
    same_run(*found)


@frameworks
def test_a_state_of_another_form_is_refused(name):
    rnn = framework(name)
    case = Case("nested")
    p, x, state, *_ = case.draw()
    layer = rnn.RNN(case.cell(name, p))
    x, state = rnn.tensor(x), map_leaves(rnn.tensor, state)
    layer(x, {"sums": state["sums"], "h": state["h"]})  # the order of names does not matter
    for wrong, says in [
        (state["h"], "state must be a dict of h, sums, got a"),
        ({"h": state["h"]}, "state must be a dict of h, sums, got a dict of h"),
        ({"h": [state["h"]], "sums": state["sums"]}, "state must be one tensor, got a list of 1"),
        (
            {"h": state["h"], "sums": state["sums"][:1]},
            "state must be a list of 2 parts, got a list of 1",
        ),
    ]:
        with pytest.raises(TypeError, match=says):
            layer(x, wrong)
    short = {"h": state["h"], "sums": [state["sums"][0][:, :1], state["sums"][1]]}
    with pytest.raises(ValueError, match=r"state must have shape \(3, 4, 4\), got \(3, 1, 4\)"):
        layer(x, short)


@frameworks
def test_what_is_no_cell_is_refused(name):
    rnn = framework(name)
    with pytest.raises(
        TypeError, match="Linear is no cell: it lacks hidden_size and initial_state"
    ):
        rnn.RNN(rnn.Linear(D, H))
    with pytest.raises(ValueError, match="'tcn' is a layer and no cell: choose one of elman, gru"):
        rnn.make_cell("tcn", D, H)


def test_a_wrapped_cell_of_pytorch():
    """A cell without W_x: the dtype is that of whatever parameters there are."""
    torch = pytest.importorskip("torch")
    rnn = framework("pt")

    class Wrapped(torch.nn.Module):
        hidden_size = H

        def __init__(self):
            super().__init__()
            self.inner = torch.nn.GRUCell(D, H, dtype=torch.float64)

        def initial_state(self, x):
            return x.new_zeros(len(x), H)

        def forward(self, x, h):
            h = self.inner(x, h)
            return h, h

    layer = rnn.RNN(Wrapped())
    x = torch.randn(B, T, D, dtype=torch.float64)
    native = torch.nn.GRU(D, H, batch_first=True, dtype=torch.float64)
    native.load_state_dict(
        {f"{key}_l0": value for key, value in layer.cell.inner.state_dict().items()}
    )
    assert torch.allclose(layer(x)[0], native(x)[0], atol=1e-12)
    with pytest.raises(TypeError, match="x is torch.float32, the weights are torch.float64"):
        layer(x.float())


def test_leaves_go_back_where_they_came_from():
    state = Case("nested").draw()[2]
    again = whole(leaves(state), state)
    same(again, state)
    assert isinstance(again["sums"], list) and isinstance(again["sums"][1], tuple)
