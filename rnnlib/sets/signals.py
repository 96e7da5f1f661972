"""Data that are downloaded: recorded speech, hearts, roads, weather, driving."""

import io

import numpy as np
import pandas as pd

from rnnlib import audio
from rnnlib.sets.entry import GITHUB, DataSet, Part

ECG = "https://www.timeseriesclassification.com/aeon-toolkit"
PHYSIONET = "https://physionet.org/files/mitdb/1.0.0"
BEATS = dict(
    zip([*range(1, 14), 25, 30, 34, 35, 38, 41], "N L R a V F J A S E j / Q B ? e n f r".split(), strict=True)
)


def fsdd(files):
    """dict of 3,000 recordings sorted by file name, and `rate`, 8000 Hz.

    signals  list of float64 arrays in [-1, 1], 0.14 to 2.28 s long
    digits   (3000,) int64, the digit spoken
    speakers (3000,) str, one of six first names
    takes    (3000,) int64, 0 to 49 for each digit and speaker; the source suggests takes 0 to 4 as its test part
    """
    names = sorted(files)
    digit, speaker, take = zip(
        *(name.rsplit("/", 1)[-1].removesuffix(".wav").split("_") for name in names), strict=True
    )
    recordings = [audio.read_wav(files[name]) for name in names]
    rates = {rate for _, rate in recordings}
    return {
        "signals": [signal for signal, _ in recordings],
        "digits": np.array(digit, "int64"),
        "speakers": np.array(speaker),
        "takes": np.array(take, "int64"),
        "rate": rates.pop(),
    }


def ecg200(files):
    """dict: train and test, each (x (100, 96) float64, one heartbeat a row, z-normalised; y (100,): 1 normal, -1 ischaemia)."""
    return {part: _ucr(files[f"ECG200_{part.upper()}.txt"]) for part in ("train", "test")}


def ecg5000(files):
    """x (500, 140) float64, one heartbeat a row, z-normalised; y (500,) int64, class 1 to 5.  Training part only."""
    return _ucr(files["ECG5000_TRAIN.txt"])


def _ucr(blob):
    table = np.loadtxt(io.BytesIO(blob), ndmin=2)
    return table[:, 1:], table[:, 0].astype("int64")


def mitdb_100(files):
    """dict of record 100, 30 minutes of two leads.

    signal  (650000, 2) float64, mV
    rate    360 Hz
    leads   ("MLII", "V5")
    samples (2273,) int64, the sample at which each beat was marked
    symbols (2273,) str, PhysioNet's beat codes: N normal, A atrial premature, V ventricular premature
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
    """Times (samples) and codes of PhysioNet's annotation format: six bits of code, ten of time since the last one."""
    samples, codes, now, i = [], [], 0, 0
    while words[i]:
        code, value = words[i] >> 10, words[i] & 1023
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


def metro_traffic(files):
    """pandas.DataFrame, 48,204 rows as published, in the order of time.

    date_time (local, Minneapolis-St Paul; some hours repeat, one row for each weather entry, some are missing),
    traffic_volume (westbound vehicles an hour), holiday (text, "None" on ordinary days), temp (K), rain_1h and snow_1h
    (mm), clouds_all (%), weather_main, weather_description.
    """
    blob = files["Metro_Interstate_Traffic_Volume.csv"]
    return pd.read_csv(io.BytesIO(blob), keep_default_na=False, parse_dates=["date_time"])


def los_loop(files):
    """dict: speeds, pandas.DataFrame (2016 steps of 5 minutes from 2012-03-01, 207 detectors), mph; adjacency (207, 207).

    The file has no times; those of the index are what its source says of it (1 to 7 March 2012, local).
    """
    speeds = pd.read_csv(io.BytesIO(files["los_speed.csv"]))
    speeds.index = pd.date_range("2012-03-01", periods=len(speeds), freq="5min", name="time")
    return {"speeds": speeds, "adjacency": np.loadtxt(io.BytesIO(files["los_adj.csv"]), delimiter=",")}


