"""The linear recurrence: loop against central differences, chunks against the loop, the frameworks
against both.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, framework
from rnnlib.ref import scan
from rnnlib.ref.gradcheck import central_differences, relative_error

B, T, H = 2, 7, 3
CHUNKS = [
    1,
    2,
    3,
    4,
    7,
    20,
    None,
]  # T = 7: one that divides it, some that do not, one that is longer


def make(B=B, T=T, H=H, seed=0):
    """a in [0, 1] with some exact zeros and ones, b, first state, gradient from above."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(size=(B, T, H))
    a[rng.uniform(size=a.shape) < 0.1] = 0
    a[rng.uniform(size=a.shape) < 0.1] = 1
    return a, rng.normal(size=(B, T, H)), rng.normal(size=(B, H)), rng.normal(size=(B, T, H))


def run_pt(a, b, h0, dh, chunk):
    import torch

    rnn = framework("pt")
    given = [rnn.tensor(v).requires_grad_() for v in (a, b, h0)]
    h = rnn.scan(*given, chunk)
    return rnn.array(h), [rnn.array(g) for g in torch.autograd.grad(h, given, rnn.tensor(dh))]


def run_tf(a, b, h0, dh, chunk):
    import tensorflow as tf

    rnn = framework("tf")
    given = [rnn.tensor(v) for v in (a, b, h0)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        h = rnn.scan(*given, chunk)
    return rnn.array(h), [rnn.array(g) for g in tape.gradient(h, given, rnn.tensor(dh))]


RUN = {"pt": run_pt, "tf": run_tf}


def agree(found, h, grads, tolerance=1e-10):
    assert_allclose(found[0], h, rtol=tolerance, atol=tolerance)
    for name, got, want in zip(("a", "b", "h0"), found[1], grads, strict=True):
        assert_allclose(got, want, rtol=tolerance, atol=tolerance, err_msg=name)


def test_reference_gradient_is_the_slope():
    a, b, h0, dh = make()
    da, db, dh0 = scan.loop_back(a, scan.loop(a, b, h0), h0, dh)
    slopes = central_differences(
        lambda: (scan.loop(a, b, h0) * dh).sum(), {"a": a, "b": b, "h0": h0}
    )
    for name, got in {"a": da, "b": db, "h0": dh0}.items():
        assert relative_error(got, slopes[name]) < 1e-7, name


def test_reference_by_hand():
    """h = 2, then 2 / 2 + 1 = 2, then 0 * 2 + 5: what stands before a = 0 is forgotten, and its
    gradient with it.
    """
    a, b = np.array([1, 0.5, 0]).reshape(1, 3, 1), np.array([0, 1.0, 5]).reshape(1, 3, 1)
    h = scan.loop(a, b, np.array([[2.0]]))
    assert_array_equal(h[0, :, 0], [2, 2, 5])
    da, db, dh0 = scan.loop_back(a, h, np.array([[2.0]]), np.array([0, 0, 1.0]).reshape(1, 3, 1))
    assert_array_equal(db[0, :, 0], [0, 0, 1])
    assert_array_equal(da[0, :, 0], [0, 0, 2])
    assert dh0 == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 3), st.integers(1, 40))
