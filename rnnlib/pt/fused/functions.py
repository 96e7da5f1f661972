"""Cells over time as functions whose way back is derived by hand, in PyTorch.

Mirror: rnnlib/tf/fused/functions.py.

Autograd records every operation of every step. Here a class keeps gates and states, a tensor each
for all steps, and goes back by its own equations: what a step does to a gradient that passes
through it (the local derivatives, K) is computed for a block of steps at once and becomes the
gradients themselves in place, so that little is left to do step by step, and little memory is
needed. Inputs go through W_x in one product for all steps, their gradients in one for each block.
Time first inside: a step is then one piece of memory. Where a gradient is differentiated once more
(create_graph=True), or torch.func looks into the function, the same recurrence runs as plain
operations (`_elman_steps`, ...), at the price of those.
"""

from collections.abc import Callable
from itertools import pairwise

import torch

from rnnlib.pt.fused.scan import (
    _again,
    _must_be_plain,
    _plain_scan,
    default_chunk,
    scan_without_gradient,
)

BLOCK = 64  # steps
LSTM_BLOCK = 32  # at most: what it keeps of a block stays in the processor's cache


def elman(x, W_x, W_h, b, h0, activation="tanh"):
    """Elman over time: x (B, T, D), W_x (D, H), W_h (H, H), b (H,), h0 (B, H) -> h of all steps
    (B, T, H).
    """
    if _must_be_plain():
        run = _elman_steps
    else:
        run = _Elman.apply
    return run(x.transpose(0, 1), W_x, W_h, b, h0, activation).transpose(0, 1)


def _elman_steps(x, W_x, W_h, b, h, activation):
    """`elman` as plain operations, time first: x (T, B, D) -> h (T, B, H)."""
    phi: Callable = torch.relu
    if activation == "tanh":
        phi = torch.tanh
    hs = []
    for a in x @ W_x + b:
        h = phi(a + h @ W_h)  # eq. elman-preactivation, elman-hidden
        hs.append(h)
    return torch.stack(hs)


class _Elman(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W_x, W_h, b, h0, activation):
        hs = _states(x, h0)
        _affine(x, W_x, b, out=hs[1:])
        for h, new in pairwise(hs.unbind()):
            new.addmm_(h, W_h)  # eq. elman-preactivation
            new.tanh_() if activation == "tanh" else new.relu_()  # eq. elman-hidden
        ctx.save_for_backward(x, W_x, W_h, b, h0, hs)
        ctx.activation = activation
        return hs[1:]

    @staticmethod
    def backward(ctx, dy):
        *inputs, hs = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return tuple(_again(_elman_steps, (*inputs, ctx.activation), [dy]))
        x, W_x, W_h, *_ = inputs
        given = _Given(ctx, x, W_x)
        dW_h = torch.zeros_like(W_h)
        W_hT = W_h.T.contiguous()
        dh = torch.zeros_like(hs[0])
        for s in _blocks(x):  # from the end
            old = hs[:-1][s]
            new = hs[1:][s]
            # dh/da
            if ctx.activation == "tanh":
                K = 1 - new * new
            else:
                K = (new > 0).to(new.dtype)
            dh = _arriving(dy, s, dh).unbind()
            da = K.unbind()
            for t in reversed(range(len(da))):
                da[t].mul_(dh[t + 1])  # eq. bptt-da
                dh[t].addmm_(da[t], W_hT)  # eq. bptt-dh
            dh = dh[0]
            given.add(s, K)
            dW_h.addmm_(old.flatten(0, 1).T, K.flatten(0, 1))  # eq. bptt-sum
        return given.dx, given.dW_x, dW_h, given.db, dh, None


def lstm(x, W_x, W_h, b, h0, c0):
    """LSTM over time: x (B, T, D), W_x (D, 4H), W_h (H, 4H), b (4H,), h0, c0 (B, H) -> h, c of all
    steps (B, T, H).
    """
    if _must_be_plain():
        run = _lstm_steps
    else:
        run = _Lstm.apply
    h, c = run(x.transpose(0, 1), W_x, W_h, b, h0, c0)
    return h.transpose(0, 1), c.transpose(0, 1)


