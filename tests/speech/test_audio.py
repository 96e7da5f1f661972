"""Sound: reading WAV files, made signals against their definition, spectra against Parseval and a
direct sum.
"""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib.speech.features import (
    chirp,
    frames,
    hz_to_mel,
    log_mel,
    mel_filterbank,
    mel_to_hz,
    spectrogram,
    tone,
)
from rnnlib.speech.wav import read_wav


def wav(samples, rate=8000, width=2, channels=1):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(b"".join(samples))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "width, code, values, expected",
    [
        (1, "<B", [0, 128, 255], [-1, 0, 127 / 128]),
        (2, "<h", [-32768, 0, 16384], [-1, 0, 0.5]),
        (4, "<i", [-(2**31), 0, 2**30], [-1, 0, 0.5]),
    ],
)
def test_read_wav_scales_each_width_to_one(tmp_path, width, code, values, expected):
    blob = wav([struct.pack(code, value) for value in values], rate=11025, width=width)
    signal, rate = read_wav(blob)
    assert rate == 11025 and signal.dtype == np.float64
    np.testing.assert_array_equal(signal, expected)
    (tmp_path / "a.wav").write_bytes(blob)
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav")[0], expected)


def test_read_wav_agrees_with_scipy():
    from scipy.io import wavfile

    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    wavfile.write(buffer, 16000, rng.integers(-32768, 32767, 300, dtype=np.int16))
    rate, expected = wavfile.read(io.BytesIO(buffer.getvalue()))
    signal, ours = read_wav(buffer.getvalue())
    assert ours == rate
    np.testing.assert_array_equal(signal * 32768, expected)


@pytest.mark.parametrize(
    "blob, message",
    [
        (b"", "not a PCM WAV file"),
        (b"RIFFxxxx", "not a PCM WAV file"),
        (wav([b"\0\0\0\0"], channels=2), "2 channels, expected 1"),
        (wav([b"\0\0\0"], width=3), "24 bits, expected 8, 16 or 32"),
        (wav([]), "announces 0 samples"),
        (wav([b"\1\0"] * 100)[:-50], "announces 100 samples, the file holds 75"),
    ],
)
def test_read_wav_refuses(blob, message):
    with pytest.raises(ValueError, match=message):
        read_wav(blob)


def test_chirp_has_the_frequency_it_says():
    signal = chirp(200, 1800, seconds=2.0, rate=8000, amplitude=0.25)
    assert signal.shape == (16000,) and np.abs(signal).max() <= 0.25
    power, times, frequencies = spectrogram(signal, 8000, window_ms=64)
    peak = frequencies[power.argmax(axis=1)]
    np.testing.assert_allclose(peak, 200 + 800 * times, atol=frequencies[1])


@pytest.mark.parametrize(
    "arguments, message",
    [((5000,), "5000 Hz cannot be sampled"), ((-1,), "-1 Hz"), ((100, 0), "less than one")],
)
def test_tone_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        tone(*arguments)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_frames_are_slices(length, size, hop):
    signal = np.random.default_rng(length).normal(size=length)
    if length < size:
        with pytest.raises(ValueError, match=f"{length} samples holds no frame of {size}"):
            frames(signal, size, hop)
        return
    pieces = frames(signal, size, hop)
    assert pieces.shape == ((length - size) // hop + 1, size)
    for k, piece in enumerate(pieces):
        np.testing.assert_array_equal(piece, signal[k * hop : k * hop + size])


def test_frames_refuse():
    with pytest.raises(ValueError, match="index"):
        frames([0.0, np.nan, 0.0], 2, 1)
    with pytest.raises(ValueError, match="shape"):
        frames(np.zeros((4, 2)), 2, 1)
    with pytest.raises(ValueError, match="hop must be at least 1"):
        frames(np.zeros(4), 2, 0)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([8000, 11025, 16000]), st.integers(4, 60), st.integers(0, 10**6))