def beijing_pollution(files):
    """pandas.DataFrame, 43,824 hours (index `time`, local, 2010 to 2014, none missing).

    pm2.5 (micrograms a cubic metre; 2,067 values are NaN), DEWP dew point and TEMP (°C), PRES (hPa), cbwd wind direction
    (NE, NW, SE or cv, calm and variable), Iws cumulated wind (m/s), Is and Ir cumulated hours of snow and of rain.
    """
    table = pd.read_csv(io.BytesIO(files["pollution.csv"]))
    table.index = pd.DatetimeIndex(
        pd.to_datetime(table[["year", "month", "day", "hour"]]), name="time", freq="h"
    )
    return table.drop(columns=["No", "year", "month", "day", "hour"])


def ngsim_us101(files):
    """list of 136 pandas.DataFrames, one vehicle each, by vehicle number; 10 rows a second, none missing.

    Columns as published, among them local_x(m) across and local_y(m) along the road, v_Vel(m) in m/s, v_Acc(m) in m/s²,
    Space_Headway(m), Time_Headway (s); H_v_Vel(m) and H_v_Acc(m) are lateral speed and acceleration added there.
    """
    return [_table(files[name]) for name in sorted(files, key=lambda name: int(name.removesuffix(".csv")))]


def dut(files):
    """dict {clip name: pandas.DataFrame} of 28 clips at 23.98 frames a second.

    Columns id (vehicle), frame, label, x_est and y_est (m), psi_est heading (rad), vel_est speed (m/s).
    """
    return {name.rsplit("/", 1)[-1].split("_traj")[0]: _table(files[name]) for name in sorted(files)}


def _table(blob):
    return pd.read_csv(io.BytesIO(blob))


def _beats(name, digest=None, inside=None):
    stored = f"ecg/{name}.txt" + (".gz" if inside else "")
    pick = rf"(?:.*/)?({name}\.txt)"
    return Part(
        stored, f"{ECG}/{name.split('_')[0]}.zip", pick, digest, {f"{name}.txt": inside} if inside else {}
    )


WAV = r"recordings/[0-9]_[a-z]+_[0-9]+\.wav"
DRIVING = "https://github.com/chenshimao/NGSIM-FORECASTING-WITH-LSTM"
CLIPS = [*(f"intersection_{k:02}" for k in range(1, 18)), *(f"roundabout_{k:02}" for k in range(1, 12))]

