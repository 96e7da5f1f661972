"""Sound: WAV files as arrays, and the features that a recogniser reads."""

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

__all__ = [
    "chirp",
    "frames",
    "hz_to_mel",
    "log_mel",
    "mel_filterbank",
    "mel_to_hz",
    "read_wav",
    "spectrogram",
    "tone",
]