def test_spectrogram_obeys_parseval(rate, window_ms, seed):
    signal = np.random.default_rng(seed).normal(size=rate // 4)
    power, _, frequencies = spectrogram(signal, rate, window_ms, hop_ms=10)
    size = round(window_ms * rate / 1000)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    pieces = frames(signal, size, round(rate / 100))
    np.testing.assert_allclose(
        power.sum(axis=1), ((pieces * window) ** 2).sum(axis=1) / (window**2).sum(), rtol=1e-10
    )
    assert frequencies[-1] == rate / 2


def test_spectrogram_of_a_tone():
    power, times, frequencies = spectrogram(tone(1000, amplitude=0.6), 8000, window_ms=32)
    assert set(frequencies[power.argmax(axis=1)]) == {1000.0}
    np.testing.assert_allclose(power.sum(axis=1), 0.6**2 / 2, rtol=1e-3)
    np.testing.assert_allclose(times[:2], [0.016, 0.026])


def test_mel_scale():
    assert hz_to_mel(0) == 0
    np.testing.assert_allclose(hz_to_mel([700, 1000, 8000]), [781.17, 999.99, 2840.02], atol=0.01)
    hz = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-9)


def test_filterbank_is_triangles_evenly_spaced_in_mel():
    frequencies = np.linspace(0, 4000, 4001)
    bank = mel_filterbank(7, frequencies, f_min=100, f_max=3500)
    centres = np.linspace(hz_to_mel(100), hz_to_mel(3500), 9)
    np.testing.assert_allclose(frequencies[bank.argmax(axis=1)], mel_to_hz(centres[1:-1]), atol=0.5)
    inner = (frequencies > mel_to_hz(centres[1])) & (frequencies < mel_to_hz(centres[-2]))
    np.testing.assert_allclose(bank[:, inner].sum(axis=0), 1, atol=1e-12)
    assert bank.min() == 0
    np.testing.assert_allclose(bank[:, (frequencies <= 100) | (frequencies >= 3500)], 0, atol=1e-12)


def test_log_mel_of_a_tone_peaks_in_its_band():
    features = log_mel(tone(1000), 8000, n_mels=20)
    assert features.shape == (98, 20)
    corners = mel_to_hz(np.linspace(0, hz_to_mel(4000), 22))
    assert set(features.argmax(axis=1)) == {int(np.abs(corners[1:-1] - 1000).argmin())}


def test_log_mel_against_a_direct_sum():
    rng = np.random.default_rng(3)
    signal, rate = rng.normal(size=400), 8000
    got = log_mel(signal, rate, n_mels=5, window_ms=16, hop_ms=8, f_min=50, f_max=3000)
    size = 128  # 16 ms at 8 kHz is its own power of two
    window = np.array([0.5 * (1 - np.cos(2 * np.pi * n / size)) for n in range(size)])
    corners = [
        700 * (10 ** (m / 2595) - 1)
        for m in np.linspace(2595 * np.log10(1 + 50 / 700), 2595 * np.log10(1 + 3000 / 700), 7)
    ]
    for t in range(got.shape[0]):
        piece = signal[64 * t : 64 * t + size] * window
        energy = np.zeros(5)
        for f in range(size // 2 + 1):
            hz = f * rate / size
            power = (
                abs(sum(piece[n] * np.exp(-2j * np.pi * f * n / size) for n in range(size))) ** 2
            )
            power *= (1 if f in (0, size // 2) else 2) / (size * (window**2).sum())
            for m in range(5):
                low, middle, high = corners[m : m + 3]
                if low < hz < high:
                    energy[m] += power * (
                        (hz - low) / (middle - low)
                        if hz <= middle
                        else (high - hz) / (high - middle)
                    )
        np.testing.assert_allclose(got[t], np.log(energy), rtol=1e-8)


def test_log_mel_of_silence_is_the_floor():
    np.testing.assert_allclose(log_mel(np.zeros(800), 8000, floor=1e-6), np.log(1e-6))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"n_mels": 0}, "n_mels must be at least 1"),
        ({"n_mels": 200}, "lies between two frequencies 31.25 Hz apart"),
        ({"f_max": 5000.0}, "f_max=5000.0 Hz: expected"),
        ({"floor": 0.0}, "floor=0.0: expected a positive power"),
        ({"window_ms": 0.1}, "window_ms=0.1 at 8000 Hz is 1 samples"),
    ],
)
def test_log_mel_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        log_mel(tone(440), 8000, **options)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match="inf s at 8000 Hz"):
        tone(100, np.inf)
    with pytest.raises(ValueError, match="window_ms=25 at nan Hz"):
        spectrogram(np.zeros(8000), np.nan)
    for frequencies in ([], [1.0], [2.0, 1.0], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="frequencies must be two or more, rising"):
            mel_filterbank(2, frequencies)
    with pytest.raises(ValueError, match="frequencies has 1 values that are NaN"):
        mel_filterbank(2, [np.nan, 1.0, 2.0])
