"""Linear recurrences in TensorFlow, in chunks instead of step by step.

Mirror: rnnlib/pt/fused/scan.py. Maths: rnnlib/ref/scan.py.
"""

import math

import tensorflow as tf

from rnnlib.core import validation


def scan(a, b, h0=None, chunk=None):
    """h_t = a_t * h_{t-1} + b_t, elementwise: a, b (B, T, H), first state h0 (B, H), zeros if None
    -> h (B, T, H).

    A chunk of C steps takes about 2 C + T / C turns instead of T.  None: C near sqrt(T).
    The gradient, a scan from the end, is derived by hand.  Gradients of gradients are those of the
    plain loop, which is what they cost, too.
    """
    check_scan(a, b, h0)
    T = tf.shape(a)[1]
    if chunk is None:
        chunk = default_chunk(T)
    else:
        chunk = tf.minimum(validation.positive(chunk, "chunk"), T)
    if h0 is None:
        h0 = tf.zeros_like(a[:, 0])
    return tf.ensure_shape(_scan(a, b, h0, chunk), b.shape)


def default_chunk(T):
    """The power of two that is nearest to sqrt(T), on a scale of powers."""
    return 2 ** tf.cast(tf.round(tf.math.log(tf.cast(T, tf.float64)) / math.log(4)), tf.int32)


def check_scan(a, b, h0):
    """What the door of `scan` refuses: tensors (B, T, H) and (B, H) of one dtype go in."""
    for name, value in {"a": a, "b": b, "h0": h0}.items():
        if value is None:
            continue
        if not tf.is_tensor(value):
            raise TypeError(
                f"{name} must be a tensor, got {type(value).__name__}: rnn.tensor({name}) makes one"
            )
        if value.dtype != a.dtype:
            raise TypeError(
                f"{name} is {value.dtype.name}, a is {a.dtype.name}: convert one of them"
            )
    validation.rank(a.shape, "(B, T, H)", "a")
    if not b.shape.is_compatible_with(a.shape):
        raise ValueError(
            f"a and b must have one shape (B, T, H), got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if h0 is not None and not h0.shape.is_compatible_with(a[:, 0].shape):
        raise ValueError(f"h0 must have shape {tuple(a[:, 0].shape)}, got {tuple(h0.shape)}")


@tf.custom_gradient
def _scan(a, b, h0, chunk):
    """a, b (B, T, H), h0 (B, H) -> h (B, T, H)."""
    h = scan_without_gradient(a, b, h0, chunk)

    def backward(dh):
        def by_hand():
            db = scan_without_gradient(a, dh, tf.zeros_like(h0), chunk, back=True)
            return db * _before(h, h0), db, a[:, 0] * db[:, 0]

        return *_again(
            lambda a, b, h0: [scan_without_gradient(a, b, h0, chunk)], [a, b, h0], [dh], by_hand
        ), None

    return h, backward


def scan_without_gradient(a, b, state, chunk, back=False):
    """The recurrence of `scan` without a gradient, from `state` -> h; `back`:
    from dh, given as b, -> db.

    A, b (B, T, H), state (B, H) -> (B, T, H).
    """
    if back:  # a_{t+1} beside dh_t, 0 beside the last, eq. scan-back
        a = tf.pad(a[:, 1:], ((0, 0), (0, 1), (0, 0)))
    return _join(_run(_chunks(a, chunk), _chunks(b, chunk), state, back), tf.shape(b)[1])


def _before(h, h0):
    """h_{t-1} beside h_t: (B, T, H), (B, H) -> (B, T, H)."""
    return tf.concat([h0[:, None], h[:, :-1]], axis=1)


def _again(plain, inputs, slopes, by_hand):
    """The gradients `by_hand()`, which can be differentiated themselves:
    by those of `plain(*inputs)`, times `slopes`.

    Without this TensorFlow would differentiate what stands in by_hand, where the states are
    constants, and answer wrongly.
    """

    @tf.custom_gradient
    def gradients(*values):
        def backward(*upstream):
            with tf.GradientTape() as outer:
                outer.watch(values)
                given = values[: len(inputs)]
                dy = values[len(inputs) :]
                with tf.GradientTape() as inner:
                    inner.watch(given)
                    outputs = plain(*given)
                found = inner.gradient(outputs, given, dy, unconnected_gradients="zero")
            return outer.gradient(found, values, upstream, unconnected_gradients="zero")

        return list(by_hand()), backward

    return gradients(*inputs, *slopes)


def _chunks(v, chunk):
    """(B, T, H) -> (chunk, N, B, H), zeros behind the end."""
    B, T, H = tf.unstack(tf.shape(v))
    N = -(-T // chunk)
    v = tf.pad(v, ((0, 0), (0, N * chunk - T), (0, 0)))
    return tf.transpose(tf.reshape(v, (B, N, chunk, H)), (2, 1, 0, 3))


def _join(v, T):
    """(chunk, N, B, H) -> (B, T, H), what is behind the end cut off."""
    C, N, B, H = tf.unstack(tf.shape(v))
    return tf.reshape(tf.transpose(v, (2, 1, 0, 3)), (B, N * C, H))[:, :T]


def _run(a, b, h0, back=False):
    """The recurrence over chunks (C, N, B, H), from the end if `back` -> (C, N, B, H)."""
    C, N = tf.unstack(tf.shape(a)[:2])

    def chunks(i):
        return N - 1 - i if back else i

    def steps(i):
        return C - 1 - i if back else i

    def inside(i, P, S):  # 1. what each chunk does to the state before it: h -> P * h + S
        t = steps(i)
        return i + 1, a[t] * P, a[t] * S + b[t]  # eq. scan-compose

    _, P, S = tf.while_loop(
        lambda i, *_: i < C, inside, (0, tf.ones_like(a[0]), tf.zeros_like(a[0]))
    )  # (N, B, H)

    def across(i, h, first):  # 2. from chunk to chunk: the state before each
        n = chunks(i)
        return i + 1, P[n] * h + S[n], first.write(n, h)

    *_, first = tf.while_loop(lambda i, *_: i < N, across, (0, h0, tf.TensorArray(a.dtype, N)))

    def along(i, h, y):  # 3. all chunks at once, step by step
        t = steps(i)
        h = a[t] * h + b[t]  # eq. scan-recurrence
        return i + 1, h, y.write(t, h)

    *_, y = tf.while_loop(
        lambda i, *_: i < C, along, (0, first.stack(), tf.TensorArray(a.dtype, C))
    )
    return y.stack()
