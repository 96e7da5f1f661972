"""Sound as arrays: two synthetic signals, frames, spectrogram, log-mel features."""

import numpy as np

from rnnlib.core import validation


def tone(frequency, seconds=1.0, rate=8000, amplitude=0.5):
    """A sine of `frequency` Hz -> (seconds * rate,)."""
    return chirp(frequency, frequency, seconds, rate, amplitude)


def chirp(start, stop, seconds=1.0, rate=8000, amplitude=0.5):
    """A sine whose frequency moves evenly from `start` to `stop` Hz -> (seconds * rate,).

    The frequency is the derivative of the phase: phase(t) = 2 pi (start t + (stop - start) t^2 / (2
    seconds)).
    """
    validation.positive(rate, "rate")
    for frequency in (start, stop):
        if not 0 <= frequency <= rate / 2:
            raise ValueError(
                f"{frequency} Hz cannot be sampled at {rate} Hz: expected 0 to {rate / 2:g} Hz"
            )
    if not 1 <= seconds * rate < np.inf:
        raise ValueError(f"{seconds} s at {rate} Hz are less than one sample, or endless")
    t = np.arange(round(seconds * rate)) / rate  # (N,) s
    return amplitude * np.sin(2 * np.pi * (start * t + (stop - start) * t**2 / (2 * seconds)))


def frames(signal, size, hop):
    """Overlapping pieces of a signal (N,) -> (1 + (N - size) // hop, size);
    samples after the last whole piece are left out.

    >>> frames([1, 2, 3, 4, 5], size=3, hop=2).tolist()
    [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    validation.positive(size, "size")
    validation.positive(hop, "hop")
    signal = np.asarray(signal, float)
    validation.rank(signal.shape, "(N)", "signal")
    validation.finite(signal, "signal")
    if len(signal) < size:
        raise ValueError(
            f"a signal of {len(signal)} samples holds no frame of {size}: pad it, "
            f"np.pad(signal, (0, {size - len(signal)})), or shorten the window"
        )
    return np.lib.stride_tricks.sliding_window_view(signal, size)[::hop]


def spectrogram(signal, rate, window_ms=25, hop_ms=10):
    """Power over time and frequency -> power (T, F), times (T,) in s at the middle of each frame,
    frequencies (F,) in Hz.

    Frames are weighted by a periodic Hann window and padded with zeros to a power of two. Each row
    of `power` sums to the mean square of its frame, weighted by the squared window (Parseval), so a
    sine of amplitude a sums to a^2 / 2.
    """
    size = _samples(window_ms, rate, "window_ms")
    hop = _samples(hop_ms, rate, "hop_ms")
    pieces = frames(signal, size, hop)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    n_fft = 2 ** int(np.ceil(np.log2(size)))
    power = np.abs(np.fft.rfft(pieces * window, n_fft)) ** 2 / (n_fft * np.sum(window**2))
    power[:, 1:-1] *= 2  # the negative frequencies, which rfft leaves out; 0 and rate / 2 have none
    times = (np.arange(len(pieces)) * hop + size / 2) / rate
    return power, times, np.fft.rfftfreq(n_fft, 1 / rate)


def _samples(milliseconds, rate, what):
    samples = milliseconds * rate / 1000
    if np.isfinite(samples):
        count = round(samples)
    else:
        count = 0
    if count < 2:
        raise ValueError(
            f"{what}={milliseconds} at {rate} Hz is {count} samples: expected at least 2"
        )
    return count


def hz_to_mel(frequency):
    """Mel of Hz: 2595 log10(1 + f / 700) (O'Shaughnessy 1987, as in HTK;
    Slaney's scale, linear below 1 kHz, is another).
    """
    return 2595 * np.log10(1 + np.asarray(frequency, float) / 700)


def mel_to_hz(mel):
    """Hz of mel, the inverse of `hz_to_mel`.

    >>> mel_to_hz(hz_to_mel([440.0, 8000.0])).round(6).tolist()
    [440.0, 8000.0]
    """
    return 700 * (10 ** (np.asarray(mel, float) / 2595) - 1)


def mel_filterbank(n_mels, frequencies, f_min=0.0, f_max=None):
    """Triangular filters -> (n_mels, F), for the `frequencies` (F,) in Hz of a spectrogram.

    The corners are evenly spaced in mel from `f_min` to `f_max` (default: the highest frequency);
    filter k rises from corner k to 1 at corner k + 1 and falls to corner k + 2, straight in Hz
    (after Davis & Mermelstein 1980).
    """
    validation.positive(n_mels, "n_mels")
    frequencies = validation.finite(np.asarray(frequencies, float), "frequencies")
    if frequencies.ndim != 1 or len(frequencies) < 2 or not (np.diff(frequencies) > 0).all():
        raise ValueError(f"frequencies must be two or more, rising, got shape {frequencies.shape}")
    if f_max is None:
        f_max = frequencies[-1]
    if not 0 <= f_min < f_max <= frequencies[-1]:
        raise ValueError(
            f"f_min={f_min} and f_max={f_max} Hz: expected 0 <= f_min < f_max <= "
            f"{frequencies[-1]:g}"
        )
    corners = mel_to_hz(np.linspace(hz_to_mel(f_min), hz_to_mel(f_max), n_mels + 2))[
        :, None
    ]  # (n_mels + 2, 1)
    rise = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    fall = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    bank = np.maximum(0, np.minimum(rise, fall))
    empty = np.flatnonzero(bank.sum(axis=1) < 1e-9)
    if len(empty):
        step = frequencies[1] - frequencies[0]
        raise ValueError(
            f"filter {empty[0]} of {n_mels} lies between two frequencies {step:g} Hz apart: fewer "
            "n_mels= or a longer window"
        )
    return bank


def log_mel(signal, rate, n_mels=40, window_ms=25, hop_ms=10, f_min=0.0, f_max=None, floor=1e-10):
    """Log-mel features of a signal (N,) -> (T, n_mels):
    natural logarithm of the power in each mel band.

    Power below `floor` counts as `floor`, so that silence is finite (1e-10 is 100 dB below a mean
    square of 1).
    """
    if not floor > 0:
        raise ValueError(f"floor={floor}: expected a positive power, silence has no logarithm")
    power, _, frequencies = spectrogram(signal, rate, window_ms, hop_ms)
    return np.log(np.maximum(power @ mel_filterbank(n_mels, frequencies, f_min, f_max).T, floor))
