"""Recurrences over raw tensors whose way back is derived by hand, in TensorFlow.  Mirror: rnnlib/pt/recurrences.py.

Each takes xw (B, T, ...), the inputs of all steps times W_x plus b, made by one matmul outside, and runs the part that must wait
for the step before it.  A tape would record every operation of every step; here the states of all steps are kept, and the way back
follows its own equations.  The gates are computed once more from the states, and with them what one step does to a gradient that
passes through it (the local derivatives K): both for all steps at once, so that little is left to do in the two loops.
Time first inside.  No gradient of a gradient: `rnn.Recurrent` has those.
"""

import tensorflow as tf

from rnnlib.tf.scan import _once


def elman(xw, W_h, h0, activation="tanh"):
    """h_t = phi(xw_t + h_{t-1} W_h): xw (B, T, H), h0 (B, H) -> h of all steps (B, T, H)."""
    run = _elman_tanh if activation == "tanh" else _elman_relu
    return _swap(run(_swap(xw), *_tensors(W_h, h0)))


@tf.custom_gradient
def _elman_tanh(xw, W_h, h0):
    return _elman(xw, W_h, h0, tf.tanh, lambda h: 1 - h * h)


@tf.custom_gradient
def _elman_relu(xw, W_h, h0):
    return _elman(xw, W_h, h0, tf.nn.relu, lambda h: tf.cast(h > 0, h.dtype))


def _elman(xw, W_h, h0, phi, slope):
    def step(x, h):
        h = phi(x + h @ W_h)  # (B, H)  eq. elman-preactivation, elman-hidden
        return (h,)

    (hs,) = _forward(step, [xw], [h0])

    def backward(dy):
        W_hT = tf.transpose(W_h)

        def back(k, dy, dh):
            da = (dh + dy) * k  # eq. bptt-da
            return [da], [da @ W_hT]  # eq. bptt-dh

        (da,), (dh0,) = _backward(back, [slope(hs), dy], [tf.zeros_like(h0)])
        return _once(da, _weights(h0, hs, da), dh0)  # eq. bptt-sum

    return hs, backward


def gru(xw, W_h, b_n, h0):
    """GRU, reset after the product: xw (B, T, 3H) in blocks r, z, n, h0 (B, H) -> h of all steps (B, T, H)."""
    return _swap(_gru(_swap(xw), *_tensors(W_h, b_n, h0)))


@tf.custom_gradient
def _gru(xw, W_h, b_n, h0):
    H = h0.shape[1]

    def gates(xw, hw):  # of one step, or of all
        x_rz, x_n = tf.split(xw, [2 * H, H], axis=-1)
        h_rz, h_n = tf.split(hw, [2 * H, H], axis=-1)
        r, z = tf.split(tf.sigmoid(x_rz + h_rz), 2, axis=-1)
        q = h_n + b_n  # what the reset gate scales
        return r, z, q, tf.tanh(x_n + r * q)

    def step(x, h):
        _, z, _, n = gates(x, h @ W_h)
        return (n + z * (h - n),)  # (1 - z) n + z h

    (hs,) = _forward(step, [xw], [h0])

    def backward(dy):
        old, W_hT = _before(h0, hs), tf.transpose(W_h)
        r, z, q, n = gates(xw, tf.tensordot(old, W_h, 1))
        kn = (1 - z) * (1 - n * n)  # dh/d(r, z, n, q): r, z, n lead to xw; r, z, q to h_{t-1}
        kq = kn * r
        kr, kz = kq * q * (1 - r), (old - n) * z * (1 - z)
        K = tf.concat([kr, kz, kq], axis=2)  # (T, B, 3H)

        def back(k, z, dy, dh):
            dh = dh + dy
            return [dh], [z * dh + (k * tf.tile(dh, (1, 3))) @ W_hT]

        (dh,), (dh0,) = _backward(back, [K, z, dy], [tf.zeros_like(h0)])
        da = K * tf.tile(dh, (1, 1, 3))
        dxw = tf.concat([da[:, :, : 2 * H], dh * kn], axis=2)
        return _once(dxw, _weights(h0, hs, da), tf.reduce_sum(da[:, :, 2 * H :], (0, 1)), dh0)

    return hs, backward


def lstm(xw, W_h, h0, c0):
    """LSTM without peepholes: xw (B, T, 4H) in blocks i, f, g, o, h0, c0 (B, H) -> h, c of all steps (B, T, H)."""
    h, c = _lstm(_swap(xw), *_tensors(W_h, h0, c0))
    return _swap(h), _swap(c)