def _lstm_steps(x, W_x, W_h, b, h, c):
    """`lstm` as plain operations, time first: x (T, B, D) -> h, c (T, B, H)."""
    hs = []
    cs = []
    for a in x @ W_x + b:
        i, f, g, o = torch.chunk(a + h @ W_h, 4, dim=1)  # eq. lstm-gates
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)  # eq. lstm-cell
        h = torch.sigmoid(o) * torch.tanh(c)  # eq. lstm-hidden
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(cs)


class _Lstm(torch.autograd.Function):
    """Steps work in buffers of a block, whose views are made once:
    a view costs nearly what an operation costs.

    The gates lie as i, f, o, g inside, so that one sigmoid serves three of them.
    """

    @staticmethod
    def forward(ctx, x, W_x, W_h, b, h0, c0):
        W_x_ifog = _ifog(W_x)
        W_h_ifog = _ifog(W_h)
        b_ifog = _ifog(b)
        hs = _states(x, h0)
        cs = _states(x, c0)
        gates = x.new_empty(*x.shape[:2], W_h.shape[1])  # (T, B, 4H)
        n = min(LSTM_BLOCK, BLOCK, len(x))
        spare = torch.empty_like(c0)
        a = gates.new_empty(n, *gates.shape[1:])
        h_block, c_block = _two_states(n, h0, c0)
        steps = list(
            zip(a.unbind(), *_parts_ifog(a), *_old_new(h_block), *_old_new(c_block), strict=True)
        )
        for s in _blocks(x, n)[::-1]:
            m = s.stop - s.start
            torch.addmm(b_ifog, x[s].flatten(0, 1), W_x_ifog, out=a[:m].flatten(0, 1))
            for a_t, ifo, i, f, o, g, h, h_new, c, c_new in steps[:m]:
                a_t.addmm_(h, W_h_ifog)
                ifo.sigmoid_()  # eq. lstm-gates
                g.tanh_()
                torch.mul(i, g, out=spare)
                torch.mul(f, c, out=c_new).add_(spare)  # eq. lstm-cell
                torch.mul(o, torch.tanh(c_new, out=spare), out=h_new)  # eq. lstm-hidden
            gates[s], hs[1:][s], cs[1:][s] = a[:m], h_block[1 : m + 1], c_block[1 : m + 1]
            h_block[0], c_block[0] = h_block[m], c_block[m]  # where the next block starts
        ctx.save_for_backward(x, W_x, W_h, b, h0, c0, gates, hs, cs)
        ctx.set_materialize_grads(False)  # a gradient of 0 comes as None
        return hs[1:], cs[1:]

    @staticmethod
    def backward(ctx, dy, dcs):
        *inputs, gates, hs, cs = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return tuple(_again(_lstm_steps, inputs, [dy, dcs]))
        x, W_x, W_h, *_ = inputs
        given = _Given(ctx, x, W_x)
        dW_h = torch.zeros_like(W_h)
        W_hT = W_h.T.contiguous()
        n = min(LSTM_BLOCK, BLOCK, len(x))
        # dc/d(i, f, g) and dh/do, each before its activation
        K = gates.new_empty(n, *gates.shape[1:])
        through, keep, tanh_c = (hs.new_empty(n, *hs.shape[1:]) for _ in range(3))
        dh, dc = _two_states(n, torch.zeros_like(hs[0]), torch.zeros_like(cs[0]))
        d_ifg = K.unflatten(2, (4, -1))[:, :, :3].unbind()
        d_o = K.chunk(4, dim=2)[3].unbind()
        views = (K.unbind(), d_ifg, d_o, through.unbind(), keep.unbind(), dc[1:, :, None].unbind())
        steps = list(zip(*_old_new(dh), *_old_new(dc), *views, strict=True))
        for s in _blocks(x, n):  # from the end
            m = s.stop - s.start
            torch.tanh(cs[1:][s], out=tanh_c[:m])
            _lstm_slopes(gates[s], cs[:-1][s], tanh_c[:m], K[:m], through[:m], keep[:m])
            _arrive(dh, dy, s)
            _arrive(dc, dcs, s)
            for dh_old, dh_t, dc_old, dc_t, da, d_ifg_t, d_o_t, through_t, f, dc_row in steps[
                m - 1 :: -1
            ]:
                dc_t.addcmul_(dh_t, through_t)  # eq. lstm-back-c
                d_ifg_t.mul_(dc_row)
                d_o_t.mul_(dh_t)
                dc_old.addcmul_(dc_t, f)  # eq. lstm-back-c, the part that comes from the future
                dh_old.addmm_(da, W_hT)  # eq. lstm-back-h
            given.add(s, K[:m])
            dW_h.addmm_(hs[:-1][s].flatten(0, 1).T, K[:m].flatten(0, 1))  # eq. bptt-sum
        return given.dx, given.dW_x, dW_h, given.db, dh[0].clone(), dc[0].clone()


