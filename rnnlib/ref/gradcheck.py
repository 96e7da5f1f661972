"""Gradients from the definition, to check derivations against (chapter `bptt`)."""

import numpy as np


def central_differences(loss, arrays, eps=1e-6):
    """Slope of `loss()` along every entry of every array in the dict `arrays`, by (loss(+eps) -
    loss(-eps)) / 2 eps.

    The arrays (float64) are moved in place and put back. The error is O(eps^2) from the formula
    plus about 1e-16 |loss| / eps from rounding: 1e-6 balances the two for losses of order 1.

    >>> arrays = {"w": np.array([3.0])}
    >>> slopes = central_differences(lambda: (arrays["w"] ** 2).sum(), arrays)
    >>> slopes["w"].round(6).tolist()
    [6.0]
    """
    slopes = {}
    for name, array in arrays.items():
        if array.dtype != np.float64:
            raise TypeError(
                f"central differences need float64, {name} is {array.dtype}: "
                f"give {name}.astype('float64')"
            )
        slopes[name] = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + eps
            above = loss()
            array[index] = kept - eps
            below = loss()
            array[index] = kept
            slopes[name][index] = (above - below) / (2 * eps)
    return slopes


def relative_error(a, b):
    """max |a - b| / max(|a|, |b|) over two arrays of one shape:
    the size of the difference against the larger array.

    >>> relative_error(np.array([1.0, 200.0]), np.array([3.0, 200.0]))
    0.01
    """
    scale = max(np.abs(a).max(), np.abs(b).max())
    if scale == 0:
        return 0.0
    return float(np.abs(a - b).max() / scale)