SETS = {
    "fsdd": DataSet(
        "Free Spoken Digit Dataset: 3,000 recordings of the digits 0-9 by 6 speakers",
        "CC BY-SA 4.0",
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        fsdd,
        (
            Part(
                "fsdd/recordings.zip",
                "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip",
                pick=rf"[^/]+/({WAV})",
                many=(WAV, 3000, "04e1baae96c6a26e39c623f2b01d0182ddae627ba0ac02a3cdc17ba2af99fd9b"),
            ),
        ),
    ),
    "ecg200": DataSet(
        "ECG200 (UCR archive): 100 + 100 heartbeats, normal or ischaemic",
        "none stated (UCR archive: cite it)",
        "https://www.timeseriesclassification.com/description.php?Dataset=ECG200",
        ecg200,
        (
            _beats("ECG200_TRAIN", "a81521c4fdcded0bbb47334136bc4a6bf7dd8cdf8c8d5877b36d207146f55151"),
            _beats("ECG200_TEST", "907c243f6e92234fc3a249448240e95db292835217457a2bc4cbe3d73a02902d"),
        ),
    ),
    "ecg5000": DataSet(
        "ECG5000 (UCR archive), training part: 500 heartbeats in 5 classes",
        "none stated (UCR archive; signals from PhysioNet)",
        "https://www.timeseriesclassification.com/description.php?Dataset=ECG5000",
        ecg5000,
        (_beats("ECG5000_TRAIN", inside="0d96aff193311a6dc6111bf0dbd2f7d2313987fbf7a1da4a383d92563876057b"),),
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
                    "mitdb/100.atr": "8d8a5349fb16638ebbf649f1779d12e96d91b736b2aafe59db43719ae583d471",
                    "mitdb/100.dat": "b2ea3c250e56e48f4b7b90697832b8ecd1afa1e0bb31f2dcfea4ed6e1075a639",
                },
            ),
        ),
    ),
    "metro_traffic": DataSet(
        "hourly westbound traffic on the I-94 near Minneapolis-St Paul with weather and holidays, 2012-2018",
        "CC BY 4.0",
        "https://archive.ics.uci.edu/dataset/492/metro+interstate+traffic+volume",
        metro_traffic,
        (
            Part(
                "traffic/Metro_Interstate_Traffic_Volume.csv.gz",
                "https://archive.ics.uci.edu/static/public/492/metro+interstate+traffic+volume.zip",
                pick=r"(?:.*/)?(Metro_Interstate_Traffic_Volume\.csv)(?:\.gz)?",
                inside={
                    "Metro_Interstate_Traffic_Volume.csv": "749c90d720360a4215bb15345526073c079ba4cc95e3fa558796d083f85fce9e"
                },
            ),
        ),
    ),
    "los_loop": DataSet(
        "speeds at 207 loop detectors in Los Angeles, every 5 minutes for a week of March 2012, and their graph",
        "MIT for the code of T-GCN; none stated for the data",
        "https://github.com/lehaifeng/T-GCN",
        los_loop,
        (
            Part(
                "traffic/los_speed.csv.gz",
                f"{GITHUB}/lehaifeng/T-GCN/master/data/{{}}",
                inside={"los_speed.csv": "7b732d86ae32b2930595becba28aff39dacbfb2197e250fc0332e1744ce2cbf4"},
            ),
            Part(
                "traffic/los_adj.csv",
                f"{GITHUB}/lehaifeng/T-GCN/master/data/los_adj.csv",
                sha256="7a6eb41e10677992b5af50f5ab187c6c05c5c3a92cb973950cfddbf857361e76",
            ),
        ),
    ),
    "beijing_pollution": DataSet(
        "hourly fine dust and weather in Beijing, 2010-2014 (Liang et al. 2015)",
        "CC BY 4.0",
        "https://archive.ics.uci.edu/dataset/381/beijing+pm2+5+data, file from github.com/jbrownlee/Datasets",
        beijing_pollution,
        (
            Part(
                "weather/pollution.csv.gz",
                f"{GITHUB}/jbrownlee/Datasets/master/{{}}",
                inside={"pollution.csv": "892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2"},
            ),
        ),
    ),
    "ngsim_us101": DataSet(
        "NGSIM US-101: tracks of the 136 vehicles with a number below 1000, 10 Hz",
        "none stated in the repository; the original is open data of the US DOT",
        f"{DRIVING}; origin https://data.transportation.gov/d/8ect-6jqj",
        ngsim_us101,
        (
            Part(
                "trajectory/ngsim_us101_vehicles.zip",
                f"{DRIVING}/archive/4cbcb8b4e76a6755bbc09abca75c51297b2886bf.zip",
                pick=r"[^/]+/ngsim_data/(?:.*/)?([0-9]{1,3}\.csv)",
                many=(
                    r"[0-9]{1,3}\.csv",
                    136,
                    "39e08d2b2dcc3ef4b0b181f9496e2b09c28854e354b02921ffd4754c1298c7c8",
                ),
            ),
        ),
    ),
    "dut": DataSet(
        "DUT: 69 vehicles among pedestrians on a campus, 28 clips filmed from a drone (arXiv 1902.00487)",
        "none stated; citation asked",
        "https://github.com/dongfang-steven-yang/vci-dataset-dut",
        dut,
        (
            Part(
                "trajectory/dut_vehicles.zip",
                f"{GITHUB}/dongfang-steven-yang/vci-dataset-dut/e0f4a693ac86e815c020676a3c7411b79090afe7/data/trajectories_filtered/{{}}",
                many=(
                    r"data/.*_veh_filtered\.csv",
                    28,
                    "e0643216d5e358145ce8d219b77950dcb516b15863c74e2980ad9e24867b622d",
                ),
                names=tuple(f"data/trajectories_filtered/{clip}_traj_veh_filtered.csv" for clip in CLIPS),
            ),
        ),
    ),
}
