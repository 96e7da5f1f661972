"""Recurrences over raw tensors whose way back is derived by hand, in PyTorch.  Mirror: rnnlib/tf/recurrences.py.

Each takes xw (B, T, ...), the inputs of all steps times W_x plus b, made by one matmul outside, and runs the part that must wait
for the step before it.  Autograd would record every operation of every step; here each class keeps a few tensors over all steps
and goes back by its own equations.  What one step does to a gradient that passes through it (the local derivatives K) is
computed for all steps at once, so that little is left to do in the loop.  Time first inside, since a step is then one piece of
memory.  No gradient of a gradient: `rnn.Recurrent` has those.
"""

import torch
from torch.autograd.function import once_differentiable


def elman(xw, W_h, h0, activation="tanh"):
    """h_t = phi(xw_t + h_{t-1} W_h): xw (B, T, H), h0 (B, H) -> h of all steps (B, T, H)."""
    return _Elman.apply(xw.transpose(0, 1), W_h, h0, activation).transpose(0, 1)


class _Elman(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xw, W_h, h0, activation):
        hs = xw.new_empty(len(xw), *h0.shape)  # (T, B, H)
        h = h0
        for x, new in zip(xw.unbind(), hs.unbind(), strict=True):
            torch.addmm(x, h, W_h, out=new)  # (B, H)  eq. elman-preactivation
            h = new.tanh_() if activation == "tanh" else new.relu_()  # eq. elman-hidden
        ctx.save_for_backward(hs, h0, W_h)
        ctx.activation = activation
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        hs, h0, W_h = ctx.saved_tensors
        K = 1 - hs * hs if ctx.activation == "tanh" else (hs > 0).to(hs.dtype)  # dh/da, all steps
        W_hT, da = W_h.T.contiguous(), K.unbind()
        dh = [torch.zeros_like(h0), *dy.clone().unbind()]  # dh[t] of the state before step t
        for t in reversed(range(len(hs))):
            da[t].mul_(dh[t + 1])  # eq. bptt-da
            dh[t].addmm_(da[t], W_hT)  # eq. bptt-dh
        return K, _weights(h0, hs, K), dh[0], None  # eq. bptt-sum


def gru(xw, W_h, b_n, h0):
    """GRU, reset after the product: xw (B, T, 3H) in blocks r, z, n, h0 (B, H) -> h of all steps (B, T, H)."""
    return _Gru.apply(xw.transpose(0, 1), W_h, b_n, h0).transpose(0, 1)


class _Gru(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xw, W_h, b_n, h0):
        H = h0.shape[1]
        rz, q, n, hs = (xw.new_empty(*xw.shape[:2], k * H) for k in (2, 1, 1, 1))
        W_rz, W_n = W_h[:, : 2 * H].contiguous(), W_h[:, 2 * H :].contiguous()
        views = (xw[..., : 2 * H], xw[..., 2 * H :], rz, *rz.chunk(2, dim=2), q, n, hs)
        h = h0
        for x_rz, x_n, rz_t, r, z, q_t, n_t, new in zip(*(v.unbind() for v in views), strict=True):
            torch.addmm(x_rz, h, W_rz, out=rz_t).sigmoid_()
            torch.addmm(b_n, h, W_n, out=q_t)  # what the reset gate scales
            torch.addcmul(x_n, r, q_t, out=n_t).tanh_()
            h = torch.lerp(n_t, h, z, out=new)  # (1 - z) n + z h
        ctx.save_for_backward(rz, q, n, hs, h0, W_h)
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        rz, q, n, hs, h0, W_h = ctx.saved_tensors
        (T, B, H), (r, z) = n.shape, rz.chunk(2, dim=2)
        K = n.new_empty(T, B, 4, H)  # dh/d(q, r, z, n), all steps: q, r, z lead to h_{t-1}; r, z, n to xw
        kq, kr, kz, kn = K.unbind(2)
        torch.mul(1 - z, 1 - n * n, out=kn)
        torch.mul(kn, r, out=kq)
        torch.mul(kq, q, out=kr).mul_(1 - r)
        torch.sub(_before(h0, hs), n, out=kz).mul_(z).mul_(1 - z)
        W_hT = torch.cat(
            [W_h[:, 2 * H :], W_h[:, : 2 * H]], dim=1
        ).T.contiguous()  # rows in the order q, r, z
        dh = [torch.zeros_like(h0), *dy.clone().unbind()]  # dh[t] of the state before step t
        d, dq, z = K.unbind(), K[:, :, :3].flatten(2).unbind(), z.unbind()
        for t in reversed(range(T)):
            d[t].mul_(dh[t + 1][:, None])
            dh[t].addcmul_(dh[t + 1], z[t]).addmm_(dq[t], W_hT)
        dW = _weights(h0, hs, K[:, :, :3].flatten(2))
        return K[:, :, 1:].flatten(2), torch.cat([dW[:, H:], dW[:, :H]], dim=1), kq.sum((0, 1)), dh[0]


def lstm(xw, W_h, h0, c0):
    """LSTM without peepholes: xw (B, T, 4H) in blocks i, f, g, o, h0, c0 (B, H) -> h, c of all steps (B, T, H)."""
    h, c = _Lstm.apply(xw.transpose(0, 1), W_h, h0, c0)
    return h.transpose(0, 1), c.transpose(0, 1)


