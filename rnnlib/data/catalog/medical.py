"""Signals of hearts: heartbeats to classify, and a long record with its beats marked."""

import io

import numpy as np

from rnnlib.data.entry import DataSet, Part

ECG = "https://www.timeseriesclassification.com/aeon-toolkit"
PHYSIONET = "https://physionet.org/files/mitdb/1.0.0"
BEATS = dict(
    zip(
        [*range(1, 14), 25, 30, 34, 35, 38, 41],
        "N L R a V F J A S E j / Q B ? e n f r".split(),
        strict=True,
    )
)


def ecg200(files):
    """dict: train and test, each (x (100, 96) float64, one heartbeat a row, z-normalised; y (100,):
    1 normal, -1 ischaemia).
    """
    return {part: _ucr(files[f"ECG200_{part.upper()}.txt"]) for part in ("train", "test")}


def ecg5000(files):
    """x (500, 140) float64, one heartbeat a row, z-normalised; y (500,) int64, class 1 to 5.

    Training part only.
    """
    return _ucr(files["ECG5000_TRAIN.txt"])


def _ucr(blob):
    table = np.loadtxt(io.BytesIO(blob), ndmin=2)
    return table[:, 1:], table[:, 0].astype("int64")


def mitdb_100(files):
    """dict of record 100, 30 minutes of two leads.

    signal  (650000, 2) float64, mV
    rate    360 Hz
    leads   ("MLII", "V5")
    samples (2273,) int64, the sample at which each beat was marked symbols (2273,) str, PhysioNet's
    beat codes: N normal, A atrial premature, V ventricular premature
    """
    pairs = (
        np.frombuffer(files["mitdb/100.dat"], "uint8").reshape(-1, 3).astype("int64")
    )  # format 212: 2 x 12 bits
    first = pairs[:, 0] | (pairs[:, 1] & 0x0F) << 8
    second = pairs[:, 2] | (pairs[:, 1] & 0xF0) << 4
    raw = np.stack([first, second], axis=1)
    raw -= (raw > 2047) * 4096  # two's complement
    samples, codes = _annotations(np.frombuffer(files["mitdb/100.atr"], "<u2").astype("int64"))
    beats = [i for i, code in enumerate(codes) if code in BEATS]
    return {
        "signal": (raw - 1024) / 200,  # 100.hea: 200 steps for a millivolt, zero at 1024
        "rate": 360,
        "leads": ("MLII", "V5"),
        "samples": np.array([samples[i] for i in beats], "int64"),
        "symbols": np.array([BEATS[codes[i]] for i in beats]),
    }


def _annotations(words):
    """Times (samples) and codes of PhysioNet's annotation format:
    six bits of code, ten of time since the last one.
    """
    samples = []
    codes = []
    now = 0
    i = 0
    while words[i]:
        code = words[i] >> 10
        value = words[i] & 1023
        if code == 59:  # SKIP: a long interval in the next two words, high one first
            now += (words[i + 1] << 16) + words[i + 2]
            i += 2
        elif code == 63:  # AUX: `value` bytes of text, padded to whole words
            i += (value + 1) // 2
        elif code < 50:  # an annotation; 60, 61 and 62 only add fields to the last one
            now += value
            samples.append(now)
            codes.append(int(code))
        i += 1
    return samples, codes


def _beats(name, digest=None, inside=None):
    stored = f"ecg/{name}.txt" + (".gz" if inside else "")
    pick = rf"(?:.*/)?({name}\.txt)"
    return Part(
        stored,
        f"{ECG}/{name.split('_')[0]}.zip",
        pick,
        digest,
        {f"{name}.txt": inside} if inside else {},
    )


SETS = {
    "ecg200": DataSet(
        "ECG200 (UCR archive): 100 + 100 heartbeats, normal or ischaemic",
        "none stated (UCR archive: cite it)",
        "https://www.timeseriesclassification.com/description.php?Dataset=ECG200",
        ecg200,
        (
            _beats(
                "ECG200_TRAIN", "a81521c4fdcded0bbb47334136bc4a6bf7dd8cdf8c8d5877b36d207146f55151"
            ),
            _beats(
                "ECG200_TEST", "907c243f6e92234fc3a249448240e95db292835217457a2bc4cbe3d73a02902d"
            ),
        ),
    ),
    "ecg5000": DataSet(
        "ECG5000 (UCR archive), training part: 500 heartbeats in 5 classes",
        "none stated (UCR archive; signals from PhysioNet)",
        "https://www.timeseriesclassification.com/description.php?Dataset=ECG5000",
        ecg5000,
        (
            _beats(
                "ECG5000_TRAIN",
                inside="0d96aff193311a6dc6111bf0dbd2f7d2313987fbf7a1da4a383d92563876057b",
            ),
        ),
    ),
    "mitdb_100": DataSet(
        "MIT-BIH Arrhythmia Database, record 100: 30 minutes, 2 leads, 2,273 annotated beats",
        "ODC-By 1.0",
        "https://physionet.org/content/mitdb/1.0.0/",
        mitdb_100,
        (
            Part(
                "ecg/mitdb_100.zip",
                f"{PHYSIONET}/{{}}",
                inside={
                    "mitdb/100.atr": (
                        "8d8a5349fb16638ebbf649f1779d12e96d91b736b2aafe59db43719ae583d471"
                    ),
                    "mitdb/100.dat": (
                        "b2ea3c250e56e48f4b7b90697832b8ecd1afa1e0bb31f2dcfea4ed6e1075a639"
                    ),
                },
            ),
        ),
    ),
}
