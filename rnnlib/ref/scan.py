"""The linear recurrence h_t = a_t * h_{t-1} + b_t in NumPy:
step by step, in chunks, and the way back of both.

B batch, T time, H hidden size; a, b, h (B, T, H), first state h0 (B, H). All products are
elementwise. Source: Blelloch 1990 for scans; Martin & Cundy 2018 for linear recurrences. Departure:
chunks of one length instead of a tree.
"""

import numpy as np


def loop(a, b, h0):
    """The recurrence as it stands, one turn for each step:
    a, b (B, T, H), h0 (B, H) -> h (B, T, H).
    """
    h = np.empty_like(b)
    for t in range(a.shape[1]):
        h[:, t] = a[:, t] * (h[:, t - 1] if t else h0) + b[:, t]  # eq. scan-recurrence
    return h


def loop_back(a, h, h0, dh):
    """Undo `loop`: its a, h, h0 and dL/dh (B, T, H) -> da, db (B, T, H), dh0 (B, H)."""
    db = dh.copy()  # dL/dh_t over all ways: directly, and through h_{t+1}
    for t in reversed(range(a.shape[1] - 1)):
        db[:, t] += a[:, t + 1] * db[:, t + 1]  # eq. scan-back
    return db * before(h, h0), db, a[:, 0] * db[:, 0]


def chunked(a, b, h0, chunk):
    """The same function in three passes over chunks of `chunk` steps, about 2 * chunk + T / chunk
    turns instead of T.
    """
    (B, T, H), N = a.shape, -(-a.shape[1] // chunk)  # N chunks, the last one padded
    a, b = (np.pad(v, ((0, 0), (0, N * chunk - T), (0, 0))).reshape(B, N, chunk, H) for v in (a, b))
    P = np.ones((B, N, H), a.dtype)
    S = np.zeros((B, N, H), a.dtype)
    for t in range(chunk):  # 1. what each chunk does to the state before it: h -> P * h + S
        P = a[:, :, t] * P  # eq. scan-compose
        S = a[:, :, t] * S + b[:, :, t]
    h = np.empty((B, N, H), a.dtype)
    for n in range(N):  # 2. from chunk to chunk: the state before each
        if n:
            h[:, n] = P[:, n - 1] * h[:, n - 1] + S[:, n - 1]
        else:
            h[:, n] = h0
    y = np.empty_like(b)
    for t in range(chunk):  # 3. all chunks at once, step by step
        h = y[:, :, t] = a[:, :, t] * h + b[:, :, t]
    return y.reshape(B, N * chunk, H)[:, :T]


def chunked_back(a, h, h0, dh, chunk):
    """Undo `chunked`: the way back is a linear recurrence too, dh_t + a_{t+1} * (...), which runs
    from the end.
    """
    follows = np.concatenate(
        [a[:, 1:], np.zeros_like(a[:, :1])], axis=1
    )  # a_{t+1}: nothing follows the last step
    db = chunked(follows[:, ::-1], dh[:, ::-1], np.zeros_like(h0), chunk)[:, ::-1]
    return db * before(h, h0), db, a[:, 0] * db[:, 0]


def before(h, h0):
    """h_{t-1} beside h_t: (B, T, H), (B, H) -> (B, T, H).

    >>> before(np.array([[[1.0], [2.0], [3.0]]]), np.array([[0.0]])).ravel().tolist()
    [0.0, 1.0, 2.0]
    """
    return np.concatenate([h0[:, None], h[:, :-1]], axis=1)