def test_chunks_are_the_loop(B, T, H, chunk):
    a, b, h0, dh = make(B, T, H)
    h = scan.loop(a, b, h0)
    found = scan.chunked(a, b, h0, chunk), scan.chunked_back(a, h, h0, dh, chunk)
    agree(found, h, scan.loop_back(a, h, h0, dh), 1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("sizes", [(B, T, H), (B, 1, H), (1, T, H), (1, 16, 5)], ids=str)
def test_framework_matches_reference(name, chunk, sizes):
    a, b, h0, dh = make(*sizes)
    h = scan.loop(a, b, h0)
    agree(RUN[name](a, b, h0, dh, chunk), h, scan.loop_back(a, h, h0, dh))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_no_first_state_is_zero(name):
    rnn, (a, b, _, _) = framework(name), make()
    h = rnn.scan(rnn.tensor(a), rnn.tensor(b))
    assert_allclose(rnn.array(h), scan.loop(a, b, np.zeros((B, H))), atol=1e-13)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("chunk", [256, None])
def test_a_hundred_thousand_steps(name, chunk):
    """Products of 1e5 factors vanish or stay 1; nothing is ever divided by them.

    float32, against float64 step by step.
    """
    rng = np.random.default_rng(1)
    T = 100_000
    a = np.stack([np.zeros(T), rng.uniform(0, 1, T), rng.uniform(0.999, 1, T), np.ones(T)], axis=1)[
        None
    ]
    b, h0, dh = rng.normal(size=(1, T, 4)), rng.normal(size=(1, 4)), rng.normal(size=(1, T, 4))
    a, b, h0, dh = (v.astype("float32") for v in (a, b, h0, dh))
    wide = [v.astype("float64") for v in (a, b, h0, dh)]
    h = scan.loop(*wide[:3])
    grads = scan.loop_back(wide[0], h, *wide[2:])
    found = RUN[name](a, b, h0, dh, chunk)
    for got, want in zip((found[0], *found[1]), (h, *grads), strict=True):
        assert np.isfinite(got).all()
        scale = np.abs(want).max(axis=tuple(range(want.ndim - 1)))  # channel by channel
        assert_allclose(got / np.maximum(scale, 1), want / np.maximum(scale, 1), atol=3e-5)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_gradients_and_their_gradients_are_the_slopes_in_pytorch(name):
    import torch

    rnn, (a, b, h0, _) = framework(name), make()
    given = [rnn.tensor(v).requires_grad_() for v in (a, b, h0)]
    for chunk in CHUNKS:
        assert torch.autograd.gradcheck(lambda *v, c=chunk: rnn.scan(*v, c), given)
    # the loop, whatever the chunk
    assert torch.autograd.gradgradcheck(lambda *v: rnn.scan(*v, 3), given)
    jacobian = torch.func.jacrev(lambda b: rnn.scan(given[0], b, given[2]))(given[1])
    assert jacobian.shape == (B, T, H, B, T, H)


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
def test_graphs_of_free_sizes_in_tensorflow(name):
    import tensorflow as tf

    rnn, traces = framework(name), []

    @tf.function(input_signature=[tf.TensorSpec([None, None, H], tf.float64)] * 3)
    def inside(a, b, dh):
        traces.append(1)
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            h = rnn.scan(a, b)
        assert h.shape[2] == H  # known to the next layer
        return h, tape.gradient(h, [a, b], dh)

    for sizes in [(B, T, H), (1, 1, H), (4, 30, H)]:
        a, b, _, dh = make(*sizes)
        found, grads = inside(a, b, dh)
        want = scan.loop(a, b, np.zeros_like(a[:, 0]))
        assert_allclose(found, want, atol=1e-12)
        for got, slope in zip(
            grads, scan.loop_back(a, want, np.zeros_like(a[:, 0]), dh), strict=False
        ):
            assert_allclose(got, slope, atol=1e-12)
    assert len(traces) == 1


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
def test_a_penalty_on_gradients_has_the_right_gradient_in_tensorflow(name):
    """Against central differences along a direction."""
    import tensorflow as tf

    rnn, (a, b, h0, dh) = framework(name), make()

    def penalty(a, b, h0):
        given = [rnn.tensor(v) for v in (a, b, h0)]
        with tf.GradientTape() as outer:
            outer.watch(given)
            with tf.GradientTape() as tape:
                tape.watch(given)
                loss = tf.reduce_sum(rnn.scan(*given, 3) ** 2 * rnn.tensor(dh))
            value = sum(tf.reduce_sum(slope**2) for slope in tape.gradient(loss, given))
        return float(value), outer.gradient(value, given)

    _, slopes = penalty(a, b, h0)
    rng = np.random.default_rng(1)
    ways = [rng.normal(size=v.shape) for v in (a, b, h0)]
    above, below = (
        penalty(*(v + eps * way for v, way in zip((a, b, h0), ways, strict=True)))[0]
        for eps in (1e-6, -1e-6)
    )
    slope = sum((way * rnn.array(got)).sum() for way, got in zip(ways, slopes, strict=True))
    assert_allclose(slope, (above - below) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_doors(name):
    rnn = framework(name)
    a, b, h0, _ = (rnn.tensor(v.astype("float32")) for v in make())
    for error, says, call in [
        (
            ValueError,
            r"one shape \(B, T, H\), got \(2, 7, 3\) and \(2, 6, 3\)",
            lambda: rnn.scan(a, b[:, 1:]),
        ),
        (
            ValueError,
            r"one shape \(B, T, H\), got \(2, 7, 3\) and \(7, 3\)",
            lambda: rnn.scan(a, b[0]),
        ),
        (ValueError, r"a must have shape \(B, T, H\), got \(7, 3\)", lambda: rnn.scan(a[0], b[0])),
        (ValueError, "empty along T", lambda: rnn.scan(a[:, :0], b[:, :0])),
        (ValueError, r"h0 must have shape \(2, 3\), got \(1, 3\)", lambda: rnn.scan(a, b, h0[:1])),
        (ValueError, "chunk must be at least 1, got 0", lambda: rnn.scan(a, b, chunk=0)),
        (TypeError, "chunk must be a whole number, got 2.0", lambda: rnn.scan(a, b, chunk=2.0)),
        (TypeError, "b must be a tensor, got ndarray", lambda: rnn.scan(a, rnn.array(b))),
        (
            TypeError,
            "h0 is .*float64, a is .*float32",
            lambda: rnn.scan(a, b, rnn.tensor(np.zeros((B, H)))),
        ),
    ]:
        with pytest.raises(error, match=says):
            call()