@tf.custom_gradient
def _lstm(xw, W_h, h0, c0):
    H = h0.shape[1]

    def gates(a):  # of one step, or of all
        i_f, g, o = tf.split(a, [2 * H, H, H], axis=-1)
        i, f = tf.split(tf.sigmoid(i_f), 2, axis=-1)
        return i, f, tf.tanh(g), tf.sigmoid(o)

    def step(x, h, c):
        i, f, g, o = gates(x + h @ W_h)
        c = f * c + i * g
        return o * tf.tanh(c), c

    hs, cs = _forward(step, [xw], [h0, c0])

    def backward(dy, dcs):
        old, W_hT = _before(h0, hs), tf.transpose(W_h)
        i, f, g, o = gates(xw + tf.tensordot(old, W_h, 1))
        tanh_c = tf.tanh(cs)
        K = tf.concat(  # dc/d(i, f, g), all steps
            [i * (1 - i) * g, f * (1 - f) * _before(c0, cs), i * (1 - g * g)], axis=2
        )
        ko = o * (1 - o) * tanh_c  # dh/do
        through = o * (1 - tanh_c * tanh_c)  # dh/dc

        def back(k, ko, through, f, dy, dcs, dh, dc):
            dh, dc = dh + dy, dc + dcs
            dc = dc + dh * through
            da = tf.concat([k * tf.tile(dc, (1, 3)), ko * dh], axis=1)
            return [da], [da @ W_hT, f * dc]

        (da,), (dh0, dc0) = _backward(
            back, [K, ko, through, f, dy, dcs], [tf.zeros_like(h0), tf.zeros_like(c0)]
        )
        return _once(da, _weights(h0, hs, da), dh0, dc0)

    return (hs, cs), backward


def sru(xw, k, v_f, v_r, c0):
    """SRU: xw (B, T, 3H) in blocks u, f, r, highway k (B, T, H), c0 (B, H) -> h, c of all steps (B, T, H)."""
    h, c = _sru(_swap(xw), _swap(k), *_tensors(v_f, v_r, c0))
    return _swap(h), _swap(c)


@tf.custom_gradient
def _sru(xw, k, v_f, v_r, c0):
    u, x_f, x_r = tf.split(xw, 3, axis=2)

    def step(u, x_f, c):
        return (u + tf.sigmoid(x_f + v_f * c) * (c - u),)  # f c + (1 - f) u

    (cs,) = _forward(step, [u, x_f], [c0])
    old = _before(c0, cs)
    f, r = (
        tf.sigmoid(x_f + v_f * old),
        tf.sigmoid(x_r + v_r * old),
    )  # nobody waits for r and h: all steps at once

    def backward(dy, dcs):
        dr = dy * (cs - k) * r * (1 - r)
        kf = (old - u) * f * (1 - f)  # dc/d(what f is the sigmoid of)
        dcs = (
            dcs + dy * r + tf.concat([v_r * dr[1:], tf.zeros_like(dr[:1])], axis=0)
        )  # not through later steps' c

        def back(through, dcs, dc):
            dc = dc + dcs
            return [dc], [through * dc]

        (dc,), (dc0,) = _backward(back, [f + kf * v_f, dcs], [tf.zeros_like(c0)])
        df = dc * kf
        dxw = tf.concat([dc * (1 - f), df, dr], axis=2)
        dv_f, dv_r = tf.reduce_sum(df * old, (0, 1)), tf.reduce_sum(dr * old, (0, 1))
        return _once(dxw, dy * (1 - r), dv_f, dv_r, dc0 + v_r * dr[0])

    return (k + r * (cs - k), cs), backward


def _forward(step, inputs, state):
    """step(*inputs of one step, *state) -> state, over inputs (T, B, ...) -> the states of all steps."""
    T = tf.shape(inputs[0])[0]
    inputs = [tf.TensorArray(v.dtype, T).unstack(v) for v in inputs]

    def turn(t, state, states):
        state = step(*(v.read(t) for v in inputs), *state)
        return t + 1, state, tuple(kept.write(t, s) for kept, s in zip(states, state, strict=True))

    states = tuple(tf.TensorArray(s.dtype, T) for s in state)
    *_, states = tf.while_loop(lambda t, *_: t < T, turn, (0, tuple(state), states))
    return [kept.stack() for kept in states]


def _backward(back, inputs, dstate):
    """back(*inputs of one step, *dstate) -> what to keep of it, dstate before it; from the end -> kept (T, B, ...), dstate."""
    T = tf.shape(inputs[0])[0]
    read = [tf.TensorArray(v.dtype, T).unstack(v) for v in inputs]

    def turn(t, dstate, kept):
        keep, dstate = back(*(v.read(t) for v in read), *dstate)
        return t - 1, tuple(dstate), tuple(a.write(t, v) for a, v in zip(kept, keep, strict=True))

    kept = (tf.TensorArray(inputs[0].dtype, T),)
    _, dstate, kept = tf.while_loop(lambda t, *_: t >= 0, turn, (T - 1, tuple(dstate), kept))
    return [a.stack() for a in kept], dstate


def _swap(v):
    """Batch first to time first, and back."""
    return tf.transpose(v, (1, 0, 2))


def _tensors(*values):
    """Tensors of variables: a custom gradient is one with respect to its arguments, not to variables that it reads."""
    return [tf.convert_to_tensor(v) for v in values]


def _before(first, states):
    """The state before each step: (B, H), (T, B, H) -> (T, B, H)."""
    return tf.concat([first[None], states[:-1]], axis=0)


def _weights(h0, hs, da):
    """dL/dW_h, the sum over all steps in one product: states before the steps (T, B, H), da (T, B, K) -> (H, K)."""
    return tf.tensordot(_before(h0, hs), da, ((0, 1), (0, 1)))