def _lstm_slopes(gates, old, tanh_c, K, through, keep):
    """What a step does to a gradient that passes through it, for a block:
    fills K (n, B, 4H), dh/dc and f (n, B, H).
    """
    i, f, o, g = gates.chunk(4, dim=2)
    ki, kf, kg, ko = K.chunk(4, dim=2)
    _sigmoid_slope(g, i, grad_input=ki)  # eq. lstm-back-gates, but for dc
    _sigmoid_slope(old, f, grad_input=kf)
    _tanh_slope(i, g, grad_input=kg)
    _sigmoid_slope(tanh_c, o, grad_input=ko)  # eq. lstm-back-o, but for dh
    _tanh_slope(o, tanh_c, grad_input=through)
    keep.copy_(f)


# d s (1 - s) and d (1 - t^2) in one pass, from the values s, t of the sigmoid and of tanh
_sigmoid_slope = torch.ops.aten.sigmoid_backward.grad_input
_tanh_slope = torch.ops.aten.tanh_backward.grad_input


def _ifog(v):
    """The gates i, f, g, o along the last axis in the order i, f, o, g; and back."""
    i, f, third, fourth = v.chunk(4, dim=-1)
    return torch.cat([i, f, fourth, third], dim=-1)


def _parts_ifog(a):
    """Of a block (n, B, 4H): i, f, o together and each gate alone, step by step."""
    ifo = a[:, :, : a.shape[2] // 4 * 3]
    return [ifo.unbind(), *(gate.unbind() for gate in a.chunk(4, dim=2))]


def _two_states(n, h, c):
    """Room for n + 1 states h and n + 1 states c, with the first ones at the start:
    (n + 1, B, H) each.
    """
    rooms = h.new_zeros(n + 1, *h.shape), c.new_zeros(n + 1, *c.shape)
    rooms[0][0], rooms[1][0] = h, c
    return rooms


def _old_new(states):
    """The states (n + 1, B, H) before each step and after it."""
    views = states.unbind()
    return views[:-1], views[1:]


def _arrive(dstates, dy, s):
    """Before a block of m steps is gone through from its end:
    what is known of dL/d(state), in place in (n + 1, B, H).

    Number t belongs to the state before step t of the block: at first it has what comes from above;
    the one after the last step has what comes from the block behind it, too, which stands in number
    0.
    """
    m = s.stop - s.start
    dstates[m] = dstates[0]
    dstates[:m] = 0
    if dy is not None:
        dstates[1 : m + 1] += dy[s]


def gru(x, W_x, W_h, b, b_n, h0):
    """GRU over time: x (B, T, D), W_x (D, 3H), W_h (H, 3H), b (3H,), b_n (H,), h0 (B, H) -> h of
    all steps (B, T, H).
    """
    if _must_be_plain():
        run = _gru_steps
    else:
        run = _Gru.apply
    return run(x.transpose(0, 1), W_x, W_h, b, b_n, h0).transpose(0, 1)


def _gru_steps(x, W_x, W_h, b, b_n, h):
    """`gru` as plain operations, time first: x (T, B, D) -> h (T, B, H)."""
    hs = []
    for a in x @ W_x + b:
        a_r, a_z, a_n = torch.chunk(a, 3, dim=1)
        h_r, h_z, h_n = torch.chunk(h @ W_h, 3, dim=1)
        r = torch.sigmoid(a_r + h_r)  # eq. gru-gates
        z = torch.sigmoid(a_z + h_z)
        n = torch.tanh(a_n + r * (h_n + b_n))  # eq. gru-candidate-after
        h = (1 - z) * n + z * h  # eq. gru-hidden
        hs.append(h)
    return torch.stack(hs)


class _Gru(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W_x, W_h, b, b_n, h0):
        H = len(W_h)
        hs = _states(x, h0)
        a = _affine(x, W_x, b)  # (T, B, 3H), the gates in the end
        m = x.new_empty(*x.shape[:2], H)  # what r scales
        W_rz = W_h[:, : 2 * H].contiguous()
        W_n = W_h[:, 2 * H :].contiguous()
        gates = (v.unbind() for v in (a[:, :, : 2 * H], *a.chunk(3, dim=2), m))
        for (h, new), r_z, r, z, n, m_t in zip(pairwise(hs.unbind()), *gates, strict=True):
            r_z.addmm_(h, W_rz).sigmoid_()  # eq. gru-gates
            torch.addmm(b_n, h, W_n, out=m_t)
            n.addcmul_(r, m_t).tanh_()  # eq. gru-candidate-after
            torch.lerp(n, h, z, out=new)  # (1 - z) n + z h  eq. gru-hidden
        ctx.save_for_backward(x, W_x, W_h, b, b_n, h0, a, m, hs)
        return hs[1:]

    @staticmethod
    def backward(ctx, dy):
        *inputs, a, m, hs = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return tuple(_again(_gru_steps, inputs, [dy]))
        x, W_x, W_h, *_ = inputs
        H = len(W_h)
        # in the order m, r, z
        W_mT = torch.cat([W_h[:, 2 * H :], W_h[:, : 2 * H]], dim=1).T.contiguous()
        given = _Given(ctx, x, W_x)
        dW_m = torch.zeros_like(W_h)
        db_n = m.new_zeros(H)
        dh = torch.zeros_like(hs[0])
        for s in _blocks(x):  # from the end
            (r, z, n), old = a[s].chunk(3, dim=2), hs[:-1][s]
            # dh/d(m, r, z, n): m, r, z lead to the old h; r, z, n to x
            K = a.new_empty(*n.shape[:2], 4 * H)
            km, kr, kz, kn = K.chunk(4, dim=2)
            torch.mul(n, -n, out=kn).add_(1).mul_(
                1 - z
            )  # eq. gru-back-candidate, but for dh, as the others
            torch.mul(kn, r, out=km)  # eq. gru-back-reset-after
            torch.mul(km, m[s], out=kr).mul_(1 - r)
            torch.sub(old, n, out=kz).mul_(z).mul_(1 - z)  # eq. gru-back-update
            dh = _arriving(dy, s, dh).unbind()
            z = z.unbind()
            da = K.unflatten(2, (4, H)).unbind()
            d_mrz = K[:, :, : 3 * H].unbind()
            for t in reversed(range(len(da))):
                da[t].mul_(dh[t + 1][:, None])
                dh[t].addcmul_(dh[t + 1], z[t]).addmm_(d_mrz[t], W_mT)  # eq. gru-back-state
            dh = dh[0]
            given.add(s, K[:, :, H:])
            dW_m.addmm_(old.flatten(0, 1).T, K[:, :, : 3 * H].flatten(0, 1))  # eq. gru-back-weights
            db_n += km.sum((0, 1))
        return (
            given.dx,
            given.dW_x,
            torch.cat([dW_m[:, H:], dW_m[:, :H]], dim=1),
            given.db,
            db_n,
            dh,
        )


def sru(x, W_x, b, v_f, v_r, c0):
    """SRU over time: x (B, T, D), W_x (D, 3H or 4H), b (2H,), v_f, v_r (H,), c0 (B, H) -> h, c of
    all steps (B, T, H).
    """
    if _must_be_plain():
        run = _sru_steps
    else:
        run = _Sru.apply
    h, c = run(x.transpose(0, 1), W_x, b, v_f, v_r, c0)
    return h.transpose(0, 1), c.transpose(0, 1)


def _sru_steps(x, W_x, b, v_f, v_r, c):
    """`sru` as plain operations, time first: x (T, B, D) -> h, c (T, B, H)."""
    hs = []
    cs = []
    b_f, b_r = torch.chunk(b, 2)
    for x_t, a in zip(x, x @ W_x, strict=True):
        u, f, r, *k = torch.split(a, len(v_f), dim=1)
        f = torch.sigmoid(f + v_f * c + b_f)  # eq. sru-gates
        r = torch.sigmoid(r + v_r * c + b_r)
        c = f * c + (1 - f) * u  # eq. sru-cell
        hs.append(r * c + (1 - r) * (k[0] if k else x_t))  # eq. sru-hidden
        cs.append(c)
    return torch.stack(hs), torch.stack(cs)


class _Sru(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W_x, b, v_f, v_r, c0):
        H = len(v_f)
        cs = _states(x, c0)
        # u has none, nor has k
        bias = torch.cat([b.new_zeros(H), b, b.new_zeros(W_x.shape[1] - 3 * H)])
        a = _affine(x, W_x, bias)  # (T, B, 3H or 4H), with the gates in the end
        u, f, r, *k = a.split(H, dim=2)
        for (c, new), u_t, f_t in zip(pairwise(cs.unbind()), u.unbind(), f.unbind(), strict=True):
            f_t.addcmul_(v_f, c).sigmoid_()  # eq. sru-gates
            torch.lerp(u_t, c, f_t, out=new)  # f c + (1 - f) u  eq. sru-cell
        r.addcmul_(v_r, cs[:-1]).sigmoid_()  # no step waits for r and h: all of them at once
        ctx.save_for_backward(x, W_x, b, v_f, v_r, c0, a, cs)
        return torch.lerp(k[0] if k else x, cs[1:], r), cs[1:]  # r c + (1 - r) k  eq. sru-hidden

    @staticmethod
    def backward(ctx, dy, dcs):
        *inputs, a, cs = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return tuple(_again(_sru_steps, inputs, [dy, dcs]))
        x, W_x, _, v_f, v_r, _ = inputs
        H = len(v_f)
        given = _Given(ctx, x, W_x)
        dv_f = torch.zeros_like(v_f)
        dv_r = torch.zeros_like(v_r)
        dc = torch.zeros_like(cs[0])
        for s in _blocks(x):  # from the end
            (u, f, r, *k), old, new = a[s].split(H, dim=2), cs[:-1][s], cs[1:][s]
            da = torch.empty_like(a[s])
            du, df, dr, *dk = da.split(H, dim=2)
            torch.sub(new, k[0] if k else x[s], out=dr).mul_(r).mul_(1 - r)
            dr.mul_(dy[s])  # eq. sru-back-highway
            torch.sub(old, u, out=df).mul_(f).mul_(1 - f)  # eq. sru-back-cell, but for dc
            through = torch.addcmul(f, df, v_f).unbind()  # eq. sru-through
            dc = _arriving(dcs, s, dc)
            dc[1:].addcmul_(dy[s], r)  # eq. sru-back-sum
            dc[:-1].addcmul_(dr, v_r)  # eq. sru-back-state, of which the loop does the rest
            steps = dc.unbind()
            for t in reversed(range(len(through))):
                steps[t].addcmul_(steps[t + 1], through[t])
            torch.mul(dc[1:], 1 - f, out=du)
            df.mul_(dc[1:])
            dv_f += (df * old).sum((0, 1))  # eq. sru-back-weights
            dv_r += (dr * old).sum((0, 1))
            highway = dy[s] * (1 - r)
            dc = dc[0]
            if dk:
                dk[0].copy_(highway)
            given.add(s, da, None if dk else highway)
        return given.dx, given.dW_x, given.db[H : 3 * H], dv_f, dv_r, dc


def mingru(x, W_x, b, h0):
    """minGRU over time: x (B, T, D), W_x (D, 2H), b (2H,), h0 (B, H) -> h of all steps (B, T,
    H).
    """
    if _must_be_plain():
        run = _mingru_steps
    else:
        run = _MinGru.apply
    return run(x.transpose(0, 1), W_x, b, h0).transpose(0, 1)


def _mingru_steps(x, W_x, b, h):
    """`mingru` as plain operations, time first: x (T, B, D) -> h (T, B, H)."""
    z, n = torch.chunk(x @ W_x + b, 2, dim=2)  # eq. mingru-gates
    return _plain_scan(torch.sigmoid(-z), torch.sigmoid(z) * n, h)  # eq. mingru-hidden


class _MinGru(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W_x, b, h0):
        z, n = (
            _affine(x, W.contiguous(), v)
            for W, v in zip(W_x.chunk(2, dim=1), b.chunk(2), strict=True)
        )
        keep = z.neg_().sigmoid_()  # 1 - z  eq. mingru-gates
        new = n.addcmul_(n, keep, value=-1)  # z n
        h = scan_without_gradient(keep, new, h0, default_chunk(len(x)))  # eq. mingru-hidden
        ctx.save_for_backward(x, W_x, b, h0, keep, new, h)
        return h

    @staticmethod
    def backward(ctx, dy):
        *inputs, keep, new, h = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return tuple(_again(_mingru_steps, inputs, [dy]))
        x, W_x, _, h0 = inputs
        given = _Given(ctx, x, W_x)
        da = x.new_empty(min(BLOCK, len(x)), len(h0), W_x.shape[1])
        dh = scan_without_gradient(
            keep, dy, torch.zeros_like(h0), default_chunk(len(x)), back=True
        )  # eq. scan-back
        for s in _blocks(x):
            dz, dn = da[: s.stop - s.start].chunk(2, dim=2)
            z = 1 - keep[s]
            if s.start:
                old = h[s.start - 1 : s.stop - 1]
            else:
                old = torch.cat([h0[None], h[: s.stop - 1]])
            torch.mul(dh[s], z, out=dn)  # eq. mingru-back
            torch.addcmul(new[s], z, old, value=-1, out=dz).mul_(keep[s]).mul_(dh[s])
            given.add(s, da[: s.stop - s.start])
        return given.dx, given.dW_x, given.db, keep[0] * dh[0]


class _Given:
    """Gradients of what makes the inputs of all steps, x (T, B, D) and W_x (D, K), gathered block
    by block.
    """

    def __init__(self, ctx, x, W_x):
        self.x = x
        self.W_xT = W_x.T
        self.dx = None
        if ctx.needs_input_grad[0]:
            self.dx = torch.empty_like(x)
        self.dW_x = torch.zeros_like(W_x)
        self.db = W_x.new_zeros(W_x.shape[1])

    def add(self, s, da, highway=None):
        """da (n, B, K) of the steps s; `highway` (n, B, D) is a second way to x."""
        self.dW_x.addmm_(self.x[s].flatten(0, 1).T, da.flatten(0, 1))  # eq. bptt-sum
        self.db += da.sum((0, 1))
        if self.dx is not None:
            # eq. bptt-dx
            if highway is None:
                self.dx[s] = da @ self.W_xT
            else:
                self.dx[s] = highway + da @ self.W_xT


def _affine(x, W, b, out=None):
    """x (T, B, D) -> x W + b (T, B, K), all steps in one product."""
    if out is None:
        out = x.new_empty(*x.shape[:2], W.shape[1])
    torch.addmm(b, x.flatten(0, 1), W, out=out.flatten(0, 1))
    return out


def _states(x, first):
    """Room for the first state (B, H) and one after each step of x (T, B, D): (T + 1, B, H)."""
    states = x.new_empty(len(x) + 1, *first.shape)
    states[0] = first
    return states


def _blocks(x, size=None):
    """The steps of x (T, B, D) in slices, the last one first."""
    size = size or BLOCK
    return [slice(start, min(start + size, len(x))) for start in reversed(range(0, len(x), size))]


def _arriving(dy, s, future):
    """What is known of dL/d(state) before a block of n steps is gone through, (n + 1, B, H).

    Number t belongs to the state before step t of the block: 0 for the first, then what comes from
    above; the last one belongs to the state after the block and has what comes from the future,
    too.
    """
    found = future.new_zeros(s.stop - s.start + 1, *future.shape)
    if dy is not None:
        found[1:] = dy[s]
    found[-1] += future
    return found
