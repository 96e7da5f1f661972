"""Cells over time as functions whose way back is derived by hand, in TensorFlow.

Mirror: rnnlib/pt/fused/functions.py.

A tape records every operation of every step. Here a function keeps the states alone, a tensor for
all steps, and goes back by its own equations: the gates once more from the states, what a step does
to a gradient that passes through it (the local derivatives, K), and the products with W_x are
computed for a block of steps at once, so that little is left to do step by step, and little memory
is needed. Time first inside: a step is then one piece of memory. Where a gradient is differentiated
once more, TensorFlow goes through the same recurrence itself (`_again`), at the price of that.
"""

import tensorflow as tf

from rnnlib.tf.fused.scan import _again, _before, default_chunk, scan_without_gradient

BLOCK = 64  # steps


def elman(x, W_x, W_h, b, h0, activation="tanh"):
    """Elman over time: x (B, T, D), W_x (D, H), W_h (H, H), b (H,), h0 (B, H) -> h of all steps
    (B, T, H).
    """

    def states(x, W_x, W_h, b, h0):
        def step(a, h):
            a = a + h @ W_h  # eq. elman-preactivation
            return [tf.tanh(a) if activation == "tanh" else tf.nn.relu(a)]  # eq. elman-hidden

        return _forward(step, x, W_x, b, [h0])

    @tf.custom_gradient
    def run(*inputs):
        x, W_x, W_h, b, h0 = inputs
        (h,) = states(*inputs)

        def by_hand(dy):
            W_hT = tf.transpose(W_h)

            def block(s, dh):
                old = h[s]
                new = h[_after(s)]
                dy_ = dy[s]
                # dh/da
                if activation == "tanh":
                    K = 1 - new * new
                else:
                    K = tf.cast(new > 0, new.dtype)

                def back(t, dh):
                    da = (dh + dy_[t]) * K[t]  # eq. bptt-da
                    return da, da @ W_hT  # eq. bptt-dh

                da, dstate = _from_the_end(back, K, [dh])
                return da, dstate, [_product(old, da)]  # eq. bptt-sum

            dx, dW_x, db, (dh,), (dW_h,) = _backward(block, x, W_x, [h0], [W_h])
            return dx, dW_x, dW_h, db, dh

        return h[1:], lambda dy: _again(_outputs(states), inputs, [dy], lambda: by_hand(dy))

    return _swap(run(_swap(x), *_tensors(W_x, W_h, b, h0)))


def lstm(x, W_x, W_h, b, h0, c0):
    """LSTM over time: x (B, T, D), W_x (D, 4H), W_h (H, 4H), b (4H,), h0, c0 (B, H) -> h, c of all
    steps (B, T, H).
    """

    H = W_h.shape[0]

    def gates(a):  # of one step, or of many
        i_f, g, o = tf.split(a, [2 * H, H, H], axis=-1)
        i, f = tf.split(tf.sigmoid(i_f), 2, axis=-1)
        return i, f, tf.tanh(g), tf.sigmoid(o)  # eq. lstm-gates

    def states(x, W_x, W_h, b, h0, c0):
        def step(a, h, c):
            i, f, g, o = gates(a + h @ W_h)
            c = f * c + i * g  # eq. lstm-cell
            return [o * tf.tanh(c), c]  # eq. lstm-hidden

        return _forward(step, x, W_x, b, [h0, c0])

    @tf.custom_gradient
    def run(*inputs):
        x, W_x, W_h, b, h0, c0 = inputs
        h, c = states(*inputs)

        def by_hand(dy, dcs):
            W_hT = tf.transpose(W_h)

            def block(s, dh, dc):
                old = h[s]
                dy_ = dy[s]
                dcs_ = dcs[s]
                i, f, g, o = gates(_affine(x[s], W_x, b) + _affine(old, W_h))
                tanh_c = tf.tanh(c[_after(s)])
                ki = i * (1 - i) * g  # eq. lstm-back-gates, but for dc
                kf = f * (1 - f) * c[s]
                kg = i * (1 - g * g)
                K = tf.concat([ki, kf, kg], axis=2)  # dc/d(i, f, g), each before its activation
                ko = o * (1 - o) * tanh_c  # dh/do  eq. lstm-back-o, but for dh
                through = o * (1 - tanh_c * tanh_c)  # dh/dc

                def back(t, dh, dc):
                    dh = dh + dy_[t]  # eq. lstm-back-h
                    dc = dc + dcs_[t] + dh * through[t]  # eq. lstm-back-c
                    da = tf.concat([K[t] * tf.tile(dc, (1, 3)), ko[t] * dh], axis=1)
                    return da, da @ W_hT, f[t] * dc  # what the step before gets

                da, dstate = _from_the_end(back, K, [dh, dc])
                return da, dstate, [_product(old, da)]  # eq. bptt-sum

            dx, dW_x, db, (dh, dc), (dW_h,) = _backward(block, x, W_x, [h0, c0], [W_h])
            return dx, dW_x, dW_h, db, dh, dc

        def backward(dy, dcs):
            return _again(_outputs(states), inputs, [dy, dcs], lambda: by_hand(dy, dcs))

        return (h[1:], c[1:]), backward

    h, c = run(_swap(x), *_tensors(W_x, W_h, b, h0, c0))
    return _swap(h), _swap(c)


