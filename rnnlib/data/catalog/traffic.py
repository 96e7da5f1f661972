"""Traffic on roads: counted vehicles and speeds at detectors."""

import io

import numpy as np

from rnnlib.data.entry import GITHUB, DataSet, Part


def metro_traffic(files):
    """pandas.DataFrame, 48,204 rows as published, in the order of time.

    date_time (local, Minneapolis-St Paul; some hours repeat, one row for each weather entry, some
    are missing), traffic_volume (westbound vehicles an hour), holiday (text, "None" on ordinary
    days), temp (K), rain_1h and snow_1h (mm), clouds_all (%), weather_main, weather_description.
    """

    import pandas as pd

    blob = files["Metro_Interstate_Traffic_Volume.csv"]
    return pd.read_csv(io.BytesIO(blob), keep_default_na=False, parse_dates=["date_time"])


def los_loop(files):
    """dict: speeds, pandas.DataFrame (2016 steps of 5 minutes from 2012-03-01, 207 detectors), mph;
    adjacency (207, 207).

    The file has no times; those of the index are what its source says of it (1 to 7 March 2012,
    local).
    """

    import pandas as pd

    speeds = pd.read_csv(io.BytesIO(files["los_speed.csv"]))
    speeds.index = pd.date_range("2012-03-01", periods=len(speeds), freq="5min", name="time")
    return {
        "speeds": speeds,
        "adjacency": np.loadtxt(io.BytesIO(files["los_adj.csv"]), delimiter=","),
    }


SETS = {
    "metro_traffic": DataSet(
        "hourly westbound traffic on the I-94 near Minneapolis-St Paul with weather and "
        "holidays, 2012-2018",
        "CC BY 4.0",
        "https://archive.ics.uci.edu/dataset/492/metro+interstate+traffic+volume",
        metro_traffic,
        (
            Part(
                "traffic/Metro_Interstate_Traffic_Volume.csv.gz",
                "https://archive.ics.uci.edu/static/public/492/metro+interstate+traffic+volume.zip",
                pick=r"(?:.*/)?(Metro_Interstate_Traffic_Volume\.csv)(?:\.gz)?",
                inside={
                    "Metro_Interstate_Traffic_Volume.csv": (
                        "749c90d720360a4215bb15345526073c079ba4cc95e3fa558796d083f85fce9e"
                    ),
                },
            ),
        ),
    ),
    "los_loop": DataSet(
        "speeds at 207 loop detectors in Los Angeles, every 5 minutes for a week of March 2012, "
        "and their graph",
        "MIT for the code of T-GCN; none stated for the data",
        "https://github.com/lehaifeng/T-GCN",
        los_loop,
        (
            Part(
                "traffic/los_speed.csv.gz",
                f"{GITHUB}/lehaifeng/T-GCN/master/data/{{}}",
                inside={
                    "los_speed.csv": (
                        "7b732d86ae32b2930595becba28aff39dacbfb2197e250fc0332e1744ce2cbf4"
                    ),
                },
            ),
            Part(
                "traffic/los_adj.csv",
                f"{GITHUB}/lehaifeng/T-GCN/master/data/los_adj.csv",
                sha256="7a6eb41e10677992b5af50f5ab187c6c05c5c3a92cb973950cfddbf857361e76",
            ),
        ),
    ),
}
