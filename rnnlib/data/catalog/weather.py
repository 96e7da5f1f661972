"""Weather and air: hourly measurements."""

import io

from rnnlib.data.entry import GITHUB, DataSet, Part


def beijing_pollution(files):
    """pandas.DataFrame, 43,824 hours (index `time`, local, 2010 to 2014, none missing).

    pm2.5 (micrograms a cubic metre; 2,067 values are NaN), DEWP dew point and TEMP (°C), PRES
    (hPa), cbwd wind direction (NE, NW, SE or cv, calm and variable), Iws cumulated wind (m/s), Is
    and Ir cumulated hours of snow and of rain.
    """

    import pandas as pd

    table = pd.read_csv(io.BytesIO(files["pollution.csv"]))
    table.index = pd.DatetimeIndex(
        pd.to_datetime(table[["year", "month", "day", "hour"]]), name="time", freq="h"
    )
    return table.drop(columns=["No", "year", "month", "day", "hour"])


SETS = {
    "beijing_pollution": DataSet(
        "hourly fine dust and weather in Beijing, 2010-2014 (Liang et al. 2015)",
        "CC BY 4.0",
        "https://archive.ics.uci.edu/dataset/381/beijing+pm2+5+data, file from "
        "github.com/jbrownlee/Datasets",
        beijing_pollution,
        (
            Part(
                "weather/pollution.csv.gz",
                f"{GITHUB}/jbrownlee/Datasets/master/{{}}",
                inside={
                    "pollution.csv": (
                        "892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2"
                    ),
                },
            ),
        ),
    ),
}
