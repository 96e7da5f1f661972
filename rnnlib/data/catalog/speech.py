"""Recorded speech."""

import numpy as np

from rnnlib.data.entry import DataSet, Part
from rnnlib.speech import wav


def fsdd(files):
    """dict of 3,000 recordings sorted by file name, and `rate`, 8000 Hz.

    signals  list of float64 arrays in [-1, 1], 0.14 to 2.28 s long
    digits   (3000,) int64, the digit spoken
    speakers (3000,) str, one of six first names
    takes    (3000,) int64, 0 to 49 for each digit and speaker; the source suggests takes 0 to 4 as
             its test part
    """
    names = sorted(files)
    digit, speaker, take = zip(
        *(name.rsplit("/", 1)[-1].removesuffix(".wav").split("_") for name in names), strict=True
    )
    recordings = [wav.read_wav(files[name]) for name in names]
    rates = {rate for _, rate in recordings}
    return {
        "signals": [signal for signal, _ in recordings],
        "digits": np.array(digit, "int64"),
        "speakers": np.array(speaker),
        "takes": np.array(take, "int64"),
        "rate": rates.pop(),
    }


WAV = r"recordings/[0-9]_[a-z]+_[0-9]+\.wav"


SETS = {
    "fsdd": DataSet(
        "Free Spoken Digit Dataset: 3,000 recordings of the digits 0-9 by 6 speakers",
        "CC BY-SA 4.0",
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        fsdd,
        (
            Part(
                "fsdd/recordings.zip",
                "https://github.com/Jakobovski/free-spoken-digit-dataset/"
                "archive/refs/heads/master.zip",
                pick=rf"[^/]+/({WAV})",
                many=(
                    WAV,
                    3000,
                    "04e1baae96c6a26e39c623f2b01d0182ddae627ba0ac02a3cdc17ba2af99fd9b",
                ),
            ),
        ),
    ),
}