def gru(x, W_x, W_h, b, b_n, h0):
    """GRU over time: x (B, T, D), W_x (D, 3H), W_h (H, 3H), b (3H,), b_n (H,), h0 (B, H) -> h of
    all steps (B, T, H).
    """

    H = W_h.shape[0]

    def gates(a, u, b_n):  # of one step, or of many
        (a_rz, a_n), (u_rz, u_n) = (tf.split(v, [2 * H, H], axis=-1) for v in (a, u))
        r, z = tf.split(tf.sigmoid(a_rz + u_rz), 2, axis=-1)
        m = u_n + b_n  # what r scales
        return r, z, m, tf.tanh(a_n + r * m)  # eq. gru-gates, gru-candidate-after

    def states(x, W_x, W_h, b, b_n, h0):
        def step(a, h):
            _, z, _, n = gates(a, h @ W_h, b_n)
            return [n + z * (h - n)]  # (1 - z) n + z h  eq. gru-hidden

        return _forward(step, x, W_x, b, [h0])

    @tf.custom_gradient
    def run(*inputs):
        x, W_x, W_h, b, b_n, h0 = inputs
        (h,) = states(*inputs)

        def by_hand(dy):
            W_hT = tf.transpose(W_h)

            def block(s, dh):
                old = h[s]
                dy_ = dy[s]
                r, z, m, n = gates(_affine(x[s], W_x, b), _affine(old, W_h), b_n)
                kn = (1 - z) * (1 - n * n)  # eq. gru-back-candidate, but for dh, as the others
                kr = kn * m * r * (1 - r)  # eq. gru-back-reset-after
                km = kn * r
                kz = (old - n) * z * (1 - z)  # eq. gru-back-update
                K = tf.concat(
                    [kr, kz, km], axis=2
                )  # dh/d(r, z, m), which lead to the old h; r, z, n lead to x

                def back(t, dh):
                    dh = dh + dy_[t]
                    return dh, z[t] * dh + (K[t] * tf.tile(dh, (1, 3))) @ W_hT  # eq. gru-back-state

                dh, dstate = _from_the_end(back, K, [dh])
                d_rzm = K * tf.tile(dh, (1, 1, 3))
                da = tf.concat([d_rzm[:, :, : 2 * H], dh * kn], axis=2)
                shares = [
                    _product(old, d_rzm),
                    tf.reduce_sum(d_rzm[:, :, 2 * H :], (0, 1)),
                ]  # eq. gru-back-weights
                return da, dstate, shares

            dx, dW_x, db, (dh,), (dW_h, db_n) = _backward(block, x, W_x, [h0], [W_h, b_n])
            return dx, dW_x, dW_h, db, db_n, dh

        return h[1:], lambda dy: _again(_outputs(states), inputs, [dy], lambda: by_hand(dy))

    return _swap(run(_swap(x), *_tensors(W_x, W_h, b, b_n, h0)))