class _Lstm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xw, W_h, h0, c0):
        (T, B, _), H = xw.shape, h0.shape[1]
        a = xw.new_empty(T, B, 4 * H)
        tanh_c, cs, hs = (xw.new_empty(T, B, H) for _ in range(3))
        views = (xw, a, a[..., : 2 * H], *a.chunk(4, dim=2), tanh_c, cs, hs)
        h, c = h0, c0
        for x, a_t, i_f, i, f, g, o, tanh, c_new, h_new in zip(*(v.unbind() for v in views), strict=True):
            torch.addmm(x, h, W_h, out=a_t)
            i_f.sigmoid_(), g.tanh_(), o.sigmoid_()
            c = torch.mul(f, c, out=c_new).addcmul_(i, g)
            h = torch.mul(o, torch.tanh(c, out=tanh), out=h_new)
        ctx.save_for_backward(a, tanh_c, cs, hs, h0, c0, W_h)
        return hs, cs

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dcs):
        a, tanh_c, cs, hs, h0, c0, W_h = ctx.saved_tensors
        (T, B, H), (i, f, g, o) = hs.shape, a.chunk(4, dim=2)
        K = a.new_empty(T, B, 4, H)  # dc/d(i, f, g) and dh/do, all steps
        ki, kf, kg, ko = K.unbind(2)
        torch.mul(i, 1 - i, out=ki).mul_(g)
        torch.mul(f, 1 - f, out=kf).mul_(_before(c0, cs))
        torch.mul(g, g, out=kg).neg_().add_(1).mul_(i)
        torch.mul(o, 1 - o, out=ko).mul_(tanh_c)
        through = (o - o * tanh_c * tanh_c).unbind()  # dh/dc, all steps
        W_hT, f = W_h.T.contiguous(), f.unbind()
        dh = [torch.zeros_like(h0), *dy.clone().unbind()]  # dh[t], dc[t] of the states before step t
        dc = [torch.zeros_like(c0), *dcs.clone().unbind()]
        da, d_ifg, d_o = K.flatten(2).unbind(), K[:, :, :3].unbind(), ko.unbind()
        for t in reversed(range(T)):
            dc[t + 1].addcmul_(dh[t + 1], through[t])
            d_ifg[t].mul_(dc[t + 1][:, None])
            d_o[t].mul_(dh[t + 1])
            dc[t].addcmul_(dc[t + 1], f[t])
            dh[t].addmm_(da[t], W_hT)
        return K.flatten(2), _weights(h0, hs, K.flatten(2)), dh[0], dc[0]


def sru(xw, k, v_f, v_r, c0):
    """SRU: xw (B, T, 3H) in blocks u, f, r, highway k (B, T, H), c0 (B, H) -> h, c of all steps (B, T, H)."""
    h, c = _Sru.apply(xw.transpose(0, 1), k.transpose(0, 1), v_f, v_r, c0)
    return h.transpose(0, 1), c.transpose(0, 1)


class _Sru(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xw, k, v_f, v_r, c0):
        u, x_f, x_r = xw.chunk(3, dim=2)
        f, cs = (xw.new_empty(*xw.shape[:2], c0.shape[1]) for _ in range(2))
        c = c0
        for u_t, x, f_t, new in zip(*(v.unbind() for v in (u, x_f, f, cs)), strict=True):
            torch.addcmul(x, v_f, c, out=f_t).sigmoid_()
            c = torch.lerp(u_t, c, f_t, out=new)  # f c + (1 - f) u
        r = torch.addcmul(x_r, v_r, _before(c0, cs)).sigmoid_()  # nobody waits for r and h: all steps at once
        ctx.save_for_backward(u, f, r, cs, k, v_f, v_r, c0)
        return torch.lerp(k, cs, r), cs  # r c + (1 - r) k

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dcs):
        u, f, r, cs, k, v_f, v_r, c0 = ctx.saved_tensors
        old, dxw = _before(c0, cs), u.new_empty(*u.shape[:2], 3 * u.shape[2])
        du, df, dr = dxw.chunk(3, dim=2)
        torch.sub(cs, k, out=dr).mul_(dy).mul_(r).mul_(1 - r)
        torch.sub(old, u, out=df).mul_(f).mul_(1 - f)  # dc/d(what f is the sigmoid of), all steps
        through = torch.addcmul(f, df, v_f).unbind()  # dc/d(c before), all steps
        dcs = torch.addcmul(dcs, dy, r)  # the ways that do not lead through later steps' c
        dcs[:-1].addcmul_(dr[1:], v_r)
        dc = [dr[0] * v_r, *dcs.unbind()]  # dc[t] of the state before step t
        for t in reversed(range(len(u))):
            dc[t].addcmul_(dc[t + 1], through[t])
        torch.mul(dcs, 1 - f, out=du)
        df.mul_(dcs)
        return dxw, dy * (1 - r), (df * old).sum((0, 1)), (dr * old).sum((0, 1)), dc[0]


def _before(first, states):
    """The state before each step: (B, H), (T, B, H) -> (T, B, H)."""
    return torch.cat([first[None], states[:-1]])


def _weights(h0, hs, da):
    """dL/dW_h, the sum over all steps in one product: states before the steps (T, B, H), da (T, B, K) -> (H, K)."""
    return h0.T @ da[0] + hs[:-1].flatten(0, 1).T @ da[1:].flatten(0, 1)
