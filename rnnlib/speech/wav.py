"""WAV files as arrays of floats."""

import io
import wave
from pathlib import Path

import numpy as np

FULL_SCALE = {1: ("u1", 128), 2: ("<i2", 32768), 4: ("<i4", 2147483648)}


def read_wav(source):
    """-> signal (N,) float64 in [-1, 1], rate in Hz.

    `source` is a path or the bytes of a WAV file.

    Reads PCM of 8, 16 or 32 bits with one channel. ValueError for anything else and for a file that
    is cut short.
    """
    if isinstance(source, bytes):
        what = "these bytes"
    else:
        what = str(source)
    try:
        file = wave.open(io.BytesIO(source) if isinstance(source, bytes) else str(Path(source)))
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{what}: not a PCM WAV file ({error}); convert it to 16-bit PCM"
        ) from None
    with file:
        channels, width, rate, count = file.getparams()[:4]
        data = file.readframes(count)
    if channels != 1:
        raise ValueError(f"{what}: {channels} channels, expected 1: mix them or pick one first")
    if width not in FULL_SCALE:
        raise ValueError(f"{what}: samples of {8 * width} bits, expected 8, 16 or 32: convert it")
    if count == 0 or len(data) != count * width:
        raise ValueError(
            f"{what}: the header announces {count:,} samples, the file holds {len(data) // width:,}"
        )
    kind, full = FULL_SCALE[width]
    signal = np.frombuffer(data, np.dtype(kind)).astype(float)
    return (signal - full if width == 1 else signal) / full, rate