def sru(x, W_x, b, v_f, v_r, c0):
    """SRU over time: x (B, T, D), W_x (D, 3H or 4H), b (2H,), v_f, v_r (H,), c0 (B, H) -> h, c of
    all steps (B, T, H).
    """

    H = v_f.shape[0]
    parts = W_x.shape[1] // H

    def states(x, W_x, b, v_f, v_r, c0):
        def step(a, c):
            u, f, *_ = tf.split(a, parts, axis=1)
            return [
                u + tf.sigmoid(f + v_f * c) * (c - u)
            ]  # f c + (1 - f) u  eq. sru-gates, sru-cell

        return _forward(step, x, W_x, _sru_biases(b, parts), [c0])

    def outside(s, c, x, W_x, b, v_f, v_r):  # what no step waits for: many at once
        u, f, r, *k = tf.split(_affine(x[s], W_x, _sru_biases(b, parts)), parts, axis=2)
        return u, tf.sigmoid(f + v_f * c[s]), tf.sigmoid(r + v_r * c[s]), k[0] if k else x[s]

    def outputs(*inputs):
        (c,) = states(*inputs)
        _, _, r, k = outside(slice(0, tf.shape(inputs[0])[0]), c, *inputs[:-1])
        return k + r * (c[1:] - k), c[1:]  # r c + (1 - r) k  eq. sru-hidden

    @tf.custom_gradient
    def run(*inputs):
        x, W_x, b, v_f, v_r, c0 = inputs
        h, after = outputs(*inputs)
        c = tf.concat([c0[None], after], axis=0)

        def by_hand(dy, dcs):
            def block(s, dc):
                (u, f, r, k), old, new = outside(s, c, *inputs[:-1]), c[s], c[_after(s)]
                highway = dy[s] * (1 - r)
                dr = dy[s] * (new - k) * r * (1 - r)  # eq. sru-back-highway
                kf = (old - u) * f * (1 - f)  # eq. sru-back-cell, but for dc
                through = f + kf * v_f  # eq. sru-through
                dc_ = dcs[s] + dy[s] * r  # eq. sru-back-sum

                def back(t, dc):
                    dc = dc + dc_[t]
                    return dc, through[t] * dc + dr[t] * v_r  # eq. sru-back-state

                dc, dstate = _from_the_end(back, through, [dc])
                df = dc * kf
                da = tf.concat([dc * (1 - f), df, dr, highway][:parts], axis=2)
                dv_f, dv_r = (
                    tf.reduce_sum(d * old, (0, 1)) for d in (df, dr)
                )  # eq. sru-back-weights
                return da, dstate, [dv_f, dv_r], *([highway] if parts == 3 else [])

            dx, dW_x, db, (dc,), (dv_f, dv_r) = _backward(block, x, W_x, [c0], [v_f, v_r])
            return dx, dW_x, db[H : 3 * H], dv_f, dv_r, dc

        def backward(dy, dcs):
            return _again(outputs, inputs, [dy, dcs], lambda: by_hand(dy, dcs))

        return (h, after), backward

    h, c = run(_swap(x), *_tensors(W_x, b, v_f, v_r, c0))
    return _swap(h), _swap(c)


def _sru_biases(b, parts):
    """Biases of all columns of W_x: zeros for u, which has none, and for the highway."""
    H = b.shape[0] // 2
    return tf.pad(b, [(H, (parts - 3) * H)])


def mingru(x, W_x, b, h0):
    """minGRU over time: x (B, T, D), W_x (D, 2H), b (2H,), h0 (B, H) -> h of all steps (B, T,
    H).
    """

    chunk = default_chunk(tf.shape(x)[1])

    def gates(x, W_x, b):
        z, n = tf.split(_affine(x, W_x, b), 2, axis=2)
        return tf.sigmoid(z), n  # eq. mingru-gates

    def outputs(x, W_x, b, h0):
        z, n = gates(x, W_x, b)
        return [scan_without_gradient(1 - z, z * n, h0, chunk)]  # eq. mingru-hidden

    @tf.custom_gradient
    def run(*inputs):
        x, W_x, b, h0 = inputs
        (h,) = outputs(*inputs)

        def by_hand(dy):
            z, n = gates(x, W_x, b)
            dh = scan_without_gradient(
                1 - z, dy, tf.zeros_like(h0), chunk, back=True
            )  # eq. scan-back
            dz = dh * (n - _before(h, h0)) * z * (1 - z)  # eq. mingru-back
            da = tf.concat([dz, dh * z], axis=2)
            dx = _affine(da, tf.transpose(W_x))
            dW_x = _product(x, da)
            db = tf.reduce_sum(da, (0, 1))
            return dx, dW_x, db, (1 - z[:, 0]) * dh[:, 0]

        return h, lambda dy: _again(outputs, inputs, [dy], lambda: by_hand(dy))

    return run(x, *_tensors(W_x, b, h0))


