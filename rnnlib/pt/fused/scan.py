"""Linear recurrences in PyTorch, in chunks instead of step by step.

Mirror: rnnlib/tf/fused/scan.py. Maths: rnnlib/ref/scan.py.
"""

import math

import torch
from torch.autograd import forward_ad

from rnnlib.core import validation


def scan(a, b, h0=None, chunk=None):
    """h_t = a_t * h_{t-1} + b_t, elementwise: a, b (B, T, H), first state h0 (B, H), zeros if None
    -> h (B, T, H).

    A chunk of C steps takes about 2 C + T / C turns instead of T.  None: C near sqrt(T).
    The gradient, a scan from the end, is derived by hand.  Gradients of gradients are those of the
    plain loop, which is what they cost, too.
    """
    check_scan(a, b, h0)
    if chunk is None:
        chunk = default_chunk(a.shape[1])
    else:
        chunk = min(validation.positive(chunk, "chunk"), a.shape[1])
    if h0 is None:
        h0 = torch.zeros_like(a[:, 0])
    a = a.transpose(0, 1)  # time first inside
    b = b.transpose(0, 1)
    if _must_be_plain():
        h = _plain_scan(a, b, h0)
    else:
        h = _Scan.apply(a, b, h0, chunk)
    return h.transpose(0, 1)


def default_chunk(T):
    """The power of two that is nearest to sqrt(T), on a scale of powers."""
    return 2 ** round(math.log2(T) / 2)


def check_scan(a, b, h0):
    """What the door of `scan` refuses: tensors (B, T, H) and (B, H) of one dtype go in."""
    for name, value in {"a": a, "b": b, "h0": h0}.items():
        if value is None:
            continue
        if not isinstance(value, torch.Tensor):
            raise TypeError(
                f"{name} must be a tensor, got {type(value).__name__}: rnn.tensor({name}) makes one"
            )
        if value.dtype != a.dtype:
            raise TypeError(f"{name} is {value.dtype}, a is {a.dtype}: convert one of them")
    validation.rank(a.shape, "(B, T, H)", "a")
    if b.shape != a.shape:
        raise ValueError(
            f"a and b must have one shape (B, T, H), got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if h0 is not None and h0.shape != a[:, 0].shape:
        raise ValueError(f"h0 must have shape {tuple(a[:, 0].shape)}, got {tuple(h0.shape)}")


def _plain_scan(a, b, h0):
    """The recurrence of `scan` in operations that can be differentiated:
    a, b (T, B, H), h0 (B, H) -> h (T, B, H).
    """
    states = [h0]
    for a_t, b_t in zip(a, b, strict=True):
        states.append(a_t * states[-1] + b_t)  # eq. scan-recurrence
    return torch.stack(states[1:])


def _must_be_plain():
    """Whether something looks into the operations, which a function with a gradient of its own
    would hide.

    These are torch.func (vmap, jacrev, jvp, ...), dual numbers, and the tracer of torch.jit and of
    the older ONNX exporter.
    """
    transformed = torch._C._are_functorch_transforms_active()
    return transformed or forward_ad._current_level >= 0 or torch.jit.is_tracing()


def _again(loop, inputs, slopes):
    """Gradients of `loop(*inputs)`, times `slopes`, None for 0, as operations that can be
    differentiated themselves.

    For a way back that is asked for with create_graph=True. None for an input that needs no
    gradient.
    """
    with torch.enable_grad():
        # views: an input that is made from another one counts for itself
        views = [v.view_as(v) if isinstance(v, torch.Tensor) else v for v in inputs]
        outputs = loop(*views)
    if isinstance(outputs, torch.Tensor):
        outputs = [outputs]
    reached = [(y, dy) for y, dy in zip(outputs, slopes, strict=True) if dy is not None]
    asked = [v for v in views if isinstance(v, torch.Tensor) and v.requires_grad]
    found = torch.autograd.grad(
        [y for y, _ in reached],
        asked,
        [dy for _, dy in reached],
        create_graph=True,
        materialize_grads=True,
    )
    gradient = dict(zip(map(id, asked), found, strict=True))
    return [gradient.get(id(v)) for v in views]


class _Scan(torch.autograd.Function):
    """a, b (T, B, H), h0 (B, H) -> h (T, B, H)."""

    @staticmethod
    def forward(ctx, a, b, h0, chunk):
        h = scan_without_gradient(a, b, h0, chunk)
        ctx.save_for_backward(a, b, h0, h)
        ctx.chunk = chunk
        return h

    @staticmethod
    def backward(ctx, dh):
        a, b, h0, h = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return *_again(_plain_scan, (a, b, h0), [dh]), None
        db = scan_without_gradient(a, dh, torch.zeros_like(h0), ctx.chunk, back=True)
        da = torch.empty_like(db)
        torch.mul(db[0], h0, out=da[0])
        torch.mul(db[1:], h[:-1], out=da[1:])
        return da, db, a[0] * db[0], None


def scan_without_gradient(a, b, state, chunk, back=False):
    """The recurrence of `scan` without a gradient, from `state` -> h; `back`:
    from dh, given as b, -> db.

    Time first, a, b (T, B, H), state (B, H) -> (T, B, H).
    """
    return _run(_chunks(a, chunk), _chunks(b, chunk), state, back)[: len(a)]


def _chunks(v, chunk):
    """(T, B, H) -> (N, chunk, B, H), zeros behind the end."""
    T = len(v)
    N = -(-len(v) // chunk)
    if T < N * chunk:
        v = torch.cat([v, v.new_zeros(N * chunk - T, *v.shape[1:])])
    return v.unflatten(0, (N, chunk))


def _run(a, b, state, back=False):
    """The recurrence over chunks (N, C, B, H), or its way back from the end -> h or db, (N * C, B,
    H).
    """
    chunks, steps = (range(n - 1, -1, -1) if back else range(n) for n in a.shape[:2])
    P = torch.ones_like(a[:, 0])  # (N, B, H)
    S = torch.zeros_like(a[:, 0])
    for t in steps:  # 1. what each chunk makes of the state that comes in: P * state + S
        P.mul_(a[:, t])
        S.add_(b[:, t]).mul_(a[:, t]) if back else S.mul_(a[:, t]).add_(b[:, t])  # eq. scan-compose
    first = torch.empty_like(S)
    for n in chunks:  # 2. from chunk to chunk: what comes in to each
        first[n] = state
        state = torch.addcmul(S[n], P[n], state)
    y = torch.empty_like(b)
    state = first
    for t in steps:  # 3. all chunks at once, step by step
        if back:  # db_t = dh_t + a_{t+1} db_{t+1}; the state is the second term, eq. scan-back
            torch.mul(a[:, t], torch.add(b[:, t], state, out=y[:, t]), out=state)
        else:
            state = torch.addcmul(b[:, t], a[:, t], state, out=y[:, t])  # eq. scan-recurrence
    return y.flatten(0, 1)
