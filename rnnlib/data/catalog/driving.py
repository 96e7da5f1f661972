"""Vehicles on their way: tracks on a motorway and on a campus."""

import io

from rnnlib.data.entry import GITHUB, DataSet, Part


def ngsim_us101(files):
    """list of 136 pandas.DataFrames, one vehicle each, by vehicle number;
    10 rows a second, none missing.

    Columns as published, among them local_x(m) across and local_y(m) along the road, v_Vel(m) in
    m/s, v_Acc(m) in m/s², Space_Headway(m), Time_Headway (s); H_v_Vel(m) and H_v_Acc(m) are lateral
    speed and acceleration added there.
    """
    return [
        _table(files[name])
        for name in sorted(files, key=lambda name: int(name.removesuffix(".csv")))
    ]


def dut(files):
    """dict {clip name: pandas.DataFrame} of 28 clips at 23.98 frames a second.

    Columns id (vehicle), frame, label, x_est and y_est (m), psi_est heading (rad), vel_est speed
    (m/s).
    """
    return {
        name.rsplit("/", 1)[-1].split("_traj")[0]: _table(files[name]) for name in sorted(files)
    }


def _table(blob):
    import pandas as pd

    return pd.read_csv(io.BytesIO(blob))


DRIVING = "https://github.com/chenshimao/NGSIM-FORECASTING-WITH-LSTM"
CLIPS = [
    *(f"intersection_{k:02}" for k in range(1, 18)),
    *(f"roundabout_{k:02}" for k in range(1, 12)),
]


SETS = {
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
        "DUT: 69 vehicles among pedestrians on a campus, 28 clips filmed from a drone (arXiv "
        "1902.00487)",
        "none stated; citation asked",
        "https://github.com/dongfang-steven-yang/vci-dataset-dut",
        dut,
        (
            Part(
                "trajectory/dut_vehicles.zip",
                f"{GITHUB}/dongfang-steven-yang/vci-dataset-dut/"
                "e0f4a693ac86e815c020676a3c7411b79090afe7/data/trajectories_filtered/{}",
                many=(
                    r"data/.*_veh_filtered\.csv",
                    28,
                    "e0643216d5e358145ce8d219b77950dcb516b15863c74e2980ad9e24867b622d",
                ),
                names=tuple(
                    f"data/trajectories_filtered/{clip}_traj_veh_filtered.csv" for clip in CLIPS
                ),
            ),
        ),
    ),
}