def _forward(step, x, W_x, b, first):
    """step(x W_x + b of one step, *state) -> state, over x (T, B, D) -> for each part of it the
    first and all: (T + 1, B, H).
    """
    T = tf.shape(x)[0]

    def block(start, state, states):
        a = _affine(x[start : start + BLOCK], W_x, b)  # (n, B, K)

        def turn(t, state, states):
            state = step(a[t], *state)
            return (
                t + 1,
                state,
                [kept.write(start + t + 1, s) for kept, s in zip(states, state, strict=True)],
            )

        # not by the shape of `a`: under XLA a slice that reaches over the end is as long as it says
        n = tf.minimum(BLOCK, T - start)
        _, state, states = tf.while_loop(lambda t, *_: t < n, turn, (0, state, states))
        return start + BLOCK, state, states

    states = [tf.TensorArray(s.dtype, T + 1).write(0, s) for s in first]
    *_, states = tf.while_loop(
        lambda start, *_: start < T, block, (0, first, states), parallel_iterations=1
    )
    return [kept.stack() for kept in states]


def _backward(block, x, W_x, state, others):
    """block(steps, *dstate) -> da (n, B, K), dstate before it, its share of the gradients of
    `others`, perhaps a second way to x.

    From the last block to the first -> dx, dW_x, db, dstate, gradients of `others`.
    """
    T = tf.shape(x)[0]
    W_xT = tf.transpose(W_x)

    def turn(start, dstate, sums, dx):
        s = slice(start, tf.minimum(start + BLOCK, T))
        da, dstate, shares, *highway = block(s, *dstate)
        shares = [_product(x[s], da), tf.reduce_sum(da, (0, 1)), *shares]  # eq. bptt-sum
        dx = dx.write(start // BLOCK, tf.add_n([_affine(da, W_xT), *highway]))  # eq. bptt-dx
        return (
            start - BLOCK,
            dstate,
            [sum_ + share for sum_, share in zip(sums, shares, strict=True)],
            dx,
        )

    last = (T - 1) // BLOCK
    dx = tf.TensorArray(x.dtype, last + 1, infer_shape=False, element_shape=[None, *x.shape[1:]])
    zeros = [tf.zeros_like(v) for v in (W_x, W_x[0], *others)]
    start = (last * BLOCK, [tf.zeros_like(s) for s in state], zeros, dx)
    _, dstate, (dW_x, db, *rest), dx = tf.while_loop(
        lambda start, *_: start >= 0, turn, start, parallel_iterations=1
    )
    return dx.concat(), dW_x, db, dstate, rest


def _from_the_end(back, like, dstate):
    """back(t, *dstate) -> what to keep of step t, *dstate before it;
    from the last step of a block -> kept (n, B, ...), dstate.
    """
    n = tf.shape(like)[0]

    def turn(t, dstate, kept):
        keep, *dstate = back(t, *dstate)
        return t - 1, dstate, kept.write(t, keep)

    start = (n - 1, dstate, tf.TensorArray(like.dtype, n))
    _, dstate, kept = tf.while_loop(lambda t, *_: t >= 0, turn, start)
    return kept.stack(), dstate


def _outputs(states):
    """Of a function that gives the first state and all others, the others:
    what a cell over time answers.
    """
    return lambda *inputs: [part[1:] for part in states(*inputs)]


def _after(s):
    """Where the states after the steps s stand, in (T + 1, B, H) with the first state;
    those before them stand at s.
    """
    return slice(s.start + 1, s.stop + 1)


def _affine(x, W, b=0):
    """x (n, B, D) -> x W + b (n, B, K), all steps in one product."""
    return tf.tensordot(x, W, 1) + tf.cast(b, x.dtype)


def _product(x, da):
    """dL/dW of x W: x (n, B, D), da (n, B, K) -> (D, K), the sum over all steps and examples."""
    return tf.tensordot(x, da, ((0, 1), (0, 1)))


def _swap(v):
    """Batch first to time first, and back."""
    return tf.transpose(v, (1, 0, 2))


def _tensors(*values):
    """Tensors of variables: a custom gradient is one with respect to its arguments, not to
    variables that it reads.
    """
    return [tf.convert_to_tensor(v) for v in values]
